"""``annstream.pp.neighbors`` and ``annstream.tl`` against scanpy, and scanpy's functions on what they leave."""

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
from .test_pp import quietly

KINDS = ["lazy", "memory"]


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    adata = some_cells()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=200)
    sc.pp.pca(adata, n_comps=15)
    first = adata.obsm["X_pca"][:, 0]
    adata.obs["group"] = pd.Categorical(np.where(first < np.quantile(first, 0.3), "low", adata.obs["batch"]))
    adata.uns["log1p"] = {}
    return adata


@pytest.mark.parametrize(
    "given", [{}, {"n_neighbors": 8, "n_pcs": 5, "metric": "cosine", "key_added": "mine"}], ids=str
)
def test_neighbors(cells: ad.AnnData, given: dict[str, Any], tmp_path: Path) -> None:
    expected, found = cells.copy(), open_as("lazy", cells, tmp_path)
    quietly(sc.pp.neighbors, expected, **given)
    annstream.pp.neighbors(found, **given)
    assert list(found.obsp) == list(expected.obsp)
    key = given.get("key_added", "neighbors")
    assert found.uns[key] == expected.uns[key]
    for name, graph in expected.obsp.items():
        own = found.obsp[name]
        assert own.dtype == graph.dtype
        assert (own.format, own.indices.dtype, own.indptr.dtype) == ("csr", graph.indices.dtype, graph.indptr.dtype)
        np.testing.assert_allclose(own.toarray(), graph.toarray(), atol=2e-3)


def test_embeddings_are_chosen_as_in_scanpy(cells: ad.AnnData, tmp_path: Path) -> None:
    found = open_as("lazy", cells, tmp_path)
    with pytest.raises(ValueError, match="Did not find X_other"):
        annstream.pp.neighbors(found, use_rep="X_other")
    with pytest.raises(ValueError, match="enough"):
        annstream.pp.neighbors(found, n_pcs=99)
    del found.obsm["X_pca"]
    annstream.pp.neighbors(found)
    assert found.obsm["X_pca"].shape[1] == 50
    few = found[:, :40].copy()
    del few.obsm["X_pca"]
    annstream.pp.neighbors(few)
    assert "X_pca" not in few.obsm


@pytest.mark.parametrize("kind", KINDS)
def test_picture_and_communities(cells: ad.AnnData, kind: str, tmp_path: Path) -> None:
    found = open_as(kind, cells, tmp_path)
    with pytest.raises(ValueError, match="Did not find .uns"):
        annstream.tl.umap(found)
    annstream.pp.neighbors(found)
    expected = cells.copy()
    quietly(sc.pp.neighbors, expected)
    annstream.tl.umap(found, maxiter=50, random_state=3)
    assert found.obsm["X_umap"].shape == (found.n_obs, 2)
    assert found.obsm["X_umap"].dtype == np.float32
    np.testing.assert_allclose(found.uns["umap"]["params"]["a"], 0.583, atol=2e-3)
    assert found.uns["umap"]["params"]["random_state"] == 3
    again = annstream.tl.umap(found, maxiter=50, random_state=3, key_added="again", copy=True)
    np.testing.assert_array_equal(again.obsm["again"], found.obsm["X_umap"])
    annstream.tl.leiden(found, resolution=0.8)
    quietly(sc.tl.leiden, expected, resolution=0.8, flavor="igraph", n_iterations=-1)
    assert found.obs["leiden"].dtype == pd.CategoricalDtype(found.obs["leiden"].cat.categories)
    assert found.uns["leiden"]["params"] == expected.uns["leiden"]["params"]
    # The largest comes first.
    sizes = found.obs["leiden"].value_counts(sort=False)
    assert list(sizes.index) == [str(i) for i in range(len(sizes))]
    assert sizes.is_monotonic_decreasing

    def modularity(labels: pd.Series) -> float:
        graph = expected.obsp["connectivities"]
        members = pd.get_dummies(labels).to_numpy(dtype=float)
        degrees = np.asarray(graph.sum(1)).ravel()
        own = members.T @ degrees
        return np.trace(members.T @ (graph @ members)) / degrees.sum() - 0.8 * (own @ own) / degrees.sum() ** 2

    assert modularity(found.obs["leiden"]) >= modularity(expected.obs["leiden"]) - 0.01
    annstream.tl.leiden(found, restrict_to=("group", ["low"]), resolution=2)
    others = found.obs["group"] != "low"
    assert (found.obs["leiden_R"][others] == found.obs["group"][others].astype(str)).all()
    assert found.obs["leiden_R"][~others].str.startswith("low,").all()


