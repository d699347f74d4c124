"""`regress_out`, as a command and in recipes, against scanpy in memory."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from .runner import run as command
from .scanpy_flow import dense
from .test_pipeline import DEMO, run, same_components, small

KEYS = [["depth"], ["depth", "share", "whole"], ["batch"], ["name"], ["twin", "depth"], ["one"], ["some"], ["unused"]]


def annotated(seed: int, kind: str, dtype: str, rows: int = 220) -> ad.AnnData:
    adata = small(seed, kind, dtype, rows=rows)
    rng = np.random.default_rng(seed)
    values = dense(adata.X)
    obs = adata.obs
    obs["depth"] = values.sum(axis=1, dtype=float)
    obs["share"] = (rng.random(rows) * 30).astype(np.float32)
    obs["whole"] = rng.integers(-3, 900, rows)
    obs["twin"] = obs["depth"]
    obs["one"] = 1.0
    obs["flag"] = rng.random(rows) > 0.5
    obs["name"] = rng.choice(["ctrl", "stim"], rows)
    obs["some"] = pd.Categorical(np.where(rng.random(rows) < 0.2, None, rng.choice(["x", "y"], rows)))
    obs["unused"] = pd.Categorical(rng.choice(["x", "y"], rows), categories=["x", "never", "y"])
    obs["nan"] = np.where(np.arange(rows) == 3, np.nan, 1.5)
    return adata


def regressed(adata: ad.AnnData, keys: list[str]) -> ad.AnnData:
    theirs = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.regress_out(theirs, keys)
    return theirs


def write(adata: ad.AnnData, folder: Path, suffix: str = "h5ad") -> Path:
    path = folder / f"in.{suffix}"
    (adata.write_zarr if suffix == "zarr" else adata.write_h5ad)(path)
    return path


def step(source: Path, target: Path, keys: list[str], *more: str) -> ad.AnnData:
    done = command(["regress-out", str(source), "-o", str(target), "--force", "-q", "--keys", ",".join(keys), *more])
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


@cache
def scanpys(dtype: str, keys: tuple[str, ...]) -> ad.AnnData:
    """What scanpy makes of the cells below, which does not depend on how they are stored; not to be changed."""
    return regressed(annotated(3, "dense", dtype), list(keys))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint16"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_layouts_and_types(kind: str, dtype: str, tmp_path: Path) -> None:
    adata = annotated(3, kind, dtype)
    # The type may depend on the layout and on the keys, but not on how many genes there are.
    expected = {tuple(keys): regressed(adata[:, :3], keys).X.dtype for keys in KEYS[:5]}
    for suffix in ("h5ad", "zarr"):
        source = write(adata, tmp_path, suffix)
        for keys in KEYS[:5]:
            theirs = scanpys(dtype, tuple(keys))
            ours = step(source, tmp_path / f"out.{suffix}", keys)
            assert isinstance(ours.X, np.ndarray) and ours.X.dtype == expected[tuple(keys)], keys
            np.testing.assert_allclose(ours.X, theirs.X, atol=2e-6, rtol=1e-5, err_msg=str(keys))
            assert list(ours.obs.columns) == list(theirs.obs.columns) and set(ours.uns) == set(theirs.uns)


@pytest.mark.parametrize("keys", KEYS, ids="+".join)
@pytest.mark.parametrize("rows", [2, 7, 400])
def test_keys(keys: list[str], rows: int, tmp_path: Path) -> None:
    adata = annotated(rows, "csr", "float32", rows)
    if keys == ["name"] and adata.obs["name"].nunique() == rows:
        pytest.skip("a text of its own in each row is no category")
    if len(keys) == 3 and rows == 2:
        pytest.skip("scanpy inverts a singular matrix, and leaves noise")
    adata.X = adata.X.astype(np.float32)
    adata.X[:, 5] = np.float32(1.5)
    ours = step(write(adata, tmp_path), tmp_path / "out.h5ad", keys)
    theirs = regressed(adata, keys)
    assert ours.X.dtype == theirs.X.dtype
    np.testing.assert_allclose(ours.X, theirs.X, atol=3e-6, rtol=1e-5)


def test_one_cell_stays_as_it_is(tmp_path: Path) -> None:
    adata = annotated(1, "dense", "float32", 1)
    for keys in (["depth"], ["depth", "share"], ["batch"]):
        ours, theirs = step(write(adata, tmp_path), tmp_path / "out.h5ad", keys), regressed(adata, keys)
        assert ours.X.dtype == theirs.X.dtype
        np.testing.assert_array_equal(ours.X, theirs.X)


def test_nearly_dependent_keys_are_exact(tmp_path: Path) -> None:
    """Where the inverse that scanpy takes is noise: against least squares in numpy."""
    adata = annotated(8, "csr", "float64")
    depth = adata.obs["depth"].to_numpy()
    adata.obs["far"] = 1e8 + depth
    adata.obs["near"] = depth * (1 + 1e-7 * np.random.default_rng(0).normal(size=len(depth)))
    adata.obs["tenth"] = 0.1
    source = write(adata, tmp_path)
    for keys in (["far"], ["depth", "near"], ["tenth"], ["depth", "tenth"]):
        design = np.column_stack([np.ones(len(depth)), *(adata.obs[key] - adata.obs[key].mean() for key in keys)])
        design[:, 1:] /= np.maximum(np.abs(design[:, 1:]).max(axis=0), 1e-9)
        left, _ = np.linalg.qr(design[:, np.abs(design).max(axis=0) > 1e-6])
        values = dense(adata.X)
        expected = values - left @ (left.T @ values)
        ours = step(source, tmp_path / "out.h5ad", keys)
        varies = values.std(axis=0) > 0
        np.testing.assert_allclose(ours.X[:, varies], expected[:, varies], atol=1e-6, err_msg=str(keys))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("batch,depth", "categories"),
        ("depth,batch", "categories"),
        ("absent", "absent"),
        ("flag", "truth"),
        ("nan", "NaN"),
    ],
)
def test_refusals(keys: str, words: str, tmp_path: Path) -> None:
    source, target = write(annotated(1, "csr", "float32"), tmp_path), tmp_path / "out.h5ad"
    done = command(["regress-out", str(source), "-o", str(target), "--keys", keys])
    assert done.code in (2, 3) and words in done.stderr, str(done)
    assert not target.exists()


def test_same_bytes_whatever_the_threads_and_memory(tmp_path: Path) -> None:
    adata = annotated(5, "csc", "float32", 2000)
    source = write(adata, tmp_path)
    for keys in (["depth", "share"], ["some"]):
        first = step(source, tmp_path / "a.h5ad", keys, "--threads", "1")
        again = step(source, tmp_path / "b.h5ad", keys, "--threads", "3", "--memory", "64M")
        np.testing.assert_array_equal(first.X, again.X)


RECIPE = """
[qc]
percent_top = []
[filter_cells]
min_genes = 20
[filter_genes]
min_cells = 5
[normalize_total]
target_sum = 1000
[log1p]
[highly_variable_genes]
flavor = "{flavor}"
n_top_genes = 60
subset = {subset}
[regress_out]
keys = [{keys}]
{scale}
[pca]
n_comps = 12
"""


def flow(
    adata: ad.AnnData, keys: list[str], *, flavor: str, subset: bool, scale: bool
) -> tuple[ad.AnnData, ad.AnnData]:
    adata = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.calculate_qc_metrics(adata, percent_top=(), inplace=True)
        sc.pp.filter_cells(adata, min_genes=20)
        sc.pp.filter_genes(adata, min_cells=5)
        sc.pp.normalize_total(adata, target_sum=1000)
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, flavor=flavor, n_top_genes=60, subset=subset)
        seen = adata.copy()
        sc.pp.regress_out(seen, keys)
        if scale:
            sc.pp.scale(seen, max_value=4)
        sc.pp.pca(seen, n_comps=12)
    return adata, seen


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("subset", [False, True])
@pytest.mark.parametrize("keys", [["total_counts", "share"], ["batch"]], ids="+".join)
@pytest.mark.parametrize("flavor", ["seurat", "cell_ranger"])
def test_recipe(keys: list[str], flavor: str, subset: bool, scale: bool, tmp_path: Path) -> None:
    adata = annotated(11, "csr", "float32", 300)
    source = write(adata, tmp_path)
    text = RECIPE.format(
        flavor=flavor,
        subset=str(subset).lower(),
        keys=", ".join(f'"{key}"' for key in keys),
        scale="[scale]\nmax_value = 4" if scale else "",
    )
    log, seen = flow(adata, keys, flavor=flavor, subset=subset, scale=scale)
    ours = run(source, tmp_path / "out.h5ad", text=text)
    np.testing.assert_allclose(dense(ours.X), dense(log.X), rtol=1e-6)
    assert list(ours.var.columns) == list(seen.var.columns)
    np.testing.assert_array_equal(ours.var["highly_variable"], seen.var["highly_variable"])
    if scale:
        np.testing.assert_allclose(ours.var["std"], seen.var["std"], rtol=1e-5)
        np.testing.assert_allclose(ours.var["mean"], seen.var["mean"], atol=1e-6)
        assert ours.var["std"].dtype == seen.var["std"].dtype
    same_components(ours, seen)
    assert ours.uns["pca"]["variance"].dtype == seen.uns["pca"]["variance"].dtype
    last = run(source, tmp_path / "seen.h5ad", "--keep-x", "scaled", text=text)
    assert last.X.dtype == seen.X.dtype and isinstance(last.X, np.ndarray)
    np.testing.assert_allclose(last.X, seen.X, atol=2e-5)
    np.testing.assert_array_equal(last.obsm["X_pca"], ours.obsm["X_pca"])
    for keep in ("both", "raw", "scaled"):
        passes_are_as_planned(source, tmp_path, keep)


def passes_are_as_planned(source: Path, folder: Path, keep: str) -> None:
    recipe = folder / "out.toml"
    words = ["run", str(source), "-o", str(folder / "again.h5ad"), "--force", "--recipe", str(recipe), "--json"]
    planned, done = (command([*words, "--keep-x", keep, *more]) for more in (["--plan"], ["-q"]))
    assert planned.code == done.code == 0, str(done)
    assert len(json.loads(planned.stdout)["passes"]) == json.loads(done.stdout)["report"]["passes"]


def test_real_data(tmp_path: Path) -> None:
    """The steps of the older tutorial on real cells."""
    theirs = ad.read_h5ad(DEMO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.var["mt"] = theirs.var_names.str.startswith("MT-")
        sc.pp.calculate_qc_metrics(theirs, qc_vars=["mt"], percent_top=None, inplace=True)
        sc.pp.filter_cells(theirs, min_genes=200)
        sc.pp.filter_genes(theirs, min_cells=3)
        sc.pp.normalize_total(theirs, target_sum=1e4)
        sc.pp.log1p(theirs)
        sc.pp.highly_variable_genes(theirs, n_top_genes=500, subset=True)
        sc.pp.regress_out(theirs, ["total_counts", "pct_counts_mt"])
        sc.pp.scale(theirs, max_value=10)
        sc.pp.pca(theirs, n_comps=20)
    text = """
[gene_sets]
mt = { prefix = ["MT-"] }
[qc]
qc_vars = ["mt"]
percent_top = []
[filter_cells]
min_genes = 200
[filter_genes]
min_cells = 3
[normalize_total]
target_sum = 1e4
[log1p]
[highly_variable_genes]
n_top_genes = 500
subset = true
[regress_out]
keys = ["total_counts", "pct_counts_mt"]
[scale]
max_value = 10
[pca]
n_comps = 20
"""
    ours = run(DEMO, tmp_path / "out.h5ad", "--keep-x", "scaled", text=text)
    assert ours.X.dtype == theirs.X.dtype == np.float32
    np.testing.assert_allclose(ours.X, theirs.X, atol=1e-4)
    np.testing.assert_allclose(ours.var["std"], theirs.var["std"], rtol=1e-5)
    same_components(ours, theirs)
