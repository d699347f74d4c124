"""AnnData that anndata opened with ``backed="r"``: the file is read, the tables in memory get the results."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import annstream
import numpy as np
import pytest
import scanpy as sc
from annstream import LazyMatrix

from .counts import open_as, some_cells
from .files import dense
from .test_pp import quietly


@pytest.fixture
def counts() -> ad.AnnData:
    adata = some_cells()
    adata.raw = adata
    adata = adata[:, ::2].copy()
    adata.layers["counts"] = adata.X.copy()
    return adata


@pytest.mark.parametrize("some", [False, True])
def test_metrics_and_steps_go_into_the_tables(counts: ad.AnnData, some: bool, tmp_path: Path) -> None:
    backed = open_as("backed", counts, tmp_path)
    before = (tmp_path / "counts.h5ad").read_bytes()
    expected = counts
    if some:
        order = np.random.default_rng(0).permutation(counts.n_obs)[:200]
        backed, expected = backed[order, 10:], counts[order, 10:].copy()
    found = annstream.pp.calculate_qc_metrics(backed, percent_top=[20], qc_vars=["mt"])
    quietly(sc.pp.calculate_qc_metrics, expected, percent_top=[20], qc_vars=["mt"], inplace=True)
    np.testing.assert_allclose(found[0]["total_counts"], expected.obs["total_counts"])
    np.testing.assert_allclose(found[1]["mean_counts"], expected.var["mean_counts"], rtol=1e-6)
    if not some:
        annstream.pp.calculate_qc_metrics(backed, percent_top=[20], qc_vars=["mt"], inplace=True)
        np.testing.assert_allclose(backed.obs["pct_counts_mt"], expected.obs["pct_counts_mt"], rtol=1e-5)
        annstream.pp.highly_variable_genes(backed, n_top_genes=50, flavor="cell_ranger")
        annstream.pp.pca(backed, n_comps=5)
        annstream.pp.neighbors(backed)
        annstream.tl.umap(backed, maxiter=5)
        annstream.tl.leiden(backed)
        annstream.tl.rank_genes_groups(backed, "batch", use_raw=False)
        annstream.pp.scrublet(backed, n_prin_comps=5, threshold=0.2)
        assert {"X_pca", "X_umap"} <= set(backed.obsm)
        assert len(backed.uns["rank_genes_groups"]["names"]) == backed.n_vars
        # The layers of a backed AnnData are in memory.
        annstream.pp.normalize_total(backed, layer="counts")
        annstream.pp.log1p(backed, layer="counts")
        assert backed.layers["counts"].max() < 10
    lazy = annstream.pp.normalize_total(backed, inplace=False)["X"]
    assert isinstance(lazy, LazyMatrix)
    np.testing.assert_allclose(
        dense(lazy), dense(sc.pp.normalize_total(expected, inplace=False)["X"]), rtol=1e-5, atol=1e-7
    )
    assert backed.isbacked
    assert (tmp_path / "counts.h5ad").read_bytes() == before


def test_raw_of_a_backed_one_is_read_from_the_file(counts: ad.AnnData, tmp_path: Path) -> None:
    backed = open_as("backed", counts, tmp_path)
    annstream.tl.rank_genes_groups(backed, "batch")
    annstream.tl.score_genes(backed, list(counts.raw.var_names[[1, 3, 5]]))
    expected = counts.copy()
    quietly(sc.tl.rank_genes_groups, expected, "batch")
    quietly(sc.tl.score_genes, expected, list(counts.raw.var_names[[1, 3, 5]]))
    np.testing.assert_allclose(
        backed.uns["rank_genes_groups"]["scores"]["b0"], expected.uns["rank_genes_groups"]["scores"]["b0"], rtol=1e-3
    )
    np.testing.assert_allclose(backed.obs["score"], expected.obs["score"], rtol=1e-5, atol=1e-6)


def test_files_are_not_changed(counts: ad.AnnData, tmp_path: Path) -> None:
    backed = open_as("backed", counts, tmp_path)
    for step, given in (
        (annstream.pp.filter_genes, {"min_cells": 1}),
        (annstream.pp.filter_cells, {"min_genes": 1}),
        (annstream.pp.normalize_total, {}),
        (annstream.pp.log1p, {}),
        (annstream.pp.scale, {}),
        (annstream.pp.regress_out, {"keys": "batch"}),
        (annstream.pp.downsample_counts, {"counts_per_cell": 3}),
        (annstream.pp.highly_variable_genes, {"subset": True}),
        (annstream.experimental.pp.normalize_pearson_residuals, {}),
    ):
        with pytest.raises(NotImplementedError, match="annstream.read"):
            step(backed, **given)
    mask, numbers = annstream.pp.filter_cells(backed, min_genes=300, inplace=False)
    np.testing.assert_array_equal(numbers, np.asarray((counts.X > 0).sum(1)).ravel())
    assert backed[mask].n_obs == mask.sum()
