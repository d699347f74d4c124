"""`normalize_pearson_residuals`, as a command and in recipes, against scanpy in memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
import scanpy as sc

from .runner import run as command
from .scanpy_flow import dense
from .test_pipeline import DEMO, run, same_components, small
from .test_regress import passes_are_as_planned, write

KEY = "pearson_residuals_normalization"
OPTIONS: list[dict[str, float]] = [{}, {"clip": 2}, {"theta": 0.5}, {"theta": 10, "clip": 0}, {"clip": 1.25}]


def step(source: Path, target: Path, *more: str) -> ad.AnnData:
    done = command(["normalize-pearson-residuals", str(source), "-o", str(target), "--force", *more])
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def residuals(adata: ad.AnnData, **options: float) -> ad.AnnData:
    theirs = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.experimental.pp.normalize_pearson_residuals(theirs, **options)
    return theirs


def flags(options: dict[str, float]) -> list[str]:
    return [word for key, value in options.items() for word in (f"--{key}", str(value))]


def same(ours: ad.AnnData, theirs: ad.AnnData) -> None:
    assert isinstance(ours.X, np.ndarray) and ours.X.dtype == theirs.X.dtype
    np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-5, atol=1e-5)
    assert dict(ours.uns[KEY]) == dict(theirs.uns[KEY])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint16"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_layouts_and_types(kind: str, dtype: str, suffix: str, tmp_path: Path) -> None:
    adata = small(3, kind, dtype)
    source = write(adata, tmp_path, suffix)
    for options in OPTIONS:
        same(step(source, tmp_path / f"out.{suffix}", *flags(options)), residuals(adata, **options))


@pytest.mark.parametrize("rows", [0, 1, 2, 50])
def test_few_and_empty_cells(rows: int, tmp_path: Path) -> None:
    adata = small(rows, "csr", "float64", rows=max(rows, 1))[:rows].copy()
    if rows > 2:
        adata.X[7] = 0
    ours = step(write(adata, tmp_path), tmp_path / "out.h5ad")
    theirs = residuals(adata)
    assert np.isnan(theirs.X).any() or rows == 0
    same(ours, theirs)


def test_stored_as_scanpy_stores_it(tmp_path: Path) -> None:
    adata = small(1, "csr", "float32")
    for options in ({}, {"clip": 2.5}):
        step(write(adata, tmp_path), tmp_path / "ours.h5ad", *flags(options))
        residuals(adata, **options).write_h5ad(tmp_path / "theirs.h5ad")
        with h5py.File(tmp_path / "ours.h5ad") as ours, h5py.File(tmp_path / "theirs.h5ad") as theirs:
            assert set(ours["uns"][KEY]) == set(theirs["uns"][KEY])
            for name in theirs["uns"][KEY]:
                a, b = ours["uns"][KEY][name], theirs["uns"][KEY][name]
                assert a.attrs["encoding-type"] == b.attrs["encoding-type"]
                assert a.dtype == b.dtype or name == "clip"


def test_values_that_are_no_counts(tmp_path: Path) -> None:
    adata = small(4, "csr", "float64")
    adata.X.data[5] = 0.5
    source, target = write(adata, tmp_path), tmp_path / "out.h5ad"
    words = ["normalize-pearson-residuals", str(source), "-o", str(target), "--force"]
    assert "none" in command(words).stderr
    assert "none" not in command([*words, "--no-check-values"]).stderr
    same(ad.read_h5ad(target), residuals(adata, check_values=False))
    for wrong in (["--theta", "0"], ["--clip=-1"], ["--theta", "nan"]):
        assert command([*words, *wrong]).code == 2


RECIPE = """
[filter_cells]
min_genes = 20
[filter_genes]
min_cells = 5
[highly_variable_genes]
flavor = "pearson_residuals"
n_top_genes = 60
subset = {subset}
[normalize_pearson_residuals]
{more}
[pca]
n_comps = 12
"""


@pytest.mark.parametrize("subset", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("regress", [False, True])
def test_recipe(dtype: str, subset: bool, regress: bool, tmp_path: Path) -> None:
    """scanpy's tutorial of Pearson residuals."""
    adata = small(11, "csr", dtype, rows=300)
    adata.obs["depth"] = np.asarray(adata.X.sum(axis=1, dtype=float)).ravel()
    source = write(adata, tmp_path)
    more = '[regress_out]\nkeys = ["depth"]' if regress else ""
    text = RECIPE.format(subset=str(subset).lower(), more=more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.filter_cells(adata, min_genes=20)
        sc.pp.filter_genes(adata, min_cells=5)
        sc.experimental.pp.highly_variable_genes(adata, n_top_genes=60, subset=subset)
        theirs = residuals(adata)
        seen = theirs.copy()
        if regress:
            sc.pp.regress_out(seen, ["depth"])
        sc.pp.pca(seen, n_comps=12)
    ours = run(source, tmp_path / "out.h5ad", text=text)
    same(ours, theirs)
    np.testing.assert_array_equal(dense(ours.layers["counts"]), dense(adata.X))
    same_components(ours, seen)
    assert ours.uns["pca"]["variance"].dtype == seen.uns["pca"]["variance"].dtype
    raw = run(source, tmp_path / "raw.h5ad", "--keep-x", "raw", text=text)
    assert KEY not in raw.uns
    np.testing.assert_array_equal(dense(raw.X), dense(adata.X))
    np.testing.assert_array_equal(raw.obsm["X_pca"], ours.obsm["X_pca"])
    for keep in ("both", "normalized", "raw"):
        passes_are_as_planned(source, tmp_path, keep)


@pytest.mark.parametrize("other", ["[log1p]", "[normalize_total]", "[highly_variable_genes]\nn_top_genes = 9"])
@pytest.mark.parametrize("plan", [[], ["--plan"]])
def test_refusals(other: str, plan: list[str], tmp_path: Path) -> None:
    source, recipe = write(small(1, "csr", "float32"), tmp_path), tmp_path / "r.toml"
    recipe.write_text(f"[normalize_pearson_residuals]\n{other}\n")
    done = command(["run", str(source), "-o", str(tmp_path / "out.h5ad"), "--recipe", str(recipe), *plan])
    assert done.code == 2 and "normalize_pearson_residuals" in done.stderr, str(done)


def test_real_data_in_little_memory(tmp_path: Path) -> None:
    adata = ad.read_h5ad(DEMO)
    ours = step(DEMO, tmp_path / "out.h5ad", "--memory", "128M", "--threads", "2")
    again = step(DEMO, tmp_path / "again.h5ad", "--threads", "1")
    np.testing.assert_array_equal(ours.X, again.X)
    adata.X = adata.X.astype(np.float64)
    theirs = residuals(adata)
    np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-9, atol=1e-12)
