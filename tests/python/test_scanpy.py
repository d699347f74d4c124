"""Scanpy's plots, getters and tools on lazy AnnData, unchanged."""

from __future__ import annotations

from typing import Any

import anndata as ad
import annstream
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from .counts import open_as, some_cells
from .test_pp import quietly

mpl.use("Agg")

from matplotlib import pyplot as plt


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    """Analysed by us, and written."""
    adata = open_as("lazy", some_cells(), tmp_path_factory.mktemp("scanpy"))
    annstream.pp.calculate_qc_metrics(adata, qc_vars=["mt"], percent_top=None, inplace=True)
    adata.layers["counts"] = adata.X.copy()
    annstream.pp.normalize_total(adata, target_sum=1e4)
    annstream.pp.log1p(adata)
    annstream.pp.highly_variable_genes(adata, n_top_genes=200)
    adata.raw = adata
    annstream.pp.pca(adata, n_comps=15)
    annstream.pp.neighbors(adata)
    annstream.tl.umap(adata, maxiter=50)
    annstream.tl.leiden(adata)
    annstream.tl.paga(adata)
    annstream.tl.dendrogram(adata, "leiden")
    annstream.tl.rank_genes_groups(adata, "leiden")
    annstream.tl.diffmap(adata)
    annstream.tl.score_genes(adata, ["gene3", "gene40", "gene200"])
    annstream.pp.scrublet(adata.to_memory(), n_prin_comps=5, threshold=0.2)
    return adata


@pytest.fixture
def adata(done: ad.AnnData) -> ad.AnnData:
    return done.copy()


GENES = ["gene3", "gene40", "gene200"]
PLOTS: dict[str, Any] = {
    "umap": lambda a: sc.pl.umap(a, color=["leiden", "gene3", "score"], show=False),
    "umap of a layer": lambda a: sc.pl.umap(a, color="gene3", layer="counts", show=False),
    "umap with edges": lambda a: sc.pl.umap(a, color="leiden", edges=True, show=False),
    "pca": lambda a: sc.pl.pca(a, color="gene40", show=False),
    "pca_variance_ratio": lambda a: sc.pl.pca_variance_ratio(a, show=False),
    "pca_loadings": lambda a: sc.pl.pca_loadings(a, show=False),
    "diffmap": lambda a: sc.pl.diffmap(a, color="leiden", show=False),
    "scatter": lambda a: sc.pl.scatter(a, x="total_counts", y="gene3", use_raw=False, show=False),
    "violin": lambda a: sc.pl.violin(a, ["gene3", "pct_counts_mt"], groupby="leiden", show=False),
    "highly_variable_genes": lambda a: sc.pl.highly_variable_genes(a, show=False),
    "dotplot": lambda a: sc.pl.dotplot(a, GENES, "leiden", dendrogram=True, show=False),
    "matrixplot": lambda a: sc.pl.matrixplot(a, GENES, "leiden", use_raw=False, show=False),
    "stacked_violin": lambda a: sc.pl.stacked_violin(a, GENES, "leiden", show=False),
    "heatmap": lambda a: sc.pl.heatmap(a, GENES, "leiden", layer="counts", use_raw=False, show=False),
    "tracksplot": lambda a: sc.pl.tracksplot(a, GENES, "leiden", show=False),
    "rank_genes_groups": lambda a: sc.pl.rank_genes_groups(a, n_genes=5, show=False),
    "rank_genes_groups_dotplot": lambda a: sc.pl.rank_genes_groups_dotplot(a, n_genes=2, show=False),
    "rank_genes_groups_heatmap": lambda a: sc.pl.rank_genes_groups_heatmap(a, n_genes=2, show=False),
    "rank_genes_groups_violin": lambda a: sc.pl.rank_genes_groups_violin(a, n_genes=2, groups="0", show=False),
    "paga": lambda a: sc.pl.paga(a, show=False),
    "dendrogram": lambda a: sc.pl.dendrogram(a, "leiden", show=False),
    "correlation_matrix": lambda a: sc.pl.correlation_matrix(a, "leiden", show=False),
    "embedding_density": lambda a: (
        sc.tl.embedding_density(a, groupby="leiden"),
        sc.pl.embedding_density(a, groupby="leiden", show=False),
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots(adata: ad.AnnData, name: str) -> None:
    if name == "paga":
        # Scanpy lays the graph out with it; it is no dependency of scanpy.
        pytest.importorskip("igraph")
    quietly(PLOTS[name], adata)
    assert plt.get_fignums()
    plt.close("all")


def test_getters(adata: ad.AnnData) -> None:
    whole = adata.to_memory()
    for given in (
        {"keys": ["gene3", "leiden", "n_genes_by_counts"]},
        {"keys": ["gene3"], "layer": "counts"},
        {"keys": ["gene40"], "use_raw": True},
        {"keys": ["gene3"], "obsm_keys": [("X_umap", 1)]},
    ):
        pd.testing.assert_frame_equal(sc.get.obs_df(adata, **given), sc.get.obs_df(whole, **given))
    cells = list(adata.obs_names[[4, 7]])
    pd.testing.assert_frame_equal(
        sc.get.var_df(adata, keys=[*cells, "means"]), sc.get.var_df(whole, keys=[*cells, "means"])
    )
    frame = sc.get.rank_genes_groups_df(adata, group="0")
    pd.testing.assert_frame_equal(frame, sc.get.rank_genes_groups_df(whole, group="0"))


TOOLS: dict[str, Any] = {
    "paga": lambda a: sc.tl.paga(a, "leiden"),
    "dendrogram": lambda a: sc.tl.dendrogram(a, "leiden"),
    "diffmap": lambda a: sc.tl.diffmap(a),
    "dpt": lambda a: (a.uns.__setitem__("iroot", 0), sc.tl.dpt(a)),
    "umap": lambda a: sc.tl.umap(a, maxiter=10),
    "leiden": lambda a: sc.tl.leiden(a, flavor="igraph", n_iterations=2, directed=False),
    "neighbors": lambda a: sc.pp.neighbors(a),
    "draw_graph": lambda a: sc.tl.draw_graph(a, layout="fr", n_jobs=1),
    "tsne": lambda a: sc.tl.tsne(a, n_pcs=5, n_jobs=1),
    "embedding_density": lambda a: sc.tl.embedding_density(a),
    "filter_rank_genes_groups": lambda a: sc.tl.filter_rank_genes_groups(a, use_raw=False),
    "marker_gene_overlap": lambda a: sc.tl.marker_gene_overlap(a, {"mine": set(GENES)}),
    "subsample": lambda a: sc.pp.subsample(a, n_obs=50),
    "ingest": lambda a: a.strings_to_categoricals(),
}


@pytest.mark.parametrize("name", TOOLS)
def test_tools(adata: ad.AnnData, name: str) -> None:
    whole = adata.to_memory()
    quietly(TOOLS[name], adata)
    quietly(TOOLS[name], whole)
    assert adata.shape == whole.shape
    assert list(adata.obs) == list(whole.obs)
    assert set(adata.uns) == set(whole.uns)
    assert set(adata.obsm) == set(whole.obsm)
    for key, values in whole.obsm.items():
        np.testing.assert_allclose(adata.obsm[key], values, atol=1e-4)
