"""The files that are measured on. They are made once, and stay in `build/bench-data`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "build/bench-data"
BATCHES = 4

# How make_atlas.py makes each set; the counts are the same in all that have the same genes.
MADE = {
    "same": ["--same-genes"],
    "diff": [],
    "same-gzip": ["--same-genes", "--compression", "gzip"],
    "diff-gzip": ["--compression", "gzip"],
    "diff-csc": ["--layout", "csc"],
    # One file.
    "atlas": ["--batches", "1", "--same-genes", "--compression", "gzip"],
    "atlas-plain": ["--batches", "1", "--same-genes"],
}

# What derive.py makes of another set: that set, the job and its options.
DERIVED = {
    "zarr": ("same", ["zarr"]),
    "zarr-shards": ("same", ["zarr", "--shards"]),
    "zarr-diff": ("diff", ["zarr", "--shards"]),
    "csc-1": ("same", ["csc", "--files", "1"]),
    "csc-2": ("same", ["csc", "--files", "2"]),
    "csc-4": ("same", ["csc", "--files", "4"]),
    "tables": ("same", ["tables"]),
    "components": ("atlas", ["components"]),
}


@dataclass
class Input:
    """A file, and what is in it."""

    path: Path
    cells: int
    nnz: int
    bytes: int


def folder_of(name: str, options: argparse.Namespace) -> Path:
    """Where a set stands."""
    return DATA / f"{options.cells}x{options.genes}-{options.density:g}" / name


def dataset(name: str, options: argparse.Namespace) -> list[Input]:
    """The files of a set, made unless a former run left them."""
    folder = folder_of(name, options)
    manifest = folder / "manifest.json"
    if not manifest.exists():
        if name in DERIVED:
            dataset(DERIVED[name][0], options)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"making {folder.relative_to(ROOT)} ...", flush=True)
        command = derive(name, folder, options) if name in DERIVED else make(name, folder, options)
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        # Once, so that what is measured does not wait for these files to reach the disk.
        os.sync()
    files = json.loads(manifest.read_text())["files"]
    return [Input(folder / file["file"], file["cells"], file["nnz"], file["bytes"]) for file in files]


def make(name: str, folder: Path, options: argparse.Namespace) -> list[str]:
    """The command that makes a set from real cells."""
    command = [sys.executable, str(ROOT / "bench/make_atlas.py"), "--cells", str(options.cells)]
    command += ["--genes", str(options.genes), "--density", str(options.density), "--batches", str(BATCHES)]
    command += ["--jobs", str(min(2, os.cpu_count() or 1)), "--base", str(options.base), "--out-dir", str(folder)]
    return command + MADE[name]


def derive(name: str, folder: Path, options: argparse.Namespace) -> list[str]:
    """The command that makes a set from another."""
    source, (job, *arguments) = DERIVED[name]
    script = str(ROOT / "bench/derive.py")
    if job == "components":
        arguments = [*arguments, "--binary", str(options.binary)]
    return [sys.executable, script, job, str(folder_of(source, options)), str(folder), *arguments]


def inputs_of(names: tuple[str, ...], files: int | None, times: int, options: argparse.Namespace) -> list[Input]:
    """What a case reads: the i-th file from the i-th set, in turns."""
    sets = [dataset(name, options) for name in names]
    turns = [sets[i % len(sets)][i] for i in range(len(sets[0]))]
    return turns[:files] * times
