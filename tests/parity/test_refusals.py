"""What the tool refuses, and that nothing is damaged or left behind when it does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .reference import write_h5ad
from .runner import concat_command, run
from .test_harness import make_result

OUTPUT_EXISTS = 5


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A valid input."""
    path = tmp_path / "source.h5ad"
    write_h5ad(make_result(), path)
    return path


def test_existing_output_is_kept(source: Path, tmp_path: Path) -> None:
    """An existing output is replaced only with --force."""
    output = tmp_path / "out.h5ad"
    output.write_text("precious")
    assert run(concat_command([source], output, {})).code == OUTPUT_EXISTS
    assert output.read_text() == "precious"
    assert run(concat_command([source], output, {}, ["--force"])).code == 0
    assert output.read_bytes() != b"precious"


@pytest.mark.parametrize("link", ["same path", "symbolic link", "hard link"])
def test_output_is_an_input(source: Path, tmp_path: Path, link: str) -> None:
    """An input is never overwritten, under whatever name, even with --force."""
    output = source
    if link == "symbolic link":
        output = tmp_path / "link.h5ad"
        output.symlink_to(source)
    if link == "hard link":
        output = tmp_path / "link.h5ad"
        output.hardlink_to(source)
    before = source.read_bytes()
    assert run(concat_command([source], output, {}, ["--force"])).code == OUTPUT_EXISTS
    assert source.read_bytes() == before


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "truncated"])
def test_unreadable_input(source: Path, tmp_path: Path, damage: str) -> None:
    """A bad input is named in the message, and no output appears."""
    bad = tmp_path / "bad.h5ad"
    if damage == "empty":
        bad.touch()
    if damage == "text":
        bad.write_text("not an HDF5 file\n" * 100)
    if damage == "truncated":
        bad.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    folder = tmp_path / "output"
    folder.mkdir()
    done = run(concat_command([source, bad], folder / "out.h5ad", {}))
    assert done.code in {2, 3, 6}, done
    assert "bad.h5ad" in done.stderr
    assert not list(folder.iterdir())


@pytest.mark.parametrize("argument", ["--join=left", "--axis=2", "--merge=most", "--nonsense", "--fill-value=much"])
def test_usage(source: Path, tmp_path: Path, argument: str) -> None:
    """A wrong option is a usage error."""
    assert run(concat_command([source], tmp_path / "out.h5ad", {}, [argument])).code == 2
    assert not (tmp_path / "out.h5ad").exists()


def test_no_inputs(tmp_path: Path) -> None:
    """Nothing to concatenate is a usage error."""
    assert run(["concat", "-o", str(tmp_path / "out.h5ad")]).code == 2


def test_absent_folder(source: Path, tmp_path: Path) -> None:
    """The folder of the output has to exist."""
    done = run(concat_command([source], tmp_path / "absent" / "out.h5ad", {}))
    assert done.code in {2, 6}, done
    assert "absent" in done.stderr


def test_wrong_number_of_keys(source: Path, tmp_path: Path) -> None:
    """One key for each input."""
    copy = Path(shutil.copy(source, tmp_path / "copy.h5ad"))
    done = run(concat_command([source, copy], tmp_path / "out.h5ad", {}, ["--keys=a,b,c"]))
    assert done.code in {2, 4}, done


@pytest.mark.parametrize("join", ["inner", "outer"])
def test_duplicate_label_is_named(source: Path, tmp_path: Path, join: str) -> None:
    """The message names the duplicated label and the file."""
    adata = make_result()
    adata.var_names = ["g0", "twice", "twice"]
    double = tmp_path / "double.h5ad"
    write_h5ad(adata, double)
    done = run(concat_command([source, double], tmp_path / "out.h5ad", {"join": join}))
    assert done.code in {3, 4}, done
    assert "twice" in done.stderr
    assert "double.h5ad" in done.stderr
