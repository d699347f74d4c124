"""Genes that vary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from scipy import sparse

from ... import _annstream
from ..._anndata import AnnData
from ..._steps import options
from ...experimental import pp as experimental
from ...pp import filter_cells, filter_genes, highly_variable_genes, log1p, normalize_total
from ._backed_array import DEFAULT_CHUNK_SIZE, lazy
from ._counts import chunked_mean_var
from ._shared import layer_or_x, mask, matrix_of

if TYPE_CHECKING:
    import pandas as pd


def chunked_pearson_residual_variance(
    X: Any,
    *,
    theta: float = 100.0,
    clip: float | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    precomputed: dict[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variances of Pearson residuals of genes, as scanpy has them. Two passes.

    Parameters
    ----------
    X
        Counts.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    chunk_size
        For the sake of ``anndataoom``.
    precomputed
        Sums that :func:`chunked_normalize_total` left; they must be of this shape. Sums are taken from ``X`` all the
        same, so that they are never those of something else.

    Returns
    -------
    residual_var, gene_mean, gene_var
        The divisor of ``gene_var`` is the number of cells.

    Raises
    ------
    ValueError
        If the sums are of another shape.
    """
    matrix = lazy(X)
    if precomputed is not None:
        found = tuple(len(precomputed[name]) for name in ("sums_cells", "sums_genes"))
        if found != matrix.shape:
            msg = f"Stale precomputed sums: they are of {found}, and X is of {matrix.shape}"
            raise ValueError(msg)
    given = options(
        flavor="pearson_residuals",
        n_top_genes=1,
        theta=float(theta),
        clip=None if clip is None else float(clip),
        batched=False,
    )
    names = [str(i) for i in range(matrix.shape[1])]
    table = _annstream.highly_variable_genes(matrix._matrix, names, given, None, None)
    cells = matrix.shape[0]
    return table["residual_variances"], table["means"], table["variances"] * ((cells - 1) / cells if cells else 1.0)


def chunked_highly_variable_genes_pearson(
    adata: ad.AnnData,
    *,
    n_top_genes: int = 2000,
    theta: float = 100.0,
    clip: float | None = None,
    batch_key: str | None = None,
    layer: str | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    precomputed: Any = "auto",
) -> None:
    """Genes whose residuals vary: :func:`scanpy.experimental.pp.highly_variable_genes`. Two passes, also with batches.

    Adds its columns to ``var``: the rank of the best gene is 0, and those that are not chosen have none.

    Parameters
    ----------
    adata
        Cells and genes.
    n_top_genes
        How many genes are marked.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    batch_key
        Column of ``obs``: genes are ranked in each of its groups, and the ranks are joined.
    layer
        The layer with counts; ``X`` by default.
    chunk_size
        For the sake of ``anndataoom``.
    precomputed
        The same: sums are taken from what is looked at.
    """
    # A layer that is not there is an error.
    matrix_of(adata, layer)
    table = experimental.highly_variable_genes(
        adata,
        theta=theta,
        clip=clip,
        n_top_genes=min(n_top_genes, adata.n_vars),
        batch_key=batch_key,
        layer=layer,
        inplace=False,
    )
    if batch_key is None:
        table["highly_variable_nbatches"] = 1
        table["highly_variable_intersection"] = table["highly_variable"]
    _place(adata, table)


