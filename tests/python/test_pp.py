"""``annstream.pp`` against ``scanpy.pp``, on lazy AnnData and on those in memory."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from annstream import LazyMatrix

from .counts import open_as, same, some_cells
from .files import dense

KINDS = ["lazy", "memory"]
INPUTS = [("csr", np.float32), ("csr", np.int64), ("csc", np.float64), ("dense", np.float32), ("dense", np.int32)]


def quietly(step: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return step(*args, **kwargs)


@pytest.fixture(scope="module")
def counts() -> ad.AnnData:
    return some_cells()


@pytest.fixture(scope="module")
def logs(counts: ad.AnnData) -> ad.AnnData:
    adata = counts.copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layout", "dtype"), INPUTS)
def test_counts_filters_totals_and_logarithms(layout: str, dtype: Any, kind: str, tmp_path: Path) -> None:
    expected = some_cells(layout, dtype)
    found = open_as(kind, expected, tmp_path)
    for pp, adata in ((sc.pp, expected), (annstream.pp, found)):
        quietly(pp.calculate_qc_metrics, adata, qc_vars=["mt"], percent_top=[20, 50], inplace=True)
        pp.filter_cells(adata, min_genes=200)
        pp.filter_genes(adata, min_cells=3)
        pp.filter_cells(adata, max_counts=3000)
        pp.filter_genes(adata, min_counts=4)
        adata.layers["counts"] = adata.X.copy()
        quietly(pp.normalize_total, adata, target_sum=1e4, key_added="factor")
        pp.log1p(adata)
    assert found.shape == expected.shape
    assert 0 < found.n_obs < 300
    same(found, expected)
    np.testing.assert_array_equal(dense(found.layers["counts"]), dense(expected.layers["counts"]))
    assert isinstance(found.X, LazyMatrix) == (kind == "lazy")
    assert found.uns["log1p"] == {"base": None}


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_the_first_steps(counts: ad.AnnData, kind: str, tmp_path: Path) -> None:
    adata = open_as(kind, counts, tmp_path)
    for given in (
        {"percent_top": None, "log1p": False},
        {"expr_type": "umis", "var_type": "features", "qc_vars": "mt"},
    ):
        for found, expected in zip(
            annstream.pp.calculate_qc_metrics(adata, **given),
            quietly(sc.pp.calculate_qc_metrics, counts.copy(), **given),
            strict=True,
        ):
            pd.testing.assert_frame_equal(found, expected, rtol=1e-5)
    for name, limit in (("max_genes", 400), ("min_counts", 800)):
        expected = sc.pp.filter_cells(counts.copy(), **{name: limit}, inplace=False)
        found = annstream.pp.filter_cells(adata, **{name: limit}, inplace=False)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
    copy = annstream.pp.filter_genes(adata, max_cells=20, copy=True)
    assert adata.shape == counts.shape
    assert copy.n_vars == sc.pp.filter_genes(counts.copy(), max_cells=20, copy=True).n_vars
    given = {"exclude_highly_expressed": True, "max_fraction": 0.02, "inplace": False}
    expected = sc.pp.normalize_total(counts.copy(), **given)
    found = annstream.pp.normalize_total(adata, **given)
    np.testing.assert_allclose(dense(found["X"]), dense(expected["X"]), rtol=1e-5)
    np.testing.assert_allclose(found["norm_factor"], expected["norm_factor"], rtol=1e-6)
    np.testing.assert_array_equal(dense(adata.X), dense(counts.X))
    with pytest.raises(ValueError, match="Only provide one"):
        annstream.pp.filter_cells(adata, min_genes=1, min_counts=1)
    with pytest.raises(IndexError, match="Positions outside range"):
        annstream.pp.calculate_qc_metrics(adata, percent_top=[10**6])


@pytest.mark.parametrize("kind", KINDS)
def test_twice_and_with_a_base(counts: ad.AnnData, kind: str, tmp_path: Path, caplog: Any) -> None:
    expected = counts.copy()
    found = open_as(kind, counts, tmp_path)
    for pp, adata in ((sc.pp, expected), (annstream.pp, found)):
        pp.normalize_total(adata)
        pp.log1p(adata, base=2)
        pp.log1p(adata)
        pp.normalize_total(adata, target_sum=100)
    assert "already log-transformed" in caplog.text
    same(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_becomes_actual(counts: ad.AnnData, kind: str, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(counts.n_obs)[:200]
    expected, whole = counts[order].copy(), open_as(kind, counts, tmp_path)
    found = whole[order]
    sc.pp.normalize_total(expected)
    quietly(annstream.pp.normalize_total, found)
    assert not found.is_view
    same(found, expected)
    np.testing.assert_array_equal(dense(whole.X), dense(counts.X))


HVG = [
    {},
    {"n_top_genes": 150},
    {"flavor": "cell_ranger", "n_top_genes": 150},
    {"batch_key": "batch"},
    {"n_top_genes": 150, "batch_key": "batch"},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", HVG, ids=str)
def test_highly_variable_genes(logs: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    expected, found = logs.copy(), open_as(kind, logs, tmp_path)
    quietly(sc.pp.highly_variable_genes, expected, **given)
    annstream.pp.highly_variable_genes(found, **given)
    same(found, expected)
    assert found.uns["hvg"] == expected.uns["hvg"]
    annstream.pp.highly_variable_genes(found, subset=True, **given)
    assert found.n_vars == expected.var["highly_variable"].sum()


@pytest.mark.parametrize("kind", KINDS)
def test_highly_variable_genes_of_counts(counts: ad.AnnData, kind: str, tmp_path: Path) -> None:
    # The curve of skmisc cannot be fitted to genes that are too rare.
    frequent = counts[:, counts.X.getnnz(0) > 10].copy()
    found = open_as(kind, frequent, tmp_path)
    for more in ({}, {"batch_key": "batch"}):
        given = {"flavor": "seurat_v3", "n_top_genes": 100, "span": 0.5, **more}
        expected = frequent.copy()
        quietly(sc.pp.highly_variable_genes, expected, **given)
        annstream.pp.highly_variable_genes(found, **given)
        assert list(found.var) == list(expected.var)
        assert (found.var.dtypes == expected.var.dtypes).all()
        for name in ("means", "variances", "variances_norm"):
            np.testing.assert_allclose(found.var[name], expected.var[name], rtol=1e-5)
        # In batches there are many equal scores, whose order is nobody's choice.
        assert (found.var["highly_variable"] == expected.var["highly_variable"]).mean() >= (0.99 if more else 1)
    fractions = annstream.pp.normalize_total(found, copy=True)
    with pytest.warns(UserWarning, match="expects raw count data"):
        annstream.pp.highly_variable_genes(fractions, flavor="seurat_v3", n_top_genes=50)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [True, False])
def test_components(logs: ad.AnnData, kind: str, masked: bool, tmp_path: Path) -> None:
    expected = logs.copy()
    if masked:
        sc.pp.highly_variable_genes(expected, n_top_genes=150)
    found = open_as(kind, expected, tmp_path)
    sc.pp.pca(expected, n_comps=10)
    annstream.pp.pca(found, n_comps=10)
    for own, scanpys in ((found.obsm, expected.obsm), (found.varm, expected.varm)):
        assert list(own) == list(scanpys)
        for name, values in scanpys.items():
            assert own[name].dtype == values.dtype
            assert own[name].shape == values.shape
            np.testing.assert_allclose(own[name], values, atol=2e-3 * np.abs(values).max())
    assert found.uns["pca"]["params"] == expected.uns["pca"]["params"]
    for name in ("variance", "variance_ratio"):
        np.testing.assert_allclose(found.uns["pca"][name], expected.uns["pca"][name], rtol=1e-3)
        assert found.uns["pca"][name].dtype == expected.uns["pca"][name].dtype


def test_components_under_another_name(logs: ad.AnnData, tmp_path: Path) -> None:
    found = open_as("lazy", logs, tmp_path)
    other = annstream.pp.pca(found, n_comps=5, mask_var="mt", key_added="mine", copy=True)
    assert "mine" not in found.obsm
    assert other.obsm["mine"].shape == (found.n_obs, 5)
    assert not other.varm["mine"][~other.var["mt"].to_numpy()].any()
    scores = annstream.pp.pca(found.X, n_comps=5)
    expected = sc.pp.pca(logs.X, n_comps=5)
    np.testing.assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [{}, {"max_value": 2.0}, {"zero_center": False, "max_value": 3.0}], ids=str)
def test_scale(logs: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    expected, found = logs.copy(), open_as(kind, logs, tmp_path)
    quietly(sc.pp.scale, expected, **given)
    annstream.pp.scale(found, **given)
    same(found, expected, rtol=1e-4)
    if given.get("zero_center", True):
        sc.pp.pca(expected, n_comps=5)
        annstream.pp.pca(found, n_comps=5)
        scores = expected.obsm["X_pca"]
        np.testing.assert_allclose(found.obsm["X_pca"], scores, atol=5e-3 * np.abs(scores).max())


@pytest.mark.parametrize("kind", KINDS)
def test_residuals(counts: ad.AnnData, kind: str, tmp_path: Path) -> None:
    expected, found = counts.copy(), open_as(kind, counts, tmp_path)
    for pp, adata in ((sc.experimental.pp, expected), (annstream.experimental.pp, found)):
        quietly(pp.highly_variable_genes, adata, n_top_genes=100)
        quietly(pp.normalize_pearson_residuals, adata)
    same(found, expected, rtol=2e-4, atol=1e-6)
    assert dict(found.uns) == dict(expected.uns)
    other = tmp_path / "other"
    other.mkdir()
    found = annstream.experimental.pp.normalize_pearson_residuals(
        open_as(kind, counts, other), theta=10, clip=2.0, inplace=False
    )
    expected = sc.experimental.pp.normalize_pearson_residuals(counts.copy(), theta=10, clip=2.0, inplace=False)
    np.testing.assert_allclose(dense(found.pop("X")), expected.pop("X"), rtol=1e-3, atol=1e-5)
    assert found == expected
    batches = {"n_top_genes": 100, "batch_key": "batch", "inplace": False}
    found = annstream.experimental.pp.highly_variable_genes(counts.copy(), **batches)
    expected = quietly(sc.experimental.pp.highly_variable_genes, counts.copy(), **batches)
    np.testing.assert_allclose(found["residual_variances"], expected["residual_variances"], rtol=1e-4)


def test_what_is_refused(counts: ad.AnnData, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="flavor"):
        annstream.pp.highly_variable_genes(counts.copy(), flavor="other")
    with pytest.raises(ValueError, match="Did not find"):
        annstream.pp.pca(counts.copy(), mask_var="missing")
    with pytest.raises(TypeError, match="AnnData"):
        annstream.pp.normalize_total(counts.X)
