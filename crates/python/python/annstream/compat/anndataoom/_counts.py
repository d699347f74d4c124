"""Sums and numbers of cells and of genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...pp import calculate_qc_metrics
from ._backed_array import DEFAULT_CHUNK_SIZE, counts
from ._shared import mask, matrix_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def chunked_qc_metrics(
    adata: ad.AnnData, *, percent_top: Sequence[int] | None = None, chunk_size: int = DEFAULT_CHUNK_SIZE
) -> None:
    """Counts and genes of cells, and cells of genes. One pass.

    Adds ``nUMIs`` and ``detected_genes`` to ``obs`` and ``n_cells`` to ``var``.

    Parameters
    ----------
    adata
        Cells and genes.
    percent_top
        Also ``pct_counts_in_top_N_genes`` of :func:`scanpy.pp.calculate_qc_metrics` for each of these, by another pass.
    chunk_size
        For the sake of ``anndataoom``.
    """
    genes_of, cells_of, totals, _ = counts(matrix_of(adata))
    if percent_top:
        obs, _ = calculate_qc_metrics(adata, percent_top=percent_top, log1p=False)
        for name in obs.columns[obs.columns.str.startswith("pct_counts_in_top_")]:
            adata.obs[name] = obs[name]
    adata.obs["nUMIs"] = totals.copy()
    adata.obs["detected_genes"] = genes_of.copy()
    adata.var["n_cells"] = cells_of.copy()


def chunked_gene_group_pct(adata: ad.AnnData, gene_mask: Any, *, chunk_size: int = DEFAULT_CHUNK_SIZE) -> np.ndarray:
    """Share of the counts of each cell that is in a set of genes, from 0 to 1; 0 for empty cells. One pass.

    Parameters
    ----------
    adata
        Cells and genes.
    gene_mask
        Which genes.
    chunk_size
        For the sake of ``anndataoom``.
    """
    matrix = matrix_of(adata)
    totals = counts(matrix)[2]
    own = matrix.view(None, mask(gene_mask, matrix.shape[1])).sum(1)
    return own / np.where(totals == 0, 1.0, totals)


def chunked_mean_var(
    adata: ad.AnnData, *, layer: str | None = None, chunk_size: int = DEFAULT_CHUNK_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of genes, from differences to the mean, in doubles. One pass.

    Parameters
    ----------
    adata
        Cells and genes.
    layer
        What is looked at instead of ``X``.
    chunk_size
        For the sake of ``anndataoom``.

    Returns
    -------
    mean, var
        The divisor of variances is the number of cells less one; those of a single cell are 0.
    """
    matrix = matrix_of(adata, layer)
    few = matrix.shape[0] < 2
    return matrix.mean(0), np.zeros(matrix.shape[1]) if few else matrix.var(0, ddof=1)


def chunked_identify_robust_genes(
    adata: ad.AnnData, percent_cells: float = 0.05, chunk_size: int = DEFAULT_CHUNK_SIZE
) -> None:
    """Drops genes that no cell has, and marks those that enough cells have. One pass.

    Adds ``n_cells``, ``percent_cells``, ``robust`` and ``highly_variable_features`` to ``var``.

    Parameters
    ----------
    adata
        Cells and genes; genes leave it.
    percent_cells
        Cells that have a robust gene, in per cent of all.
    chunk_size
        For the sake of ``anndataoom``.
    """
    cells_of = counts(matrix_of(adata))[1]
    adata.var["n_cells"] = cells_of.copy()
    if not cells_of.all():
        adata._inplace_subset_var(cells_of > 0)
    adata.var["percent_cells"] = adata.var["n_cells"] / max(1, adata.n_obs) * 100
    adata.var["robust"] = adata.var["percent_cells"] >= percent_cells
    adata.var["highly_variable_features"] = adata.var["robust"]
