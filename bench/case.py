"""What is measured: cases, the tools that do them, and families of cases. Each family stands in a file `cases_*.py`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PYTHON = sys.executable
OURS, DISK, MEMORY, COPY = "annstream", "concat_on_disk", "anndata.concat", "cp (inputs)"
SYNCED = "cp + sync (inputs)"
DISK_SYNCED = "concat_on_disk + sync"
# What a Python peer imports before it does anything, by name, and the command that does only that.
IMPORTS = {
    "anndata": [PYTHON, str(BENCH / "peer_anndata.py"), "import"],
    "h5py": [PYTHON, str(BENCH / "peer_read.py"), "h5py"],
    "zarr": [PYTHON, str(BENCH / "peer_read.py"), "zarr"],
    "scanpy": [PYTHON, str(BENCH / "peer_pipeline.py"), "import-scanpy"],
    "annstream": [PYTHON, str(BENCH / "peer_pipeline.py"), "import-annstream"],
    "anndataoom": [
        os.environ.get("ANNSTREAM_BENCH_ANNDATAOOM", PYTHON),
        str(BENCH / "peer_pipeline.py"),
        "import-anndataoom",
    ],
}


@dataclass(frozen=True)
class Job:
    """One run of a tool: what it reads, and where it writes."""

    inputs: list[Path]
    output: Path
    options: argparse.Namespace

    @property
    def names(self) -> list[str]:
        """The inputs as arguments."""
        return [str(path) for path in self.inputs]


@dataclass(frozen=True)
class Tool:
    """Somebody who does a case; the first one of a case is ours."""

    name: str
    command: Callable[[Job], list[str]]
    # A key of IMPORTS, for peers in Python.
    imports: str | None = None
    # Bytes of memory for each entry of the inputs, for tools that hold them; they are skipped where that is too much.
    entry_bytes: int = 0
    # Whether what it makes has to be what ours makes.
    checked: bool = True
    # Other data than that of the case.
    datasets: tuple[str, ...] | None = None
    # Why it is not there.
    absent: str | None = None


@dataclass(frozen=True)
class Case:
    """One job, and who does it."""

    name: str
    title: str
    # The i-th input is the i-th file of the i-th of these, in turns.
    datasets: tuple[str, ...]
    tools: tuple[Tool, ...]
    # Of the output; without one, the job prints its result.
    suffix: str | None = ".h5ad"
    # How many of the files are read, and how often.
    files: int | None = None
    times: int = 1
    # What ours must not exceed.
    memory_mib: int | None = None
    # How many times ours a peer is expected to take.
    expected: Mapping[str, float] = field(default_factory=dict)
    # How many of the cells that were asked for.
    share: float = 1.0
    # What is found in the output of a tool, and what is said of all that was found: `checked`, and more for the
    # claims; without these, outputs have to be equal.
    look: Callable[[str, Job, Path], dict] | None = None
    verdict: Callable[[dict[str, dict]], dict] | None = None


@dataclass(frozen=True)
class Family:
    """Cases that belong together, and what they should show together: lines to print, from their results by name."""

    name: str
    title: str
    cases: tuple[Case, ...]
    claims: Callable[[dict[str, dict]], list[str]] = lambda _: []


def ours(verb: str, *arguments: str, memory_mib: int | None = None) -> Callable[[Job], list[str]]:
    """The command line of `annstream VERB INPUTS -o OUTPUT ARGUMENTS`; of `convert`, which takes no -o, too."""

    def command(job: Job) -> list[str]:
        to = [str(job.output)] if verb == "convert" else ["-o", str(job.output)]
        line = [str(job.options.binary), verb, *job.names, *to, *arguments, "--progress", "off"]
        if job.options.threads:
            line += ["--threads", str(job.options.threads)]
        return line + (["--memory", f"{memory_mib}M"] if memory_mib else [])

    return command


def peer(task: str, *arguments: str) -> Callable[[Job], list[str]]:
    """The command line of a task of `peer_anndata.py`."""
    start = [PYTHON, str(BENCH / "peer_anndata.py"), task]
    return lambda job: [*start, *job.names, "-o", str(job.output), *arguments]


def on_disk(*arguments: str) -> Tool:
    """`anndata.experimental.concat_on_disk`."""
    return Tool(DISK, peer(DISK, *arguments), "anndata")


def on_disk_synced(*arguments: str) -> Tool:
    """The same until its output is on the disk, as ours is when it ends."""
    return Tool(DISK_SYNCED, peer(DISK, "--sync", *arguments), "anndata", checked=False)


def in_memory(*arguments: str) -> Tool:
    """Read everything, `anndata.concat`, write: read in, merged, and a copy while writing, at 8 bytes an entry."""
    return Tool(MEMORY, peer(MEMORY, *arguments), "anndata", entry_bytes=24)


# A copy of the inputs: the floor that the disk sets.
COPIES = Tool(COPY, lambda job: ["cp", "-r", *job.names, str(job.output)], checked=False)
# The same until it is on the disk, as ours is when it ends.
SYNC = 'to="$1"; shift; cp -r "$@" "$to" && find "$to" -type f -exec sync {} +'
SYNCED_COPIES = Tool(SYNCED, lambda job: ["sh", "-c", SYNC, "sh", str(job.output), *job.names], checked=False)