MARKERS = [
    {},
    {"method": "wilcoxon", "tie_correct": True, "pts": True},
    {"method": "wilcoxon", "reference": "low", "groups": ["b1", "b0"], "n_genes": 20},
    {"method": "t-test_overestim_var", "corr_method": "bonferroni", "mask_var": "highly_variable", "pts": True},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", MARKERS, ids=str)
def test_markers(cells: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    expected, found = cells.copy(), open_as(kind, cells, tmp_path)
    quietly(sc.tl.rank_genes_groups, expected, "group", **given)
    annstream.tl.rank_genes_groups(found, "group", **given)
    own, scanpys = found.uns["rank_genes_groups"], expected.uns["rank_genes_groups"]
    assert list(own) == list(scanpys)
    assert own["params"] == scanpys["params"]
    for key in ("pts", "pts_rest"):
        if key in scanpys:
            pd.testing.assert_frame_equal(own[key], scanpys[key])
    for name in scanpys["scores"].dtype.names:
        assert own["scores"].dtype == scanpys["scores"].dtype
        frames = [
            pd.DataFrame({key: entry[key][name] for key in ("scores", "pvals", "pvals_adj", "logfoldchanges", "names")})
            for entry in (own, scanpys)
        ]
        assert (frames[0].dtypes == frames[1].dtypes).all()
        np.testing.assert_allclose(frames[0]["scores"], frames[1]["scores"], rtol=1e-4, atol=1e-5)
        # Equal scores may stand in another order.
        first, second = (frame.set_index("names") for frame in frames)
        both = first.index.intersection(second.index)
        assert len(both) >= 0.95 * len(first)
        np.testing.assert_allclose(first.loc[both], second.loc[both], rtol=2e-3, atol=1e-5)


def test_raw_is_looked_at_unless_said_otherwise(cells: ad.AnnData, tmp_path: Path) -> None:
    found = open_as("lazy", cells, tmp_path)
    found.raw = found
    found = found[:, found.var["highly_variable"]].copy()
    annstream.tl.rank_genes_groups(found, "group")
    assert found.uns["rank_genes_groups"]["params"]["use_raw"]
    assert len(found.uns["rank_genes_groups"]["names"]) == cells.n_vars
    annstream.tl.rank_genes_groups(found, "group", use_raw=False, key_added="own")
    assert len(found.uns["own"]["names"]) == found.n_vars
    with pytest.raises(ValueError, match="reference = none"):
        annstream.tl.rank_genes_groups(found, "group", reference="none")
    with pytest.raises(ValueError, match="Method must be"):
        annstream.tl.rank_genes_groups(found, "group", method="logreg")


def test_the_tutorial_line_by_line(tmp_path: Path) -> None:
    adata = open_as("lazy", some_cells(), tmp_path)
    annstream.pp.calculate_qc_metrics(adata, qc_vars=["mt"], percent_top=None, inplace=True)
    annstream.pp.filter_cells(adata, min_genes=100)
    annstream.pp.filter_genes(adata, min_cells=3)
    adata.layers["counts"] = adata.X.copy()
    annstream.pp.normalize_total(adata)
    annstream.pp.log1p(adata)
    annstream.pp.highly_variable_genes(adata, n_top_genes=200, batch_key="batch")
    annstream.pp.pca(adata)
    annstream.pp.neighbors(adata)
    annstream.tl.umap(adata)
    annstream.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False)
    annstream.tl.rank_genes_groups(adata, "leiden", method="wilcoxon")
    # What scanpy does with the results needs nothing else.
    frame = sc.get.rank_genes_groups_df(adata, group="0")
    assert frame["scores"].is_monotonic_decreasing
    sc.tl.dendrogram(adata, "leiden")
    adata.write_h5ad(tmp_path / "done.h5ad")
    back = ad.read_h5ad(tmp_path / "done.h5ad")
    np.testing.assert_allclose(back.X.toarray(), adata.X.toarray())
    assert back.uns["rank_genes_groups"]["params"]["groupby"] == "leiden"
