#!/usr/bin/env python3
"""Measures annstream beside anndata, h5py and zarr, on the same files, in one run.

Every figure is of a whole process: wall time, user and system CPU, peak resident memory as the kernel saw it. The
inputs are in the page cache; what is timed ends when the process ends. Repetitions are interleaved, and the median
is reported. For each case the outputs are compared as well: a fast wrong answer counts as a failure.

    make bench                                       everything: 4 x 50,000 cells, three repetitions
    make bench BENCH_ARGS="--quick"                  a look in some minutes
    make bench BENCH_ARGS="--only zarr read"         some families of cases
    make bench BENCH_ARGS="--cases gzip-diff --repeat 5"
    make bench BENCH_ARGS="--only pipeline"          counts to components: 60,000 and 200,000 cells
    make bench BENCH_ARGS="--only python"            the package beside scanpy and anndataoom in a notebook
    make bench BENCH_ARGS="--only graph end"         components to clusters, counts to markers: 20,000 and 100,000 cells
    make bench BENCH_ARGS="--touch 8"                where a virtual machine gives back memory that it does not use
    make bench BENCH_ARGS="--report --update-readme" no runs: the table of what former runs found

Each family leaves its results in build/bench/FAMILY.json, where cases of a former run with the same options stay if
they are not run again. Peaks below about 10 MiB cannot be seen: that is what the
process that starts the measured ones holds (launch.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cases_concat
import cases_convert
import cases_end
import cases_graph
import cases_pipeline
import cases_python
import cases_read
import cases_virtual
import cases_zarr
from case import BENCH, IMPORTS, OURS, PYTHON, Case, Family, Job, Tool
from datasets import ROOT, folder_of, inputs_of
from measure import MIB, Measured, available_bytes, measure, remove, size_of, touch, warm
from report import footnote, markdown, summary, text_table, update_readme

OUT = ROOT / "build/bench"
MODULES = (
    cases_concat,
    cases_zarr,
    cases_convert,
    cases_virtual,
    cases_read,
    cases_pipeline,
    cases_python,
    cases_graph,
    cases_end,
)
# The options that figures depend on.
RECORDED = ("cells", "genes", "density", "repeat", "threads", "touch")
FAMILIES = tuple(module.FAMILY for module in MODULES)


def outcome(case: Case, output: Path, log: Path) -> dict | list:
    """What a tool found, in a form in which equal results are equal."""
    if case.suffix is None:
        return [float(word) for word in log.read_text().split()]
    command = [PYTHON, str(BENCH / "digest.py"), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"readable": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(done.stdout)


def compare(outcomes: dict[str, dict | list]) -> str:
    """Compares our result with those of the peers."""
    peers = [tool for tool in outcomes if tool != OURS]
    if OURS not in outcomes or not peers:
        return "not compared"
    ours = outcomes[OURS]
    for peer in peers:
        theirs = outcomes[peer]
        if isinstance(ours, list) or isinstance(theirs, list):
            if ours != theirs:
                return f"DIFFERS from {peer}: {ours} and {theirs}"
            continue
        parts = [part for part in ours | theirs if ours.get(part) != theirs.get(part)]
        if parts:
            return f"DIFFERS from {peer} in {', '.join(parts)}"
    return f"equal to {', '.join(peers)}"


def run_case(case: Case, options: argparse.Namespace) -> dict:
    """Measures all tools of a case."""
    options = shared(case, options)
    tools = {tool.name: tool for tool in case.tools if tool.name not in options.without}
    inputs = inputs_of(case.datasets, case.files, case.times, options)
    others = {
        name: inputs_of(tool.datasets, case.files, case.times, options) for name, tool in tools.items() if tool.datasets
    }
    nnz = sum(entry.nnz for entry in inputs)
    scratch = OUT / "scratch"
    for folder in (scratch, OUT / "kept"):
        remove(folder)
    scratch.mkdir(parents=True)
    measured = {name: Measured() for name in tools}
    for name, tool in tools.items():
        measured[name].problem = tool.absent
        if tool.entry_bytes and tool.entry_bytes * nnz + 1024 * MIB > available_bytes():
            measured[name].problem = "skipped: too little memory"
    for read in (inputs, *others.values()):
        warm([entry.path for entry in read])
    outcomes = {}
    for repetition in range(options.repeat):
        order = list(measured)
        order = order[repetition % len(order) :] + order[: repetition % len(order)]
        for name in order:
            if measured[name].problem:
                continue
            paths = [entry.path for entry in others.get(name, inputs)]
            log = OUT / f"logs/{case.name}-{order.index(name)}-{repetition}.log"
            job = Job(paths, scratch, options)
            found = run_tool(case, tools[name], job, measured[name], log)
            if repetition == 0 and tools[name].checked and found is not None:
                outcomes[name] = case.look(name, job, found) if case.look else outcome(case, found, log)
            # At once: what is not on the disk yet need not go there while the next tool runs.
            remove(scratch)
            scratch.mkdir()
    shutil.rmtree(scratch)
    said = case.verdict(outcomes) if case.verdict else {"checked": compare(outcomes)}
    print(f"  {said['checked']}", flush=True)
    return {
        "name": case.name,
        "title": case.title,
        "cells": sum(entry.cells for entry in inputs),
        "nnz": nnz,
        "input_bytes": sum(entry.bytes for entry in inputs),
        "memory_mib": case.memory_mib,
        "expected": dict(case.expected),
        **said,
        "tools": {name: {**found.summary(), "imports": tools[name].imports} for name, found in measured.items()},
    }


def shared(case: Case, options: argparse.Namespace) -> argparse.Namespace:
    """The options with the cells of a case."""
    return argparse.Namespace(**{**vars(options), "cells": round(options.cells * case.share)})


def run_tool(case: Case, tool: Tool, job: Job, measured: Measured, log: Path) -> Path | None:
    """Runs a tool once, in the folder that the job names; the output, unless it failed."""
    copies = tool.name.startswith("cp ")
    output = job.output if copies else job.output / f"out{case.suffix or ''}"
    touch(job.options.touch)
    cost, measured.problem = measure(tool.command(replace(job, output=output)), log)
    if measured.problem:
        print(f"  {tool.name}: {measured.problem}", flush=True)
        return None
    measured.runs.append(cost)
    measured.output_bytes = size_of(output)
    print(
        f"  {len(measured.runs)}/{job.options.repeat} {tool.name:20} {cost['wall']:8.2f} s {cost['cpu']:8.2f} s CPU "
        f"{cost['peak_mib']:7.0f} MiB",
        flush=True,
    )
    return output


def import_costs(cases: tuple[Case, ...], options: argparse.Namespace) -> dict[str, dict]:
    """What Python processes pay for their imports, for each set of imports that the cases need."""
    costs = {}
    for name in sorted({tool.imports for case in cases for tool in case.tools if tool.imports}):
        result = Measured()
        for _ in range(options.repeat + 1):
            cost, problem = measure(IMPORTS[name], OUT / "logs/import.log")
            if problem:
                sys.exit(f"bench: {name} cannot be imported: {problem}")
            result.runs.append(cost)
        result.runs = result.runs[1:]  # the first one filled the page cache
        costs[name] = result.summary()
    return costs


def machine(options: argparse.Namespace) -> dict:
    """What the figures depend on."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    versions = [PYTHON, str(BENCH / "peer_anndata.py"), "versions"]
    peers = subprocess.run(versions, capture_output=True, text=True, check=True).stdout
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


