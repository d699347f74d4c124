"""Interrupted and killed jobs leave the target as it was."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest

from .inputs import bare, large_sparse, write
from .support import INTERRUPTED, OK, TERMINATED, command, concat, decoded

SECONDS = 3
"""How long a job may take to stop."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Inputs that take seconds: one that is sorted, and one that is only copied but is huge."""
    folder = tmp_path_factory.mktemp("long")
    matrix = large_sparse(400_000, 2_000, 100)
    sparse = write(bare(matrix), folder / "csr.h5ad")
    transposed = write(bare(matrix.tocsc(), "t"), folder / "csc.h5ad")
    dense = write(bare(np.zeros((4, 3), np.float32), "d"), folder / "dense.h5ad")
    rows = 6_000_000
    with h5py.File(dense, "r+") as file:
        # Nearly 20 GB of zeros that nobody wrote, in a table of few labels that repeat.
        attributes = dict(file["X"].attrs)
        del file["X"], file["var"]["_index"]
        x = file.create_dataset("X", (rows, 800), "f4", chunks=(1000, 800), compression="gzip")
        x.attrs.update(attributes)
        genes = file["var"].create_dataset("_index", data=[f"g{i}" for i in range(800)])
        labels = np.arange(rows).astype("S8")
        del file["obs"]["_index"]
        cells = file["obs"].create_dataset("_index", data=labels, compression="gzip")
        for index in (genes, cells):
            index.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    return {"csr": [sparse, sparse], "csc": [transposed, transposed], "dense": [dense]}


def start(inputs: list[Path], output: Path, *arguments: str) -> subprocess.Popen:
    """Starts a job and waits until it has begun to write."""
    line = command("concat", *inputs, "-o", output, "--compression=gzip:9", "--progress=off", *arguments)
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 20
    while not list(output.parent.glob(".*partial*")) and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    return child


def scratch_in_use(folder: Path, pid: int) -> int:
    """Bytes of nameless files in a folder that a process has open."""
    handles = Path(f"/proc/{pid}/fd").iterdir()
    mine = [handle for handle in handles if str(handle.readlink()).startswith(str(folder))]
    return sum(handle.stat().st_size for handle in mine if "(deleted)" in str(handle.readlink()))


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
@pytest.mark.parametrize("after", [0.0, 1.0])
def test_signal(
    layout: str, sent: signal.Signals, code: int, after: float, sources: dict[str, list[Path]], output: Path
) -> None:
    """The job stops soon, says so, and leaves nothing."""
    output.write_text("precious")
    child = start(sources[layout], output, "--force", f"--tmpdir={output.parent}", "--index-unique=-")
    time.sleep(after)
    assert child.poll() is None, f"the job is too short: {decoded(child.communicate()[1])}"
    asked = time.monotonic()
    child.send_signal(sent)
    _, stderr = child.communicate(timeout=60)
    took = time.monotonic() - asked
    assert child.returncode == code, decoded(stderr)
    assert took < SECONDS, f"{took:.1f} s until it stopped"
    assert "interrupted" in decoded(stderr)
    assert output.read_text() == "precious"
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_signal_while_starting(sources: dict[str, list[Path]], output: Path) -> None:
    """A signal at any time in the first half second is harmless."""
    for delay in (0.0, 0.01, 0.03, 0.1, 0.3):
        line = command("concat", *sources["csr"], "-o", output, "--quiet")
        child = subprocess.Popen(line, stderr=subprocess.PIPE)
        time.sleep(delay)
        child.terminate()
        child.communicate(timeout=30)
        # Before the tool watches for signals, the system ends the process.
        assert child.returncode in {TERMINATED, -signal.SIGTERM}, child.returncode
        assert not list(output.parent.iterdir())


def test_second_signal(sources: dict[str, list[Path]], output: Path) -> None:
    """Who asks twice is served at once; the target is safe even then."""
    output.write_text("precious")
    child = start(sources["csc"], output, "--force", "--index-unique=-")
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    asked = time.monotonic()
    child.communicate(timeout=30)
    assert child.returncode in {INTERRUPTED, -signal.SIGINT}
    assert time.monotonic() - asked < SECONDS
    assert output.read_text() == "precious"


@pytest.mark.parametrize("force", [False, True])
def test_killed(force: bool, sources: dict[str, list[Path]], output: Path) -> None:
    """After kill -9 the target is as it was, and the next run is not in the way of what was left."""
    if force:
        output.write_text("precious")
    child = start(sources["csr"], output, "--index-unique=-", *(["--force"] if force else []))
    time.sleep(0.5)
    assert child.poll() is None
    child.kill()
    child.communicate()
    assert output.exists() == force
    if force:
        assert output.read_text() == "precious"
    left = list(output.parent.glob(".*"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in left), "others can read what is left"
    small = write(bare(large_sparse(10, 5, 2)), output.parent / "small.h5ad")
    assert concat([small], output, *(["--force"] if force else [])).code == OK
    assert anndata.read_h5ad(output).shape == (10, 5)


def test_scratch_has_no_name(sources: dict[str, list[Path]], output: Path) -> None:
    """Scratch space vanishes even with kill -9, because it never had a name."""
    scratch = output.parent / "scratch"
    scratch.mkdir()
    child = start(sources["csc"], output, f"--tmpdir={scratch}", "--index-unique=-")
    seen = 0
    until = time.monotonic() + 20
    while seen == 0 and child.poll() is None and time.monotonic() < until:
        seen = scratch_in_use(scratch, child.pid)
        time.sleep(0.02)
    assert not list(scratch.iterdir())
    child.kill()
    child.communicate()
    assert not list(scratch.iterdir())
    assert seen > 0, "the scratch folder was not used"
