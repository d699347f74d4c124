"""Scores, diffusion maps, PAGA, dendrograms and pseudobulk against scanpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from .counts import open_as, some_cells
from .files import dense
from .test_pp import quietly

KINDS = ["lazy", "memory", "backed"]


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    adata = some_cells()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=15)
    quietly(sc.pp.neighbors, adata)
    first = adata.obsm["X_pca"][:, 0]
    adata.obs["group"] = pd.Categorical(np.where(first < np.quantile(first, 0.3), "low", adata.obs["batch"]))
    adata.obs["half"] = pd.Categorical(np.where(np.arange(adata.n_obs) % 2, "odd", "even"))
    adata.uns["log1p"] = {}
    return adata


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "given", [{}, {"ctrl_size": 20, "n_bins": 5, "random_state": 3, "ctrl_as_ref": False}], ids=str
)
def test_score_genes(cells: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path, caplog: Any) -> None:
    genes = ["gene3", "gene40", "missing", "gene200"]
    expected, found = cells.copy(), open_as(kind, cells, tmp_path)
    quietly(sc.tl.score_genes, expected, genes, score_name="mine", **given)
    annstream.tl.score_genes(found, genes, score_name="mine", **given)
    assert "missing" in caplog.text
    np.testing.assert_allclose(found.obs["mine"], expected.obs["mine"], rtol=1e-5, atol=1e-7)
    assert found.obs["mine"].dtype == expected.obs["mine"].dtype
    lists = {"s_genes": genes, "g2m_genes": ["gene9", "gene77"]}
    quietly(sc.tl.score_genes_cell_cycle, expected, **lists)
    annstream.tl.score_genes_cell_cycle(found, **lists)
    for name in ("S_score", "G2M_score"):
        np.testing.assert_allclose(found.obs[name], expected.obs[name], rtol=1e-5, atol=1e-7)
    assert (found.obs["phase"] == expected.obs["phase"]).mean() > 0.99


@pytest.mark.parametrize("layout", ["csc", "dense"])
def test_scores_of_other_layouts_of_raw_and_of_layers(cells: ad.AnnData, layout: str, tmp_path: Path) -> None:
    adata = cells.copy()
    adata.layers["other"] = adata.X[:, ::-1].copy()
    adata.X = adata.X.toarray() if layout == "dense" else adata.X.tocsc()
    adata.raw = adata
    adata = adata[:, :300].copy()
    found = open_as("lazy", adata, tmp_path)
    genes = ["gene3", "gene40", "gene200"]
    for given in ({}, {"use_raw": False}, {"layer": "other", "use_raw": False}, {"gene_pool": adata.var_names[:250]}):
        expected = adata.copy()
        quietly(sc.tl.score_genes, expected, genes, **given)
        annstream.tl.score_genes(found, genes, **given)
        np.testing.assert_allclose(found.obs["score"], expected.obs["score"], rtol=1e-5, atol=1e-7)
    logs = found.copy()
    annstream.pp.log1p(logs)
    annstream.tl.score_genes(logs, genes, use_raw=False)
    expected = adata.copy()
    quietly(sc.pp.log1p, expected)
    quietly(sc.tl.score_genes, expected, genes, use_raw=False)
    np.testing.assert_allclose(logs.obs["score"], expected.obs["score"], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="none of the genes"):
        annstream.tl.score_genes(found, ["nothing"])


@pytest.mark.parametrize("kind", KINDS)
def test_diffusion_map(cells: ad.AnnData, kind: str, tmp_path: Path) -> None:
    expected, found = cells.copy(), open_as(kind, cells, tmp_path)
    sc.tl.diffmap(expected, n_comps=8)
    annstream.tl.diffmap(found, n_comps=8)
    np.testing.assert_allclose(found.uns["diffmap_evals"], expected.uns["diffmap_evals"], atol=1e-5)
    own, other = found.obsm["X_diffmap"], expected.obsm["X_diffmap"]
    assert own.dtype == other.dtype
    for mine, theirs in zip(own.T[:4], other.T[:4], strict=True):
        np.testing.assert_allclose(mine * np.sign(mine @ theirs), theirs, atol=1e-3)
    with pytest.raises(ValueError, match="greater than 2"):
        annstream.tl.diffmap(found, n_comps=2)


@pytest.mark.parametrize("kind", KINDS)
def test_paga(cells: ad.AnnData, kind: str, tmp_path: Path) -> None:
    expected, found = cells.copy(), open_as(kind, cells, tmp_path)
    sc.tl.paga(expected, "group")
    annstream.tl.paga(found, "group")
    own, other = found.uns["paga"], expected.uns["paga"]
    assert own["groups"] == other["groups"]
    for name in ("connectivities", "connectivities_tree"):
        assert own[name].dtype == other[name].dtype
        assert own[name].format == "csr"
        np.testing.assert_allclose(own[name].toarray(), other[name].toarray())
    np.testing.assert_array_equal(found.uns["group_sizes"], expected.uns["group_sizes"])
    assert found.uns["group_sizes"].dtype == expected.uns["group_sizes"].dtype
    for wrong, error in (({"groups": "missing"}, KeyError), ({}, ValueError), ({"model": "v1.0"}, NotImplementedError)):
        with pytest.raises(error):
            annstream.tl.paga(found, **wrong)


TREES = [
    {},
    {"linkage_method": "average", "cor_method": "spearman", "n_pcs": 7, "key_added": "mine"},
    {"use_rep": "X", "optimal_ordering": True},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", TREES, ids=str)
def test_dendrogram(cells: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    expected, found = cells.copy(), open_as(kind, cells, tmp_path)
    if given.get("use_rep") == "X":
        expected.X = expected.X.toarray()
    for groupby in ("group", ["group", "half"]):
        sc.tl.dendrogram(expected, groupby, **given)
        annstream.tl.dendrogram(found, groupby, **given)
        key = given.get("key_added", f"dendrogram_{groupby if isinstance(groupby, str) else '_'.join(groupby)}")
        own, other = found.uns[key], expected.uns[key]
        assert list(own) == list(other)
        for name in ("linkage", "correlation_matrix"):
            np.testing.assert_allclose(own[name], other[name], rtol=1e-5, atol=1e-6)
        for name in ("groupby", "use_rep", "cor_method", "linkage_method", "categories_ordered"):
            assert own[name] == other[name], name
        assert list(own["categories_idx_ordered"]) == list(other["categories_idx_ordered"])
        assert set(own["dendrogram_info"]) == set(other["dendrogram_info"])
        for name in ("icoord", "dcoord"):
            np.testing.assert_allclose(own["dendrogram_info"][name], other["dendrogram_info"][name], rtol=1e-5)
    again = annstream.tl.dendrogram(found, ["group", "half"], inplace=False, **given)
    np.testing.assert_array_equal(again["linkage"], found.uns[key]["linkage"])
    genes = list(found.var_names[[5, 2, 9, 30]])
    few = annstream.tl.dendrogram(found, "group", var_names=genes, inplace=False)
    means = pd.DataFrame(dense(cells[:, genes].X)).groupby(cells.obs["group"].to_numpy()).mean()
    np.testing.assert_allclose(few["correlation_matrix"], means.T.corr(), atol=1e-5)
    with pytest.raises(ValueError, match="categorical"):
        found.obs["number"] = 1.0
        annstream.tl.dendrogram(found, "number")


AGGREGATES = [
    {"by": "group", "func": "sum"},
    {"by": ["group", "half"], "func": ["mean", "var", "count_nonzero"]},
    {"by": "group", "func": ["var", "sum"], "dof": 0, "mask": "some"},
    {"by": "half", "func": "mean", "obsm": "X_pca"},
    {"by": "part", "func": ["sum", "mean", "var", "count_nonzero"], "axis": "var"},
    {"by": "part", "func": "mean", "varm": "PCs"},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", AGGREGATES, ids=str)
def test_aggregate(cells: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    adata = cells.copy()
    adata.obs["some"] = np.arange(adata.n_obs) % 4 > 0
    adata.var["part"] = pd.Categorical([f"p{i % 5}" for i in range(adata.n_vars)])
    expected = quietly(sc.get.aggregate, adata, **given)
    found = annstream.get.aggregate(open_as(kind, adata, tmp_path), **given)
    pd.testing.assert_frame_equal(found.obs, expected.obs, check_index_type=False)
    pd.testing.assert_frame_equal(found.var, expected.var, check_index_type=False)
    assert set(found.layers) == set(expected.layers)
    for name, values in expected.layers.items():
        np.testing.assert_allclose(dense(found.layers[name]), dense(values), rtol=2e-4, atol=1e-5)


def test_what_aggregate_refuses(cells: ad.AnnData) -> None:
    adata = cells.copy()
    adata.obs["holes"] = adata.obs["group"].where(np.arange(adata.n_obs) > 0)
    for wrong, error in (
        ({"by": "group", "func": "median"}, NotImplementedError),
        ({"by": "group", "func": "mode"}, ValueError),
        ({"by": "holes", "func": "sum"}, ValueError),
        ({"by": "group", "func": "sum", "layer": "a", "obsm": "b"}, TypeError),
        ({"by": "group", "func": "sum", "obsm": "X_pca", "axis": 1}, ValueError),
    ):
        with pytest.raises(error):
            annstream.get.aggregate(adata, **wrong)