def run_family(family: Family, options: argparse.Namespace) -> dict:
    """Measures the cases of a family, and writes down each as soon as it is done, beside those of former runs."""
    path = OUT / f"{family.name}.json"
    results = {
        "name": family.name,
        "title": family.title,
        "machine": machine(options),
        "options": {
            name: getattr(options, name) for name in ("cells", "genes", "density", "repeat", "threads", "touch")
        },
        "imports": import_costs(family.cases, options),
        "cases": [],
        "claims": [],
    }
    former = json.loads(path.read_text()) if path.exists() else {}
    if former and former["options"] != results["options"]:
        former = {}
    found = {case["name"]: case for case in former.get("cases", [])}
    # Cases that stay need theirs.
    results["imports"] = former.get("imports", {}) | results["imports"]
    order = [case.name for whole in FAMILIES if whole.name == family.name for case in whole.cases]
    for case in family.cases:
        print(f"{case.name}: {case.title}", flush=True)
        found[case.name] = run_case(case, options)
        results["cases"] = [found[name] for name in order if name in found]
        results["claims"] = family.claims({case["name"]: case for case in results["cases"]})
        path.write_text(json.dumps(results, indent=1) + "\n")
    return results


def chosen(options: argparse.Namespace) -> list[Family]:
    """The families that were asked for, with the cases that were."""
    families = []
    for family in FAMILIES:
        cases = tuple(case for case in family.cases if not options.cases or case.name in options.cases)
        if cases and (not options.only or family.name in options.only):
            families.append(replace(family, cases=cases))
    return families


