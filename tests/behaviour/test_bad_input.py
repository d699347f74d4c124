"""A bad input is refused, with the file, the element and the place in the message, and nothing is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import damaged_elements, damaged_files, damaged_links
from .damage import Case
from .support import INVALID, IO, LOCKED, MEMORY, OK, assert_calm, assert_empty, assert_refused, concat, run, snapshot

CASES = [*damaged_files.CASES, *damaged_elements.CASES, *damaged_links.CASES]
SECONDS = 20


@pytest.fixture
def bad(request: pytest.FixtureRequest, good: Path) -> Path:
    """The damaged file of a case, in the folder of the good one."""
    path = good.parent / "bad.h5ad"
    request.getfixturevalue("case").make(good, path)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("position", ["first", "last"])
def test_refused(case: Case, position: str, good: Path, bad: Path, output: Path) -> None:
    """The message names file, element and place; there is no output; the inputs are as they were."""
    before = snapshot(good.parent)
    inputs = [good, bad] if position == "last" else [bad, good]
    arguments = (*case.arguments, "--memory=256M", "--tmpdir", output.parent)
    done = concat(inputs, output, *arguments, timeout=SECONDS)
    assert_refused(done, case.codes, bad.name, *case.words)
    assert_empty(output.parent)
    assert snapshot(good.parent) == before, "an input was changed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_info(case: Case, bad: Path) -> None:
    """Looking at a bad file is safe as well."""
    for arguments in ((), ("--json",), ("--tree",)):
        done = run("info", bad, *arguments, timeout=SECONDS)
        assert_calm(done)
        assert done.code in {OK, INVALID, IO, MEMORY}, done


@pytest.mark.parametrize("case", [case for case in CASES if case.allowed], ids=lambda case: case.name)
def test_allowed_external(case: Case, bad: Path, output: Path) -> None:
    """What reaches outside is followed when that is allowed, and an error all the same if nothing is there."""
    before = snapshot(bad.parent)
    done = concat([bad], output, *case.arguments, "--allow-external")
    assert_calm(done)
    assert done.code in case.allowed, done
    assert snapshot(bad.parent) == before
    assert output.exists() == (done.code == OK)


def test_names_with_odd_characters(good: Path, output: Path) -> None:
    """Line breaks, quotes and control characters in names do no harm."""
    import h5py

    with h5py.File(good, "r+") as file:
        for name in ("line\nbreak", "bell\x07", "..", "a b", "ünï", "-o", "'quoted\""):
            file["uns"].create_dataset(name, data=1).attrs.update(
                {"encoding-type": "numeric-scalar", "encoding-version": "0.2.0"}
            )
    done = concat([good], output, "--uns-merge=first")
    assert_calm(done)
    assert done.code == OK, done
    with h5py.File(output) as file:
        assert "line\nbreak" in file["uns"]
    for arguments in ((), ("--tree",), ("--json",)):
        assert run("info", output, *arguments).code == OK


def test_zero_bytes_in_text(good: Path, output: Path) -> None:
    """A NUL in fixed-length text ends it; it neither crashes nor reaches beyond."""
    import h5py
    import numpy as np

    with h5py.File(good, "r+") as file:
        del file["obs/note"]
        texts = np.array([b"a\0b", b"\0\0\0", b"abc"] * 14, dtype="S3")[:40]
        dataset = file.create_dataset("obs/note", data=texts)
        dataset.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    done = concat([good], output)
    assert_calm(done)
    assert done.code in {OK, INVALID}, done


@pytest.mark.parametrize("mode", ["w", "r+"])
def test_locked(mode: str, good: Path, output: Path) -> None:
    """A file that another process is writing is left alone."""
    busy = good.parent / "busy.h5ad"
    shutil.copy(good, busy)
    script = f"import h5py, sys; f = h5py.File({str(busy)!r}, {mode!r}); print('open', flush=True); sys.stdin.read()"
    environment = {name: value for name, value in os.environ.items() if name != "HDF5_USE_FILE_LOCKING"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes) as writer:
        assert writer.stdout.readline() == "open\n"
        done = concat([good, busy], output, env=environment)
        looked = run("info", busy, env=environment)
        writer.communicate("")
    assert_refused(done, LOCKED, "busy.h5ad", "another process")
    assert_refused(looked, LOCKED, "busy.h5ad", "another process")
    assert_empty(output.parent)


def test_two_readers(good: Path, output: Path) -> None:
    """A file that others read may be read, and one input may be given twice."""
    import h5py

    with h5py.File(good, "r"):
        done = concat([good, good], output, "--index-unique=-")
    assert done.code == OK, done


def test_unreadable(good: Path, ordinary: tuple[Path, dict]) -> None:
    """Permission denied is said as such."""
    folder, become = ordinary
    mine = Path(shutil.copy(good, folder / "mine.h5ad"))
    secret = Path(shutil.copy(good, folder / "secret.h5ad"))
    mine.chmod(0o644)
    secret.chmod(0o000)
    target = folder / "output"
    target.mkdir(mode=0o777)
    target.chmod(0o777)
    line = [folder / "annstream", "concat", mine, secret, "-o", target / "out.h5ad"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder, **become)
    assert done.returncode == IO, done
    assert "secret.h5ad" in done.stderr
    assert "permission denied" in done.stderr
    assert_empty(target)
