"""Properties of the output that hold whatever the inputs are."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import pytest
from scipy import sparse

from . import real_data
from .compare import assert_equal, assert_values_equal
from .families import make_family
from .runner import check_concat, check_family, concat_command, run

ALONE = {"merge": "first", "uns_merge": "first", "pairwise": True}
SEEDS = range(10_000, 10_020)


def read(path: Path, **options: object) -> anndata.AnnData:
    """Reads without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path, **options) if path.suffix == ".h5ad" else anndata.read_zarr(path)


def concat(inputs: list[Path], output: Path, options: dict, *extra: str) -> bool:
    """Runs the tool; False if it refuses."""
    return run(concat_command(inputs, output, options, list(extra))).code == 0


@pytest.mark.parametrize("name", real_data.ALL)
def test_one_real_file(name: str, tmp_path: Path) -> None:
    """One input is treated like many; it is neither copied as it is nor are the options ignored."""
    path = real_data.path_of(name)
    options = {**ALONE, "label": "batch", "index_unique": "-", "keys": ["only one"]}
    check_concat([path], [real_data.read(path)], options, tmp_path)


@pytest.mark.parametrize("name", real_data.ALL)
def test_real_file_with_defaults(name: str, tmp_path: Path) -> None:
    """The defaults, on every real file."""
    path = real_data.path_of(name)
    check_concat([path], [real_data.read(path)], {}, tmp_path)


@pytest.mark.parametrize("name", [*real_data.MOUSE, *real_data.ZOO, *real_data.KANG])
def test_output_opens_backed(name: str, tmp_path: Path) -> None:
    """Backed mode reads the same X."""
    path = real_data.path_of(name)
    output = tmp_path / "out.h5ad"
    assert concat([path], output, {})
    backed = read(output, backed="r")
    expected = read(output).X
    actual = backed.X[:] if not sparse.issparse(expected) else backed.X.to_memory()
    assert_values_equal(actual, expected, "/X")
    backed.file.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_concat_of_output_alone_changes_nothing(seed: int, tmp_path: Path) -> None:
    """Keeping everything of one output gives that output again, but for the columns of raw on the alt axis."""
    family = make_family(seed, tmp_path)
    if check_family(family, tmp_path).code:
        pytest.skip("rightly refused")
    [first] = (tmp_path / "output").iterdir()
    second = tmp_path / "second.h5ad"
    axis = family.options["axis"]
    assert concat([first], second, {**ALONE, "axis": axis})
    actual, expected = read(second), read(first)
    if axis == "obs":
        actual.raw = expected.raw = None
    assert_equal(actual, expected, axis=axis)


@pytest.mark.parametrize("seed", SEEDS)
def test_resources_do_not_change_the_result(seed: int, tmp_path: Path) -> None:
    """Memory, threads, compression and the place of temporary files are not part of the question."""
    family = make_family(seed, tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    lean = ["--memory=64M", "--threads=1", "--compression=gzip:1", f"--tmpdir={scratch}"]
    rich = ["--memory=1G", "--threads=3", "--compression=none"]
    outputs = [tmp_path / "lean.h5ad", tmp_path / "rich.h5ad"]
    pairs = zip(outputs, (lean, rich), strict=True)
    succeeded = [concat(family.paths, path, family.options, *extra) for path, extra in pairs]
    assert succeeded[0] == succeeded[1]
    assert not list(scratch.iterdir()), "temporary files left behind"
    if all(succeeded):
        assert_equal(read(outputs[0]), read(outputs[1]), axis=family.options["axis"])


def test_inputs_are_not_touched(tmp_path: Path) -> None:
    """The bytes of the inputs stay, and read-only inputs are fine."""
    family = make_family(SEEDS[0], tmp_path)
    files = [file for path in family.paths for file in [path, *path.rglob("*")] if file.is_file()]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.chmod(0o444)
    concat(family.paths, tmp_path / "out.h5ad", family.options)
    assert [file.read_bytes() for file in files] == before
    found = [file for path in family.paths for file in [path, *path.rglob("*")] if file.is_file()]
    assert found == files