def warn_of_space(families: list[Family], options: argparse.Namespace) -> None:
    """Inputs that are to be made take up to 8 bytes an entry and set; an output and scratch files take two more."""
    used = {
        folder_of(name, shared(case, options)) for family in families for case in family.cases for name in case.datasets
    }
    missing = [folder for folder in used if not (folder / "manifest.json").exists()]
    if shutil.disk_usage(OUT).free < 8 * options.cells * options.genes * options.density * (len(missing) + 3):
        print("bench: there may be too little space on the disk", file=sys.stderr)


def parse() -> argparse.Namespace:
    """The options."""
    cases = [case for family in FAMILIES for case in family.cases]
    tools = sorted({tool.name for case in cases for tool in case.tools} - {OURS})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=[family.name for family in FAMILIES], help="families; default: all"
    )
    parser.add_argument("--cases", nargs="+", choices=[case.name for case in cases], help="default: all")
    parser.add_argument("--without", nargs="+", choices=tools, default=[], help="peers to leave out")
    parser.add_argument("--repeat", type=int, help="repetitions (3; with --quick 1)")
    parser.add_argument("--cells", type=int, help="cells in the four files together (200,000; with --quick 10,000)")
    parser.add_argument("--genes", type=int, default=25_000, help="genes (%(default)s)")
    parser.add_argument("--density", type=float, default=0.06, help="share of entries that are not zero (%(default)s)")
    parser.add_argument("--threads", type=int, help="our threads; default: as many as it takes by itself")
    parser.add_argument("--base", type=Path, default=ROOT / "demo/pbmc4k.h5ad", help="real cells to start from")
    parser.add_argument("--touch", type=float, default=0, help="GB of memory to use before each run")
    parser.add_argument("--quick", action="store_true", help="one repetition on 10,000 cells")
    parser.add_argument("--report", action="store_true", help="measure nothing: show the results of former runs")
    parser.add_argument("--update-readme", action="store_true", help="write README.md's table and RESULTS.md")
    options = parser.parse_args()
    options.cells = options.cells or (10_000 if options.quick else 200_000)
    options.repeat = options.repeat or (1 if options.quick else 3)
    options.binary = Path(os.environ.get("ANNSTREAM_BIN", ROOT / "target/release/annstream")).resolve()
    if not options.report and not options.binary.exists():
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
    families = chosen(options)
    (OUT / "logs").mkdir(parents=True, exist_ok=True)
    if options.report:
        paths = [OUT / f"{family.name}.json" for family in families]
        results = [json.loads(path.read_text()) for path in paths if path.exists()]
    else:
        warn_of_space(families, options)
        for family in families:
            for case in family.cases:
                for names in (case.datasets, *(tool.datasets for tool in case.tools if tool.datasets)):
                    inputs_of(names, None, 1, shared(case, options))
        results = [run_family(family, options) for family in families]
    for family in results:
        print(f"{text_table(family)}\n{footnote(family)}")
    (OUT / "results.md").write_text(markdown(results))
    print(f"\nwritten: {OUT.relative_to(ROOT)}/*.json and results.md")
    if options.update_readme:
        update_readme(ROOT / "README.md", summary(results))
        head = "# What `make bench` measured\n\nWritten by `make bench BENCH_ARGS=--update-readme`.\n\n"
        (BENCH / "RESULTS.md").write_text(head + markdown(results))
    bad = [case["name"] for family in results for case in family["cases"] if failed(case)]
    if bad:
        print(f"bench: annstream failed, differed or took too much memory in: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
