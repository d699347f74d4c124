"""Runs processes and says what they cost; sizes, and memory that is left."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).resolve().parent / "launch.py"
MIB = 1 << 20


@dataclass
class Measured:
    """The runs of one tool in one case."""

    runs: list[dict] = field(default_factory=list)
    output_bytes: int = 0
    problem: str | None = None

    def summary(self) -> dict:
        """What goes into the results."""
        if not self.runs:
            return {"problem": self.problem}
        walls = [run["wall"] for run in self.runs]
        figures = {name: statistics.median(run[name] for run in self.runs) for name in ("wall", "cpu", "peak_mib")}
        spread = {"wall_least": min(walls), "wall_most": max(walls)}
        return {**figures, **spread, "output_bytes": self.output_bytes, "runs": self.runs, "problem": self.problem}


def measure(command: list[str], log: Path) -> tuple[dict, str | None]:
    """Runs a process; returns what it cost, and why it failed if it did."""
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(log), *command]
    printed = subprocess.run(launch, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    code, wall, cpu, peak = (float(figure) for figure in printed.split())
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {"wall": wall, "cpu": cpu, "peak_mib": peak * unit / MIB}
    if code == 0:
        return cost, None
    lines = log.read_text(errors="replace").strip().splitlines()
    return cost, f"exit {code:.0f}: {lines[-1] if lines else 'no message'}"


def files_of(path: Path) -> list[Path]:
    """A file, or the files below a folder."""
    return [entry for entry in path.rglob("*") if entry.is_file()] if path.is_dir() else [path]


def warm(paths: list[Path]) -> None:
    """Brings files into the page cache."""
    for path in paths:
        for file in files_of(path):
            with file.open("rb", buffering=0) as stream:
                while stream.read(16 * MIB):
                    pass


def touch(gigabytes: float) -> None:
    """Uses so much memory for a moment.

    A virtual machine gives free memory back to its host, and getting it again makes writes to the page cache several
    times slower: whoever writes more than was in use just before pays.
    """
    if gigabytes > 0:
        code = f"b'x' * {int(min(gigabytes * 1e9, available_bytes() * 0.9))}"
        subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files below a folder; 0 if there is nothing."""
    return sum(file.stat().st_size for file in files_of(path)) if path.exists() else 0


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def available_bytes() -> int:
    """Memory that a process can get now."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
