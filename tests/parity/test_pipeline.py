"""`annstream run` and its steps against scanpy in memory: same genes, same keys, same types, same numbers."""

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
from .combinations import covering
from .newer import metrics_of_scanpy_1_11
from .runner import run as command
from .scanpy_flow import dense, recipe, tutorial

SMALL = {"min_genes": 20, "min_cells": 5, "n_comps": 12}
DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"


def run(source: Path, target: Path, *arguments: str, text: str | None = None) -> ad.AnnData:
    words = ["run", str(source), "-o", str(target), "--force", "-q", *arguments]
    if text is not None:
        path = target.with_suffix(".toml")
        path.write_text(text)
        words += ["--recipe", str(path)]
    done = command(words)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def same_tables(ours: pd.DataFrame, theirs: pd.DataFrame, *, exact: set[str], rtol: float = 1e-6) -> None:
    assert list(ours.columns) == list(theirs.columns)
    assert list(ours.index) == list(theirs.index)
    for name in theirs.columns:
        a, b = ours[name], theirs[name]
        assert a.dtype == b.dtype, name
        if a.dtype.kind not in "fiu":
            assert (a.astype(str) == b.astype(str)).all(), name
        elif name in exact or a.dtype.kind in "iu":
            np.testing.assert_array_equal(a, b, err_msg=name)
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12, err_msg=name)


def same_components(ours: ad.AnnData, theirs: ad.AnnData, *, gap: float = 1e-3) -> None:
    """All components up to rotations among those whose variances nearly agree; signs included."""
    a, b = ours.varm["PCs"], theirs.varm["PCs"]
    assert a.shape == b.shape and a.dtype == b.dtype
    variance = theirs.uns["pca"]["variance"].astype(float)
    np.testing.assert_allclose(ours.uns["pca"]["variance"], variance, rtol=1e-5)
    np.testing.assert_allclose(
        ours.uns["pca"]["variance_ratio"], theirs.uns["pca"]["variance_ratio"], rtol=1e-5, atol=1e-9
    )
    distance = np.abs(np.diff(variance)) / variance[:-1]
    alone = np.r_[distance > gap, False] & np.r_[True, distance > gap]
    cosines = (a * b).sum(axis=0) / (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0))
    assert (cosines[alone] > 0.9999).all(), cosines[alone].min()
    count = np.flatnonzero(distance > gap)[-1] + 1
    left, right = (np.linalg.qr(vectors[:, :count].astype(float))[0] for vectors in (a, b))
    # The sine of the largest angle between both subspaces; its cosine would lose half of the digits.
    assert np.linalg.norm(right - left @ (left.T @ right), 2) < 1e-4
    x, y = ours.obsm["X_pca"], theirs.obsm["X_pca"]
    assert x.dtype == y.dtype == np.float32 and x.shape == y.shape
    scale = np.abs(y).max()
    np.testing.assert_allclose(x[:, alone], y[:, alone], atol=2e-4 * scale)


EXACT = {"total_counts", "log1p_total_counts", "total_counts_mt", "pct_counts_mt", "n_counts"}


def files() -> list[Path]:
    names = ["pbmc4k_half_raw.h5ad", "pbmc_donorA_raw.h5ad"]
    found = [real_data.FOLDER / name for name in names] if real_data.FOLDER else []
    return [DEMO, *(path for path in found if path.exists())]


@pytest.mark.parametrize("source", files(), ids=lambda path: path.stem)
def test_tutorial(source: Path, tmp_path: Path) -> None:
    theirs = tutorial(ad.read_h5ad(source))
    ours = run(source, tmp_path / "out.h5ad", "--until", "pca")
    same_tables(ours.obs, theirs.obs, exact=EXACT)
    same_tables(ours.var, metrics_of_scanpy_1_11(theirs.var), exact=EXACT)
    assert ours.X.dtype == theirs.X.dtype and isinstance(ours.X, type(theirs.X))
    np.testing.assert_allclose(dense(ours.X), dense(theirs.X), rtol=1e-6)
    np.testing.assert_array_equal(dense(ours.layers["counts"]), dense(theirs.layers["counts"]))
    assert set(ours.uns) == set(theirs.uns)
    assert ours.uns["log1p"] == theirs.uns["log1p"] == {"base": None}
    assert ours.uns["hvg"] == theirs.uns["hvg"]
    assert dict(ours.uns["pca"]["params"]) == dict(theirs.uns["pca"]["params"])
    same_components(ours, theirs)