def chunked_highly_variable_genes_dispersion(
    adata: ad.AnnData,
    *,
    flavor: str = "seurat",
    n_top_genes: int | None = None,
    n_bins: int = 20,
    min_mean: float = 0.0125,
    max_mean: float = 3.0,
    min_disp: float = 0.5,
    max_disp: float = np.inf,
    layer: str | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> None:
    """Genes whose dispersions are high: :func:`scanpy.pp.highly_variable_genes`. One pass.

    Adds ``means``, ``dispersions``, ``dispersions_norm`` and ``highly_variable`` to ``var``, and with ``n_top_genes``
    ``highly_variable_rank``, from 1.

    Parameters
    ----------
    adata
        Cells and genes: logarithms.
    flavor
        ``"seurat"`` or ``"cell_ranger"``.
    n_top_genes, n_bins, min_mean, max_mean, min_disp, max_disp, layer
        As in scanpy.
    chunk_size
        For the sake of ``anndataoom``.
    """
    if flavor not in ("seurat", "cell_ranger"):
        msg = (
            f"flavor is {flavor!r}, expected 'seurat' or 'cell_ranger'; `annstream.pp.highly_variable_genes` has others"
        )
        raise ValueError(msg)
    matrix_of(adata, layer)
    table = highly_variable_genes(
        adata,
        flavor=flavor,
        n_top_genes=n_top_genes,
        n_bins=n_bins,
        min_mean=min_mean,
        max_mean=max_mean,
        min_disp=min_disp,
        max_disp=max_disp,
        layer=layer,
        inplace=False,
    )
    if n_top_genes is not None:
        chosen = table["highly_variable"].to_numpy()
        scores = np.where(chosen, table["dispersions_norm"].to_numpy(np.float64), -np.inf)
        rank = np.empty(len(table))
        rank[np.argsort(-scores, kind="stable")] = np.arange(1, len(table) + 1)
        table["highly_variable_rank"] = np.where(chosen, rank, np.nan)
    _place(adata, table.drop(columns="mean_bin", errors="ignore"))


def chunked_highly_variable_features_pegasus(
    adata: ad.AnnData, *, n_top: int = 2000, span: float = 0.02, chunk_size: int = DEFAULT_CHUNK_SIZE
) -> None:
    """Robust genes whose variance is above the curve of variances over means, as pegasus chooses them. One pass.

    Adds ``mean``, ``var``, ``hvf_loess``, ``hvf_rank``, ``highly_variable_features`` and ``highly_variable`` to
    ``var``.

    Parameters
    ----------
    adata
        Cells and genes: logarithms; ``var["robust"]`` as :func:`chunked_identify_robust_genes` leaves it.
    n_top
        How many genes are marked.
    span
        Share of the genes that the curve looks at in one place; more where it cannot be fitted.
    chunk_size
        For the sake of ``anndataoom``.
    """
    if "robust" not in adata.var.columns:
        msg = "there is no var['robust']: call chunked_identify_robust_genes first"
        raise ValueError(msg)
    robust = mask(adata.var["robust"], adata.n_vars)
    means, variances = chunked_mean_var(adata)
    curve = _curve(means[robust], variances[robust], span)
    above = variances[robust] - curve
    with np.errstate(divide="ignore", invalid="ignore"):
        fold = variances[robust] / curve
    rank = _places(above) + _places(fold)
    chosen = np.zeros(len(rank), bool)
    chosen[np.argsort(rank, kind="stable")[:n_top]] = True
    columns: dict[str, tuple[Any, np.ndarray]] = {
        "hvf_loess": (0.0, curve),
        "hvf_rank": (-1, rank),
        "highly_variable_features": (False, chosen),
    }
    adata.var["mean"], adata.var["var"] = means, variances
    for name, (other, values) in columns.items():
        column = np.full(adata.n_vars, other)
        column[robust] = values
        adata.var[name] = column
    adata.var["highly_variable"] = adata.var["highly_variable_features"]


def _curve(means: np.ndarray, variances: np.ndarray, span: float) -> np.ndarray:
    while True:
        try:
            return _annstream.loess(means, variances, span)
        except ValueError:
            if span >= 1:
                raise
        span = min(1.0, span + 0.01)


def _places(scores: np.ndarray) -> np.ndarray:
    """The place of each score, the highest first; equal ones in their order."""
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def _place(adata: ad.AnnData, table: pd.DataFrame) -> None:
    for name in table.columns:
        adata.var[name] = table[name]


def chunked_scrublet_prepare(
    adata: ad.AnnData,
    *,
    min_cells: int = 3,
    min_genes: int = 3,
    n_top_genes: int | None = None,
    flavor: str = "seurat",
    min_disp: float = 0.5,
    max_disp: float = np.inf,
    min_mean: float = 0.0125,
    max_mean: float = 3.0,
    n_bins: int = 20,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> tuple[ad.AnnData, np.ndarray, int]:
    """Counts of the genes that vary, in memory, as :func:`scanpy.pp.scrublet` chooses them; ``adata`` does not change.

    Genes and cells are filtered first, then totals made equal, logarithms taken and genes chosen: five passes.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    min_cells, min_genes
        What a gene and a cell must have.
    n_top_genes, flavor, min_disp, max_disp, min_mean, max_mean, n_bins
        See :func:`chunked_highly_variable_genes_dispersion`.
    chunk_size
        For the sake of ``anndataoom``.

    Returns
    -------
    ad_obs, hvg_mask, n_hvg
        A plain AnnData with a CSR matrix of float32; which genes of ``adata`` are in it; how many.
    """
    own = AnnData(
        X=layer_or_x(adata, None),
        obs=adata.obs[[]].assign(place=np.arange(adata.n_obs)),
        var=adata.var[[]].assign(place=np.arange(adata.n_vars)),
    )
    filter_genes(own, min_cells=min_cells)
    filter_cells(own, min_genes=min_genes)
    counts = own.X
    normalize_total(own)
    log1p(own)
    chunked_highly_variable_genes_dispersion(
        own,
        flavor=flavor,
        n_top_genes=n_top_genes,
        n_bins=n_bins,
        min_mean=min_mean,
        max_mean=max_mean,
        min_disp=min_disp,
        max_disp=max_disp,
    )
    chosen = own.var["highly_variable"].to_numpy(bool)
    block = sparse.csr_matrix(lazy(counts).view(None, chosen).to_memory()).astype(np.float32)
    in_all = np.zeros(adata.n_vars, bool)
    in_all[own.var["place"].to_numpy()[chosen]] = True
    ad_obs = ad.AnnData(block, obs=own.obs[[]].copy(), var=own.var.loc[chosen, []].copy())
    return ad_obs, in_all, int(chosen.sum())
