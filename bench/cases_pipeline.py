"""`annstream run` beside scanpy in memory, and anndataoom where there is one: from counts to components.

One gzip file with one batch; the smaller case has three tenths of the cells, and is measured without compression too.
ANNSTREAM_BENCH_ANNDATAOOM names a Python that can import anndataoom: it wants an environment of its own, and is left
out without one. ANNSTREAM_BENCH_LARGE=1 adds a case with five times the cells, a million by default, for annstream
alone and without X: some 3 GB of input.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from case import BENCH, OURS, PYTHON, Case, Family, Job, Tool, ours
from steps import told

MEMORY_MIB = 512
BARE, SCANPY, OOM = "annstream, no X", "scanpy", "anndataoom"
SCRIPT = str(BENCH / "peer_pipeline.py")
CHECK = [PYTHON, str(BENCH / "check_pipeline.py")]
# Where the components are compared with exact ones, which takes minutes beyond.
EXACT_CELLS = 60_000
OOM_PYTHON = os.environ.get("ANNSTREAM_BENCH_ANNDATAOOM")


def run(*arguments: str) -> Tool:
    """`annstream run` to the components, with what it says about its stages."""
    line = ours("run", "--until", "pca", *arguments, memory_mib=MEMORY_MIB)
    name = BARE if arguments else OURS
    return Tool(name, lambda job: [*line(job), "--metrics", str(metrics_of(job.output))])


def metrics_of(output: Path) -> Path:
    """The file for that."""
    return output.with_name("metrics.json")


def command(python: str, peer: str, *arguments: str) -> Callable[[Job], list[str]]:
    """The command line of a flow in Python."""
    return lambda job: [python, SCRIPT, peer, *job.names, "-o", str(job.output), *arguments]


def peers(*arguments: str) -> tuple[Tool, ...]:
    """scanpy, and anndataoom or that it is absent."""
    in_memory = Tool(SCANPY, command(PYTHON, "scanpy", *arguments), "scanpy", entry_bytes=40)
    if OOM_PYTHON is None:
        problem = "absent: ANNSTREAM_BENCH_ANNDATAOOM names no Python that has it"
        return in_memory, Tool(OOM, command(PYTHON, "anndataoom"), absent=problem)
    return in_memory, Tool(OOM, command(OOM_PYTHON, "anndataoom"), "anndataoom")


def look(tool: str, job: Job, output: Path, *, exact: bool = True) -> dict:
    """What the comparison needs of an output, kept in a small file; and what the tool said of its stages."""
    # Beside the folder of outputs, which is emptied after each tool.
    kept = job.output.with_name("kept")
    kept.mkdir(exist_ok=True)
    found: dict = {"kept": str(kept)}
    # The components of anndataoom are of other values.
    if tool != OOM:
        words = ["--exact"] if exact and tool == OURS and job.options.cells <= EXACT_CELLS else []
        line = [*CHECK, "keep", str(output), str(kept / f"{tool}.npz"), *words]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            found["problem"] = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if metrics_of(output).exists():
        found["metrics"] = json.loads(metrics_of(output).read_text())
    return found


def verdict(looks: dict[str, dict]) -> dict:
    """Whether all agree, how exact the components are, and the time of our stages."""
    problems = [f"DIFFERS: {tool}: {found['problem']}" for tool, found in looks.items() if "problem" in found]
    stages = {tool: found["metrics"]["report"] for tool, found in looks.items() if "metrics" in found}
    if problems or OURS not in looks:
        return {"checked": "; ".join(problems) or "not compared", "stages": stages}
    line = [*CHECK, "compare", looks[OURS]["kept"], OURS]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"checked": f"DIFFERS: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", "stages": stages}
    return {**json.loads(done.stdout), "stages": stages}


def claims(results: dict[str, dict]) -> list[str]:
    """How exact the components are, and where our time goes."""
    lines = ["Ours compresses as the input is compressed; scanpy writes without compression, its default."]
    for name, case in results.items():
        for tool, found in case.get("accuracy", {}).items():
            lines.append(
                f"{name}: components of {tool} beside exact ones: least |cos| {found['cosine']:.8f} where the gap is "
                f"above 1e-3 ({found['compared']} of {found['components']}), angle of the first {found['leading']} "
                f"{found['angle']:.1e}, variances within {found['variance']:.1e}."
            )
        for tool, report in case.get("stages", {}).items():
            passes = f", {report['passes']} passes" if "passes" in report else ""
            lines.append(f"{name}: {tool}{passes}, steps of the first run: {told(report['stages'])}.")
    return lines


def tutorial(name: str, title: str, share: float, dataset: str = "atlas") -> Case:
    """The flow of the tutorial on so much of the cells."""
    tools = (run(), run("--keep-x", "none"), *peers())
    title = f"{title}, --memory {MEMORY_MIB}M"
    return Case(name, title, (dataset,), tools, memory_mib=MEMORY_MIB, share=share, look=look, verdict=verdict)


def large() -> tuple[Case, ...]:
    """Five times the cells, if asked for."""
    if not os.environ.get("ANNSTREAM_BENCH_LARGE"):
        return ()
    title = f"the scanpy tutorial, five times the cells, --memory {MEMORY_MIB}M"
    tools = (run("--keep-x", "none"),)
    return (
        Case("tutorial-large", title, ("atlas",), tools, memory_mib=MEMORY_MIB, share=5.0, look=look, verdict=verdict),
    )


FAMILY = Family(
    "pipeline",
    "Counts to components",
    (
        tutorial("tutorial-part", "the scanpy tutorial, three tenths of the cells", 0.3),
        tutorial("tutorial-plain", "the same, uncompressed input", 0.3, "atlas-plain"),
        tutorial("tutorial", "the scanpy tutorial, all cells", 1.0),
        *large(),
    ),
    claims,
)