def small(seed: int, kind: str, dtype: str, rows: int = 220, columns: int = 160) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    types = rng.gamma(0.4, 1.0, size=(4, columns))
    rates = types[rng.integers(0, 4, rows)] * rng.gamma(4, 0.5, size=(rows, 1))
    values = rng.poisson(rates).astype(dtype)
    values[:, rng.integers(0, columns, 3)] = 0
    names = [f"G{i}" for i in range(columns)]
    names[:4] = ["MT-A", "MT-B", "RPS1", "HBA1"]
    obs = pd.DataFrame(
        {"batch": pd.Categorical(rng.choice(["x", "y", "z"], rows))}, index=[f"c{i}" for i in range(rows)]
    )
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    return ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=names))


def flow(adata: ad.AnnData, flavor: str, batch: str | None) -> ad.AnnData:
    adata = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.var["mt"] = adata.var_names.str.startswith("MT-")
        sc.pp.calculate_qc_metrics(adata, qc_vars=["mt"], percent_top=(10, 50), inplace=True)
        sc.pp.filter_cells(adata, min_genes=20)
        sc.pp.filter_genes(adata, min_cells=5)
        adata.layers["counts"] = adata.X.copy()
        sc.pp.normalize_total(adata, target_sum=1000)
        sc.pp.log1p(adata)
        if flavor == "pearson_residuals":
            sc.experimental.pp.highly_variable_genes(adata, n_top_genes=60, batch_key=batch, layer="counts")
        else:
            layer = "counts" if flavor.startswith("seurat_v3") else None
            sc.pp.highly_variable_genes(adata, flavor=flavor, n_top_genes=60, batch_key=batch, layer=layer)
        scaled = adata.copy()
        scaled.X = dense(scaled.X).astype(np.float64)
        sc.pp.scale(scaled, max_value=4)
        sc.pp.pca(scaled, n_comps=12)
    adata.var = scaled.var
    adata.obsm["X_pca"], adata.varm["PCs"], adata.uns["pca"] = (
        scaled.obsm["X_pca"],
        scaled.varm["PCs"],
        scaled.uns["pca"],
    )
    return adata


@pytest.mark.parametrize(
    ("dtype", "kind", "suffix"),
    covering(["float32", "float64", "int32", "uint16"], ["csr", "csc", "dense"], ["h5ad", "zarr"]),
)
def test_layouts_and_types(kind: str, dtype: str, suffix: str, tmp_path: Path) -> None:
    adata = small(7, kind, dtype)
    source = tmp_path / f"in.{suffix}"
    (adata.write_zarr if suffix == "zarr" else adata.write_h5ad)(source)
    ours = run(source, tmp_path / f"out.{suffix}", text=recipe(**SMALL))
    theirs = flow(adata, "seurat", None)
    for name in theirs.obs:
        np.testing.assert_allclose(
            pd.to_numeric(ours.obs[name], errors="coerce"), pd.to_numeric(theirs.obs[name], errors="coerce"), rtol=1e-6
        )
        if not (dtype == "uint16" and name.startswith("pct_counts_in_top")):
            assert ours.obs[name].dtype == theirs.obs[name].dtype, name
    assert list(ours.var.columns) == list(theirs.var.columns)
    np.testing.assert_array_equal(ours.var["highly_variable"], theirs.var["highly_variable"])
    for name in ["means", "dispersions", "dispersions_norm", "mean", "std"]:
        np.testing.assert_allclose(ours.var[name], theirs.var[name], rtol=1e-5, atol=1e-6, err_msg=name)
    assert ours.X.dtype == theirs.X.dtype
    assert sparse.issparse(ours.X) == sparse.issparse(theirs.X)
    np.testing.assert_allclose(dense(ours.X), dense(theirs.X), rtol=2e-6)
    assert ours.layers["counts"].dtype == adata.X.dtype
    np.testing.assert_array_equal(dense(ours.layers["counts"]), dense(theirs.layers["counts"]))
    np.testing.assert_allclose(ours.uns["pca"]["variance"], theirs.uns["pca"]["variance"], rtol=1e-5)
    cosines = np.abs((ours.varm["PCs"] * theirs.varm["PCs"]).sum(axis=0))
    gaps = np.abs(np.diff(theirs.uns["pca"]["variance"])) / theirs.uns["pca"]["variance"][:-1]
    alone = np.r_[gaps > 1e-3, False] & np.r_[True, gaps > 1e-3]
    assert (cosines[alone] > 0.9999).all()


@pytest.mark.parametrize(
    ("seed", "flavor", "batch"),
    covering(range(4), ["seurat", "cell_ranger", "seurat_v3", "seurat_v3_paper", "pearson_residuals"], [None, "batch"]),
)
def test_variable_genes(seed: int, flavor: str, batch: str | None, tmp_path: Path) -> None:
    adata = small(100 + seed, "csr", "float32", rows=300, columns=400)
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    ours = run(source, tmp_path / "out.h5ad", text=recipe(**SMALL, flavor=flavor, batch_key=batch))
    theirs = flow(adata, flavor, batch)
    names = [name for name in theirs.var if name not in ("mean", "std")]
    assert [name for name in ours.var if name not in ("mean", "std")] == names
    for name in names:
        a, b = ours.var[name], theirs.var[name]
        assert a.dtype == b.dtype, name
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8, err_msg=name)
        else:
            assert (a == b).all(), name
    assert {key: value for key, value in ours.uns["hvg"].items() if key == "flavor"} == {"flavor": flavor}


