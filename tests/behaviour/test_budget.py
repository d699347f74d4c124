"""The memory budget is kept, whatever the layout; and if it cannot be, the smallest that can is named.

What a process holds besides its data (code, libraries, metadata of HDF5, slack of the allocator) may come on top.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from .inputs import bare, large_sparse, write
from .support import MEMORY, OK, assert_empty, assert_refused, concat, measured

SLACK = 90 << 20
ROWS, COLUMNS, PER_ROW = 150_000, 2_000, 70


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Two inputs of about 100 MB in each layout, with the same genes in different orders and different cells."""
    folder = tmp_path_factory.mktemp("budget")
    found: dict[str, list[Path]] = {"csr": [], "csc": [], "dense": []}
    for k in range(2):
        rng = np.random.default_rng(k)
        genes = [f"g{i}" for i in rng.permutation(COLUMNS)]
        matrix = large_sparse(ROWS, COLUMNS, PER_ROW, seed=k)
        dense = rng.normal(size=(ROWS, 140)).astype(np.float32)
        for layout, x, names in (("csr", matrix, genes), ("csc", matrix.tocsc(), genes), ("dense", dense, genes[:140])):
            found[layout].append(write(bare(x, f"{k}-", names), folder / f"{layout}{k}.h5ad"))
    return found


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("megabytes", [64, 128, 256])
def test_peak(layout: str, megabytes: int, sources: dict[str, list[Path]], output: Path) -> None:
    """Peak memory stays near the budget, though the data is several times as large."""
    rest = ["--join=outer", f"--memory={megabytes}M", f"--tmpdir={output.parent}", "--threads=2"]
    done = measured("concat", *sources[layout], "-o", output, *rest)
    assert done.code == OK, done
    assert done.peak < (megabytes << 20) + SLACK, f"{done.peak >> 20} MB"


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_peak_along_genes(layout: str, sources: dict[str, list[Path]], output: Path) -> None:
    """The same when columns are put side by side, and rows must be put in order for that."""
    rest = ["--axis=var", "--join=outer", "--memory=96M", f"--tmpdir={output.parent}", "--threads=2"]
    done = measured("concat", *sources[layout], "-o", output, *rest)
    assert done.code == OK, done
    assert done.peak < (96 << 20) + SLACK, f"{done.peak >> 20} MB"


def test_peak_with_compressed_output(sources: dict[str, list[Path]], output: Path) -> None:
    """Chunks that wait to be compressed are few."""
    rest = ["--memory=64M", "--compression=gzip:1", "--threads=4", f"--tmpdir={output.parent}"]
    done = measured("concat", sources["csr"][0], "-o", output, *rest)
    assert done.code == OK, done
    assert done.peak < (64 << 20) + SLACK, f"{done.peak >> 20} MB"


@pytest.mark.parametrize("axis", ["obs", "var"])
def test_peak_of_many_inputs(axis: str, tmp_path: Path, output: Path) -> None:
    """What is kept of each input does not add up: 60 files in chunks of a megabyte."""
    paths = []
    cells = np.random.default_rng(0)
    for k in range(60):
        adata = bare(large_sparse(4_000, 2_000, 100, seed=k), "" if axis == "var" else f"{k}-")
        adata.var_names = [f"g{k}-{i}" for i in range(2_000)] if axis == "var" else adata.var_names
        adata = adata[cells.permutation(4_000)] if axis == "var" else adata
        paths.append(write(adata.copy(), tmp_path / f"{k}.h5ad"))
        with h5py.File(paths[-1], "r+") as file:
            for member in ("data", "indices"):
                values = file["X"][member][:]
                del file["X"][member]
                file["X"].create_dataset(member, data=values, chunks=(1 << 18,), compression="lzf")
    rest = [f"--axis={axis}", "--join=outer", "--memory=128M", f"--tmpdir={output.parent}", "--threads=2"]
    done = measured("concat", *paths, "-o", output, *rest)
    assert done.code == OK, done
    assert done.peak < (128 << 20) + SLACK, f"{done.peak >> 20} MB"


def wide(path: Path, layout: str) -> Path:
    """An input with one row, or column, of five megabytes."""
    matrix = sp.csr_matrix(np.ones((3, 600_000), np.float32))
    if layout == "dense":
        return write(bare(matrix.toarray()), path)
    return write(bare(matrix), path) if layout == "csr" else write(bare(sp.csc_matrix(matrix.T)), path)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("axis", ["obs", "var"])
def test_smallest_budget(layout: str, axis: str, tmp_path: Path, output: Path) -> None:
    """A budget that is too small is refused with the smallest that does, and that one does."""
    source = wide(tmp_path / "wide.h5ad", layout)
    arguments = [f"--axis={axis}", f"--tmpdir={output.parent}", "--threads=1"]
    done = concat([source], output, *arguments, "--memory=46M")
    if done.code == OK:
        pytest.skip("fits in the smallest budget")
    budgets = [46]
    while done.code != OK:
        assert_refused(done, MEMORY, "next: give --memory ")
        assert_empty(output.parent)
        budgets.append(int(re.search(r"give --memory (\d+)M or more", done.stderr).group(1)))
        assert budgets[-1] > budgets[-2]
        # Tables and matrices come one after the other, and each names what it needs.
        assert len(budgets) <= 3, (budgets, done)
        done = concat([source], output, *arguments, f"--memory={budgets[-1]}M")
    output.unlink()
    less = concat([source], output, *arguments, f"--memory={budgets[-1] * 2 // 3}M")
    assert less.code in {OK, MEMORY}, less
    assert output.exists() == (less.code == OK)


def test_huge_chunk(tmp_path: Path, output: Path) -> None:
    """A chunk that has to be decoded whole counts, even if few of its rows are needed at a time."""
    adata = bare(np.zeros((200_000, 400), np.float32))
    path = write(adata, tmp_path / "chunk.h5ad")
    with h5py.File(path, "r+") as file:
        attributes = dict(file["X"].attrs)
        del file["X"]
        ones = np.ones(adata.shape, np.float32)
        x = file.create_dataset("X", data=ones, chunks=(100_000, 400), compression="gzip", compression_opts=1)
        x.attrs.update(attributes)
    done = concat([path], output, "--memory=100M")
    assert_refused(done, MEMORY, "chunk.h5ad", "X: ", "next: give --memory ")
    assert concat([path], output, "--memory=2G", "--threads=1").code == OK
