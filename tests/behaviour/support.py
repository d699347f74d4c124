"""Runs the binary and looks at what it left behind.

The binary is `$ANNSTREAM_BIN`, or `target/debug/annstream`, or `target/release/annstream`.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 120
OK, UNEXPECTED, USAGE, INVALID, INCOMPATIBLE, EXISTS, IO, MEMORY, LOCKED = range(9)
INTERRUPTED, TERMINATED = 130, 143


@dataclass
class Run:
    """One finished command."""

    command: list[str]
    code: int
    stdout: str
    stderr: str
    peak: int = 0
    """Largest resident size, in bytes; 0 if it was not measured."""

    def __str__(self) -> str:
        """What to paste into a shell, and what came of it."""
        return f"{shlex.join(self.command)}\nexit {self.code}\n{self.stdout[-1000:]}\n{self.stderr[-3000:]}"


def find_binary() -> Path | None:
    """The binary under test, or None if there is none."""
    named = os.environ.get("ANNSTREAM_BIN")
    if named:
        return Path(named).resolve()
    for profile in ("debug", "release"):
        path = ROOT / "target" / profile / "annstream"
        if path.exists():
            return path
    return None


def command(*arguments: object) -> list[str]:
    """A command line of the binary under test."""
    binary = find_binary()
    assert binary is not None, "no binary: build it, or set ANNSTREAM_BIN"
    return [str(binary), *map(str, arguments)]


def run(*arguments: object, **options: Any) -> Run:
    """Runs the binary under test; `options` are those of `subprocess.run`."""
    line = command(*arguments)
    options = {"capture_output": True, "timeout": TIME_LIMIT, "check": False, **options}
    done = subprocess.run(line, **options)
    return Run(line, done.returncode, decoded(done.stdout), decoded(done.stderr))


def concat(inputs: list[Path], output: Path, *arguments: object, **options: Any) -> Run:
    """Runs `annstream concat`."""
    return run("concat", *inputs, "-o", output, *arguments, **options)


LAUNCHER = """
import os, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
os.write(1, b"\\npeak %d" % usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""


def measured(*arguments: object) -> Run:
    """Runs the binary and measures its peak memory.

    A process inherits the peak of the process that started it, which therefore has to be a small one.
    """
    line = command(*arguments)
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", LAUNCHER, *line], capture_output=True, timeout=TIME_LIMIT, check=False
    )
    stdout, _, peak = decoded(done.stdout).rpartition("\npeak ")
    return Run(line, done.returncode, stdout, decoded(done.stderr), peak=int(peak) * 1024)


def decoded(text: bytes | str | None) -> str:
    """Output of a process as text."""
    return text.decode(errors="replace") if isinstance(text, bytes) else text or ""


def limit(what: int, value: int) -> Callable[[], None]:
    """A `preexec_fn` that lowers the soft limit of a resource."""

    def lower() -> None:
        resource.setrlimit(what, (value, resource.getrlimit(what)[1]))

    return lower


def digest(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def snapshot(folder: Path) -> dict[str, tuple]:
    """Everything below a folder: type, size, time of change, mode, and content of small files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = digest(path) if path.is_file() and status.st_size < 1 << 28 and os.access(path, os.R_OK) else ""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


def assert_calm(done: Run) -> None:
    """No panic, no backtrace, no killing signal, and an error that says something."""
    assert done.code >= 0, f"killed by signal {-done.code}\n{done}"
    for word in ("panicked", "RUST_BACKTRACE", "stack backtrace", "src/", "HDF5-DIAG", "internal error"):
        assert word not in done.stderr, f"'{word}' in the message\n{done}"
    if done.code != OK:
        assert "error: " in done.stderr, f"a failure without a message\n{done}"


def assert_refused(done: Run, codes: int | tuple[int, ...], *words: str) -> None:
    """A clean refusal with one of the exit codes, whose message has all the words."""
    assert_calm(done)
    codes = codes if isinstance(codes, tuple) else (codes,)
    assert done.code in codes, f"exit {done.code}, expected {codes}\n{done}"
    for word in words:
        assert word in done.stderr, f"no '{word}' in the message\n{done}"


def assert_empty(folder: Path) -> None:
    """Nothing was left behind."""
    left = sorted(path.name for path in folder.iterdir())
    assert not left, f"left behind: {left}"