def test_keep_x(tmp_path: Path) -> None:
    """With the default recipe up to its components, of fewer genes, in which most time would go."""
    whole = command(["run", "--print-recipe", "--until", "pca"]).stdout
    text = whole.replace("n_top_genes = 2000", "n_top_genes = 300")
    assert text != whole
    source = ad.read_h5ad(DEMO)
    raw = run(DEMO, tmp_path / "raw.h5ad", "--keep-x", "raw", text=text)
    assert "log1p" not in raw.uns and "counts" not in raw.layers and raw.obsm["X_pca"].shape == (raw.n_obs, 50)
    np.testing.assert_array_equal(dense(raw.X), dense(source[raw.obs_names, raw.var_names].X))
    none = run(DEMO, tmp_path / "none.h5ad", "--keep-x", "none", text=text)
    assert none.X is None and list(none.layers) == []
    np.testing.assert_array_equal(none.obsm["X_pca"], raw.obsm["X_pca"])
    both = run(DEMO, tmp_path / "both.h5ad", text=text)
    only = run(DEMO, tmp_path / "only.h5ad", "--keep-x", "normalized", text=text)
    assert list(only.layers) == [] and "log1p" in only.uns
    np.testing.assert_array_equal(dense(only.X), dense(both.X))


def step(name: str, source: Path, target: Path, *arguments: str) -> ad.AnnData:
    done = command([name, str(source), "-o", str(target), "--force", "-q", *arguments])
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


def test_steps_one_by_one(tmp_path: Path) -> None:
    """Every step as a command of its own, each on the output of the one before."""
    theirs = ad.read_h5ad(DEMO)
    files = [tmp_path / f"{i}.h5ad" for i in range(8)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.var["mt"] = theirs.var_names.str.startswith("MT-")
        sc.pp.calculate_qc_metrics(theirs, qc_vars=["mt"], percent_top=(50,), inplace=True)
        ours = step("qc", DEMO, files[0], "--gene-set", "mt=MT-", "--percent-top", "50")
        same_tables(ours.obs, theirs.obs, exact=EXACT)
        same_tables(ours.var, metrics_of_scanpy_1_11(theirs.var), exact=EXACT)
        sc.pp.filter_cells(theirs, min_genes=600)
        sc.pp.filter_genes(theirs, min_cells=10)
        ours = step("filter", files[0], files[1], "--min-genes", "600", "--min-cells", "10")
        same_tables(ours.obs, theirs.obs, exact=EXACT)
        same_tables(ours.var, metrics_of_scanpy_1_11(theirs.var), exact=EXACT)
        np.testing.assert_array_equal(dense(ours.X), dense(theirs.X))
        sc.pp.normalize_total(theirs, target_sum=1e4)
        ours = step("normalize", files[1], files[2], "--target-sum", "10000")
        np.testing.assert_allclose(dense(ours.X), dense(theirs.X), rtol=1e-6)
        sc.pp.log1p(theirs)
        ours = step("log1p", files[2], files[3])
        np.testing.assert_allclose(dense(ours.X), dense(theirs.X), rtol=1e-6)
        assert ours.uns["log1p"] == theirs.uns["log1p"]
        sc.pp.highly_variable_genes(theirs, n_top_genes=500)
        ours = step("hvg", files[3], files[4], "--n-top-genes", "500")
        np.testing.assert_array_equal(ours.var["highly_variable"], theirs.var["highly_variable"])
        np.testing.assert_allclose(ours.var["means"], theirs.var["means"], rtol=1e-5)
        scaled = theirs.copy()
        sc.pp.scale(scaled, max_value=10)
        ours = step("scale", files[4], files[5], "--max-value", "10")
        assert ours.X.dtype == scaled.X.dtype and isinstance(ours.X, np.ndarray)
        np.testing.assert_allclose(ours.X, scaled.X, atol=1e-5)
        sc.pp.pca(scaled, n_comps=20)
        ours = step("pca", files[5], files[6], "--n-comps", "20")
        assert ours.obsm["X_pca"].shape == (ours.n_obs, 20)
        np.testing.assert_allclose(ours.uns["pca"]["variance"], scaled.uns["pca"]["variance"], rtol=1e-5)
        sc.pp.pca(theirs, n_comps=20)
        ours = step("pca", files[4], files[7], "--n-comps", "20")
        same_components(ours, theirs)
