"""`annstream downsample` against `scanpy.pp.downsample_counts` in memory: the same counts, to the bit."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from . import real_data
from .runner import Run
from .runner import run as command
from .scanpy_flow import dense

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["downsample", str(source), "-o", str(target), "--force", "-q", *arguments])


def drawn(source: Path, target: Path, *arguments: str) -> ad.AnnData:
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def reference(adata: ad.AnnData, **options: object) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.pp.downsample_counts(adata, copy=True, **options)


def family(seed: int, kind: str, dtype: str, rows: int = 120, columns: int = 60) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, 4.0, columns) * rng.gamma(2, 1.0, size=(rows, 1))
    values = rng.poisson(rates).astype(dtype)
    values[3:4] = 0
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    obs = pd.DataFrame({"wanted": rng.integers(0, 300, rows)}, index=[f"c{i}" for i in range(rows)])
    return ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(columns)]))


def texts_as_objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Pandas 3 has text from h5ad files in a type of its own, and from zarr stores as objects."""
    return frame.astype({name: object for name in frame if isinstance(frame[name].dtype, pd.StringDtype)})


def same(ours: ad.AnnData, theirs: ad.AnnData) -> None:
    assert ours.X.dtype == theirs.X.dtype
    assert sparse.issparse(ours.X) == sparse.issparse(theirs.X)
    np.testing.assert_array_equal(dense(ours.X), dense(theirs.X))
    if sparse.issparse(ours.X):
        assert (ours.X.data != 0).all() and ours.X.has_sorted_indices
    pd.testing.assert_frame_equal(texts_as_objects(ours.obs), texts_as_objects(theirs.obs))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint16", "int64"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_layouts_and_types(kind: str, dtype: str, tmp_path: Path) -> None:
    adata = family(1, kind, dtype)
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    total = int(adata.X.sum())
    for options, words in [
        ({"counts_per_cell": 100}, ["--counts-per-cell", "100"]),
        ({"counts_per_cell": 0}, ["--counts-per-cell", "0"]),
        ({"counts_per_cell": 10**6}, ["--counts-per-cell", "1000000"]),
        ({"counts_per_cell": adata.obs["wanted"].to_numpy()}, ["--counts-per-cell-from", "wanted"]),
        ({"total_counts": total // 3}, ["--total-counts", str(total // 3)]),
        ({"total_counts": total}, ["--total-counts", str(total)]),
        ({"total_counts": total + 1}, ["--total-counts", str(total + 1)]),
    ]:
        for replace, seed in [(False, 0), (True, 4_000_000_000)]:
            more = ["--seed", str(seed), *(["--replace"] if replace else [])]
            ours = drawn(source, tmp_path / "out.h5ad", *words, *more)
            same(ours, reference(adata, **options, random_state=seed, replace=replace))


REAL = ["pbmc4k_half_raw.h5ad", "kang_ctrl_csc_int32.h5ad", "kang_stim_dense_f32.h5ad"]


@pytest.mark.parametrize("name", REAL)
def test_real(name: str, tmp_path: Path) -> None:
    source = real_data.path_of(name)
    adata = real_data.read(source)
    total = int(adata.X.sum())
    assert total < 2**24, "scanpy counts float32 in float32"
    same(drawn(source, tmp_path / "a.zarr", "--counts-per-cell", "800"), reference(adata, counts_per_cell=800))
    ours = drawn(source, tmp_path / "b.h5ad", "--total-counts", str(total // 4))
    same(ours, reference(adata, total_counts=total // 4))


def test_fractions(tmp_path: Path) -> None:
    """Counts that were corrected are not whole."""
    adata = family(2, "csr", "float32")
    adata.X.data *= np.random.default_rng(0).random(len(adata.X.data)).astype(np.float32) + np.float32(0.5)
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    same(drawn(source, tmp_path / "out.h5ad", "--counts-per-cell", "90"), reference(adata, counts_per_cell=90))


def test_neither_threads_nor_memory_matter(tmp_path: Path) -> None:
    for words in (["--counts-per-cell", "500"], ["--total-counts", "400000"]):
        one = drawn(DEMO, tmp_path / "one.h5ad", *words, "--threads", "1", "--memory", "96M")
        many = drawn(DEMO, tmp_path / "many.h5ad", *words, "--threads", "4")
        np.testing.assert_array_equal(dense(one.X), dense(many.X))


def test_rest_of_the_file_stays(tmp_path: Path) -> None:
    before = ad.read_h5ad(DEMO)
    after = drawn(DEMO, tmp_path / "out.h5ad", "--counts-per-cell", "1000")
    totals = np.ravel(before.X.sum(axis=1))
    np.testing.assert_array_equal(np.ravel(after.X.sum(axis=1)), np.minimum(totals, 1000))
    assert (dense(after.X) <= dense(before.X)).all()
    pd.testing.assert_frame_equal(after.obs, before.obs)
    pd.testing.assert_frame_equal(after.var, before.var)
    assert set(after.uns) == set(before.uns) and set(after.layers) == set(before.layers)


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (4, 0)])
def test_small(shape: tuple[int, int], tmp_path: Path) -> None:
    adata = family(3, "csr", "float32", *shape) if min(shape) else None
    if adata is None:
        adata = ad.AnnData(sparse.csr_matrix(shape, dtype=np.float32))
        adata.obs_names = [f"c{i}" for i in range(shape[0])]
        adata.var_names = [f"g{i}" for i in range(shape[1])]
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    for words in (["--counts-per-cell", "1"], ["--total-counts", "1"], ["--total-counts", "0"]):
        assert drawn(source, tmp_path / "out.h5ad", *words).shape == shape


def test_refusals(tmp_path: Path) -> None:
    adata = family(4, "csr", "float32")
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata.obs["text"] = "a"
    adata.obs["below"] = -1
    adata.write_h5ad(source)
    for words in (
        [],
        ["--counts-per-cell", "5", "--total-counts", "5"],
        ["--counts-per-cell", "-5"],
        ["--counts-per-cell-from", "text"],
        ["--counts-per-cell-from", "below"],
        ["--counts-per-cell-from", "missing"],
    ):
        done = run(source, target, *words)
        assert done.code in (2, 3) and not target.exists(), str(done)
    for wrong in (-1.0, np.nan, np.inf):
        adata.X.data[7] = wrong
        adata.write_h5ad(source)
        done = run(source, target, "--counts-per-cell", "5")
        assert done.code == 3 and "expected counts" in done.stderr, str(done)
