#!/usr/bin/env python3
"""Measures `annstream concat` beside anndata, on the same files, in one run.

Every figure is of a whole process: wall time, user and system CPU, peak resident memory as the kernel saw it. The
inputs are in the page cache; what is timed ends when the process ends. Repetitions are interleaved, and the median
is reported. For each case the outputs are compared as well: a fast wrong answer counts as a failure.

    make bench                                       everything: 4 x 50,000 cells, three repetitions
    make bench BENCH_ARGS="--quick"                  a look in a minute or two
    make bench BENCH_ARGS="--cases gzip-diff --repeat 5"

Peaks below about 10 MiB cannot be seen: that is what the process that starts the measured ones holds (launch.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = [sys.executable, str(ROOT / "bench/peers.py")]
OUT = ROOT / "build/bench"
DATA = ROOT / "build/bench-data"
MARKS = ("<!-- bench:start -->", "<!-- bench:end -->")
BATCHES = 4
MIB = 1 << 20

OURS, DISK, MEMORY, COPY = "annstream", "concat_on_disk", "anndata.concat", "cp (inputs)"
ALL = (OURS, DISK, MEMORY, COPY)

# How make_atlas.py makes each set; the counts are the same in all that have the same genes.
DATASETS = {
    "same": ["--same-genes"],
    "diff": [],
    "same-gzip": ["--same-genes", "--compression", "gzip"],
    "diff-gzip": ["--compression", "gzip"],
    "diff-csc": ["--layout", "csc"],
}


@dataclass(frozen=True)
class Case:
    """One job, and who does it."""

    name: str
    title: str
    dataset: str
    join: str = "inner"
    compression: str = "none"
    tools: tuple[str, ...] = ALL
    times: int = 1
    memory_mib: int | None = None


CASES = [
    Case("raw-same", "uncompressed, same genes, inner", "same"),
    Case("raw-diff", "uncompressed, different genes, inner", "diff"),
    Case("raw-diff-outer", "uncompressed, different genes, outer", "diff", join="outer"),
    Case("gzip-same", "gzip in, uncompressed out, same genes, inner", "same-gzip"),
    Case("gzip-diff", "gzip in, uncompressed out, different genes, inner", "diff-gzip"),
    # concat_on_disk cannot compress what it writes, and refuses CSC.
    Case("gzip-gzip", "gzip in, gzip out, different genes, inner", "diff-gzip", "inner", "gzip", (OURS, MEMORY, COPY)),
    Case("csc", "CSC in, CSR out, different genes, inner", "diff-csc", tools=(OURS, MEMORY, COPY)),
    Case(
        "memory", "uncompressed, different genes, outer, --memory 256M", "diff", "outer", tools=(OURS,), memory_mib=256
    ),
    Case("doubled", "the case memory with every file twice", "diff", "outer", tools=(OURS,), times=2, memory_mib=256),
]


@dataclass
class Measured:
    """The runs of one tool in one case."""

    runs: list[dict] = field(default_factory=list)
    output_bytes: int = 0
    problem: str | None = None

    def median(self, name: str) -> float:
        """The median of one figure."""
        return statistics.median(run[name] for run in self.runs)


def measure(command: list[str], log: Path) -> tuple[dict, str | None]:
    """Runs a process; returns what it cost, and why it failed if it did."""
    os.sync()
    launch = [sys.executable, "-I", "-S", str(ROOT / "bench/launch.py"), str(log), *command]
    printed = subprocess.run(launch, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    code, wall, cpu, peak = (float(figure) for figure in printed.split())
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {"wall": wall, "cpu": cpu, "peak_mib": peak * unit / MIB}
    if code == 0:
        return cost, None
    lines = log.read_text(errors="replace").strip().splitlines()
    return cost, f"exit {code:.0f}: {lines[-1] if lines else 'no message'}"


def warm(paths: list[Path]) -> None:
    """Brings files into the page cache."""
    for path in paths:
        with path.open("rb", buffering=0) as stream:
            while stream.read(16 * MIB):
                pass


def available_bytes() -> int:
    """Memory that a process can get now."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def make_data(name: str, options: argparse.Namespace) -> tuple[list[Path], dict]:
    """The files of a dataset, made unless a former run left them, and their manifest."""
    folder = DATA / f"{options.cells}x{options.genes}-{options.density:g}" / name
    manifest = folder / "manifest.json"
    if not manifest.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"making {BATCHES} files in {folder.relative_to(ROOT)} ...", flush=True)
        command = [sys.executable, str(ROOT / "bench/make_atlas.py"), "--cells", str(options.cells)]
        command += ["--genes", str(options.genes), "--density", str(options.density), "--batches", str(BATCHES)]
        command += ["--jobs", str(min(2, os.cpu_count() or 1)), "--base", str(options.base), "--out-dir", str(folder)]
        subprocess.run([*command, *DATASETS[name]], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    facts = json.loads(manifest.read_text())
    return [folder / entry["file"] for entry in facts["files"]], facts


def command_of(tool: str, case: Case, inputs: list[Path], output: Path, options: argparse.Namespace) -> list[str]:
    """The command line of a tool for a case."""
    names = [str(path) for path in inputs * case.times]
    if tool == COPY:
        return ["cp", *names, str(output)]
    unique = ["--index-unique=-"] if case.times > 1 else []
    if tool == OURS:
        command = [str(options.binary), "concat", *names, "-o", str(output), "--join", case.join, *unique]
        command += ["--compression", case.compression, "--progress", "off"]
        if options.threads:
            command += ["--threads", str(options.threads)]
        return command + (["--memory", f"{case.memory_mib}M"] if case.memory_mib else [])
    command = [*PEERS, tool, *names, "-o", str(output), "--join", case.join, *unique]
    return command + (["--compression", case.compression] if case.compression != "none" else [])


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    return sum(entry.stat().st_size for entry in path.iterdir()) if path.is_dir() else path.stat().st_size


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def compare(outputs: dict[str, Path]) -> str:
    """Compares our output with that of the first peer that made one."""
    peer = next((tool for tool in (DISK, MEMORY) if tool in outputs), None)
    if OURS not in outputs or peer is None:
        return "not compared"
    done = subprocess.run([*PEERS, "equal", outputs[OURS], outputs[peer]], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return f"equal to {peer}"
    return f"DIFFERS from {peer}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"


def run_case(case: Case, options: argparse.Namespace) -> dict:
    """Measures all tools of a case."""
    inputs, facts = make_data(case.dataset, options)
    scratch = OUT / "scratch"
    remove(scratch)
    scratch.mkdir(parents=True)
    warm(inputs)
    measured = {tool: Measured() for tool in case.tools if tool not in options.without}
    # Read in, merged, and a copy while writing: about three times the entries, at 8 bytes each.
    if MEMORY in measured and 3 * 8 * facts["nnz"] * case.times + 1024 * MIB > available_bytes():
        measured[MEMORY].problem = "skipped: too little memory"
    checked = "not compared"
    for repetition in range(options.repeat):
        order = list(measured)
        order = order[repetition % len(order) :] + order[: repetition % len(order)]
        outputs = {}
        for tool in order:
            result = measured[tool]
            if result.problem:
                continue
            output = scratch / (tool.split()[0] + ("" if tool == COPY else ".h5ad"))
            if tool == COPY:
                output.mkdir()
            name = f"{case.name}-{tool.split()[0]}-{repetition}"
            cost, result.problem = measure(command_of(tool, case, inputs, output, options), OUT / f"logs/{name}.log")
            if result.problem:
                print(f"  {tool}: {result.problem}", flush=True)
                remove(output)
                continue
            print(
                f"  {repetition + 1}/{options.repeat} {tool:15} {cost['wall']:8.2f} s {cost['cpu']:8.2f} s CPU "
                f"{cost['peak_mib']:7.0f} MiB",
                flush=True,
            )
            result.runs.append(cost)
            result.output_bytes = size_of(output)
            # The outputs of the first repetition stay for the comparison.
            if repetition == 0:
                outputs[tool] = output
            else:
                remove(output)
        if repetition == 0:
            checked = compare(outputs)
            print(f"  {checked}", flush=True)
            for output in outputs.values():
                remove(output)
    shutil.rmtree(scratch)
    return {
        "name": case.name,
        "title": case.title,
        "cells": facts["cells"] * case.times,
        "nnz": facts["nnz"] * case.times,
        "input_bytes": facts["bytes"] * case.times,
        "memory_mib": case.memory_mib,
        "checked": checked,
        "tools": {tool: summary(result) for tool, result in measured.items()},
    }


def summary(result: Measured) -> dict:
    """What goes into the results for one tool."""
    if not result.runs:
        return {"problem": result.problem}
    walls = [run["wall"] for run in result.runs]
    figures = {name: result.median(name) for name in ("wall", "cpu", "peak_mib")}
    spread = {"wall_least": min(walls), "wall_most": max(walls)}
    return {**figures, **spread, "output_bytes": result.output_bytes, "runs": result.runs, "problem": result.problem}


def import_cost(repeat: int) -> dict:
    """What a Python process pays for its imports."""
    result = Measured()
    for _ in range(repeat + 1):
        cost, problem = measure([*PEERS, "import"], OUT / "logs/import.log")
        if problem:
            sys.exit(f"bench: the peers cannot be imported: {problem}")
        result.runs.append(cost)
    result.runs = result.runs[1:]  # the first one filled the page cache
    return summary(result)


def machine(options: argparse.Namespace) -> dict:
    """What the figures depend on."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    peers = subprocess.run([*PEERS, "versions"], capture_output=True, text=True, check=True).stdout
    ours = subprocess.run([str(options.binary), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
        "annstream": (ours.strip().splitlines() or ["unknown"])[0],
        "peers": json.loads(peers),
    }


def cells_of(case: dict, tool: str, imports: dict) -> list[str]:
    """One row of the table: figures, then how many times ours they are."""
    found = case["tools"][tool]
    if "wall" not in found:
        return [tool, found["problem"] or "not run", "", "", "", "", "", ""]
    wall = f"{found['wall']:.2f}"
    if len(found["runs"]) > 1:
        wall += f" ({found['wall_least']:.2f}-{found['wall_most']:.2f})"
    row = [tool, wall, f"{found['cpu']:.2f}", f"{found['peak_mib']:.0f}", f"{found['output_bytes'] / 1e6:.0f}"]
    ours = case["tools"].get(OURS, {})
    if tool == OURS:
        limit = case["memory_mib"]
        if limit:
            row[3] += f" ({'within' if found['peak_mib'] <= limit else 'OVER'} {limit})"
        return [*row, "1", "1", "1"]
    if "wall" not in ours:
        return [*row, "", "", ""]
    ratio = f"{found['wall'] / ours['wall']:.2f}"
    if tool != COPY:
        ratio += f" ({max(0.0, found['wall'] - imports['wall']) / ours['wall']:.2f})"
    return [*row, ratio, f"{found['cpu'] / ours['cpu']:.2f}", f"{found['peak_mib'] / ours['peak_mib']:.2f}"]


HEADS = ["", "wall s", "CPU s", "peak MiB", "output MB", "x wall", "x CPU", "x peak"]


def text_table(results: dict) -> str:
    """The table for a terminal."""
    lines = []
    for case in results["cases"]:
        lines += ["", f"{case['name']}: {case['title']}; {describe(case)}; {case['checked']}"]
        rows = [HEADS, *(cells_of(case, tool, results["import"]) for tool in case["tools"])]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
        lines += [
            "  " + row[0].ljust(widths[0]) + "".join("  " + row[i].rjust(widths[i]) for i in range(1, len(HEADS)))
            for row in rows
        ]
    return "\n".join([*lines, "", footnote(results)])


def markdown(results: dict) -> str:
    """The same for the README."""
    at = results["machine"]
    lines = [
        f"{at['cores']} cores ({at['cpu']}), {at['memory_gib']} GiB, {at['system']}; {at['annstream']}; "
        f"anndata {at['peers']['anndata']}, h5py {at['peers']['h5py']}, Python {at['peers']['python']}. "
        f"Median of {results['options']['repeat']} (least-most).",
    ]
    for case in results["cases"]:
        lines += ["", f"**{case['title'][0].upper()}{case['title'][1:]}** ({describe(case)}; {case['checked']})", ""]
        lines += ["| " + " | ".join(HEADS) + " |", "|---" + "|--:" * (len(HEADS) - 1) + "|"]
        lines += ["| " + " | ".join(cells_of(case, tool, results["import"])) + " |" for tool in case["tools"]]
    return "\n".join([*lines, "", footnote(results)]) + "\n"


def describe(case: dict) -> str:
    """How much data a case has."""
    return f"{case['cells']:,} cells, {case['nnz'] / 1e6:.0f} M entries, {case['input_bytes'] / 1e6:,.0f} MB"


def footnote(results: dict) -> str:
    """What the columns mean."""
    imports = results["import"]
    return (
        'The columns "x" say how many times ours a figure is. A Python process pays '
        f"{imports['wall']:.2f} s and {imports['peak_mib']:.0f} MiB for its imports; the ratio in parentheses leaves "
        "that time out. Whole processes, page cache warm. `cp` copies the input files: the floor that the disk sets."
    )


def update_readme(text: str) -> None:
    """Puts the table between the marks of the README."""
    path = ROOT / "README.md"
    before, rest = path.read_text().split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    path.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{after}")


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=[case.name for case in CASES], help="default: all")
    parser.add_argument("--without", nargs="+", choices=ALL[1:], default=[], help="peers to leave out")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (%(default)s)")
    parser.add_argument("--cells", type=int, default=200_000, help="cells in the four files together (%(default)s)")
    parser.add_argument("--genes", type=int, default=25_000, help="genes (%(default)s)")
    parser.add_argument("--density", type=float, default=0.06, help="share of entries that are not zero (%(default)s)")
    parser.add_argument("--threads", type=int, help="our threads; default: as many as it takes by itself")
    parser.add_argument("--base", type=Path, default=ROOT / "demo/pbmc4k.h5ad", help="real cells to start from")
    parser.add_argument("--quick", action="store_true", help="one repetition on 10,000 cells")
    parser.add_argument("--update-readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    if options.quick:
        options.cells, options.repeat = 10_000, 1
    options.binary = Path(os.environ.get("ANNSTREAM_BIN", ROOT / "target/release/annstream")).resolve()
    if not options.binary.exists():
        parser.error(f"{options.binary} is not there: run `make build`")
    return options


def failed(case: dict) -> bool:
    """Whether ours failed, gave another result, or took more memory than it was allowed."""
    ours = case["tools"].get(OURS, {})
    over = case["memory_mib"] and ours.get("peak_mib", 0) > case["memory_mib"]
    return bool(ours.get("problem") or over or case["checked"].startswith("DIFFERS"))


def main() -> int:
    """Measures, prints, and fails if ours did."""
    options = parse()
    cases = [case for case in CASES if not options.cases or case.name in options.cases]
    (OUT / "logs").mkdir(parents=True, exist_ok=True)
    # Inputs are made once, about 8 bytes an entry for each dataset; beside them stand three outputs at a time.
    entry_bytes = 8 * options.cells * options.genes * options.density
    missing = [
        name
        for name in {case.dataset for case in cases}
        if not (DATA / f"{options.cells}x{options.genes}-{options.density:g}" / name / "manifest.json").exists()
    ]
    if shutil.disk_usage(OUT).free < entry_bytes * (len(missing) + 7):
        print("bench: there may be too little space on the disk", file=sys.stderr)
    for name in DATASETS:
        if any(case.dataset == name for case in cases):
            make_data(name, options)

    results = {
        "machine": machine(options),
        "options": {name: getattr(options, name) for name in ("cells", "genes", "density", "repeat", "threads")},
        "import": import_cost(options.repeat),
        "cases": [],
    }
    for case in cases:
        print(f"{case.name}: {case.title}", flush=True)
        results["cases"].append(run_case(case, options))
        (OUT / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(text_table(results))
    (OUT / "results.md").write_text(markdown(results))
    print(f"\nwritten: {OUT.relative_to(ROOT)}/results.json and results.md")
    if options.update_readme:
        update_readme(markdown(results))
    bad = [case["name"] for case in results["cases"] if failed(case)]
    if bad:
        print(f"bench: annstream failed, differed or took too much memory in: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
