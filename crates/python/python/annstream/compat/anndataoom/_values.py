"""Changing values: nothing is read or written for it but sums and moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import _annstream
from ..._steps import actual, options, put
from ...pp import log1p
from ._backed_array import DEFAULT_CHUNK_SIZE, BackedArray
from ._backed_array import counts as counted
from ._counts import chunked_mean_var
from ._shared import matrix_of
from ._transforms import (
    PearsonResidualBackedArray,
    RegressedBackedArray,
    ScaledBackedArray,
    TransformedBackedArray,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def chunked_normalize_total(
    adata: ad.AnnData,
    *,
    target_sum: float | None = None,
    exclude_highly_expressed: bool = False,
    max_fraction: float = 0.05,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> None:
    """Gives every cell the same total, as :func:`scanpy.pp.normalize_total` does.

    Two passes, for sums; one after :func:`chunked_qc_metrics`. ``X`` becomes a :class:`TransformedBackedArray`. Counts
    stay in ``layers["counts"]``; ``obs["_norm_factor"]`` is what cells are divided by, 1 for empty ones;
    ``uns["_pearson_precompute"]`` holds sums of the counts.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    target_sum
        The total; by default the median of totals above 0.
    exclude_highly_expressed
        Whether genes that make up more than ``max_fraction`` of a cell are left out of all totals; two passes more.
    max_fraction
        See there.
    chunk_size
        For the sake of ``anndataoom``.
    """
    actual(adata)
    counts = matrix_of(adata)
    # Known already if quality was looked at.
    totals = counted(counts)[2].copy()
    if exclude_highly_expressed:
        given = options(
            target_sum=None if target_sum is None else float(target_sum),
            exclude_highly_expressed=True,
            max_fraction=float(max_fraction),
        )
        divisors, _ = _annstream.normalize_total(counts._matrix, given)
    else:
        if target_sum is None:
            some = totals[totals > 0]
            target_sum = float(np.median(some)) if len(some) else 1.0
        divisors = totals / target_sum
    divisors = np.where((divisors == 0) | ~np.isfinite(divisors), 1.0, divisors)
    adata.layers["counts"] = counts
    adata.X = TransformedBackedArray(counts, divisors)
    adata.obs["_norm_factor"] = divisors
    adata.uns["_pearson_precompute"] = _sums(counts, totals)


def _sums(counts: BackedArray, totals: np.ndarray) -> dict[str, object]:
    moments = counts._moments(0)
    rows = counts.shape[0]
    return {
        "sums_cells": totals,
        "sums_genes": moments["sum"].copy(),
        "sq_sums_genes": moments["squares"] + rows * moments["mean"] ** 2,
        "sum_total": float(moments["sum"].sum()),
        "n_obs": int(rows),
        "n_vars": int(counts.shape[1]),
    }


def chunked_log1p(adata: ad.AnnData) -> None:
    """Logarithms of ``X`` and one, as :func:`scanpy.pp.log1p` does; nothing is read. Twice is twice, with a warning.

    Parameters
    ----------
    adata
        Cells and genes.
    """
    log1p(adata)


def chunked_scale(adata: ad.AnnData, *, max_value: float | None = 10.0, chunk_size: int = DEFAULT_CHUNK_SIZE) -> None:
    """``layers["scaled"]``: ``X`` with a mean of 0 and a variance of 1, as :func:`scanpy.pp.scale`. One pass.

    Parameters
    ----------
    adata
        Cells and genes.
    max_value
        Where values are clipped on both sides; ``None`` for nowhere.
    chunk_size
        For the sake of ``anndataoom``.

    Raises
    ------
    RuntimeError
        If ``X`` is scaled already.
    """
    matrix = matrix_of(adata)
    if isinstance(matrix, ScaledBackedArray):
        msg = "X is already a ScaledBackedArray; set it to what was scaled before it is scaled again"
        raise RuntimeError(msg)
    mean, var = chunked_mean_var(adata)
    deviations = np.sqrt(var)
    deviations[~(deviations > 0)] = 1.0
    adata.layers["scaled"] = ScaledBackedArray(matrix, mean, deviations, max_value)


def chunked_normalize_pearson_residuals(
    adata: ad.AnnData,
    *,
    theta: float = 100.0,
    clip: float | None = None,
    layer: str | None = None,
    inplace: bool = True,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> PearsonResidualBackedArray:
    """Analytic Pearson residuals of counts, lazily. Two passes, for sums.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    layer
        What is changed instead of ``X``.
    inplace
        Whether it is put in the place of the counts.
    chunk_size
        For the sake of ``anndataoom``.
    """
    if not theta > 0:
        msg = "Pearson residuals require theta > 0"
        raise ValueError(msg)
    counts = matrix_of(adata, layer)
    of_genes = counts.sum(0)
    residuals = PearsonResidualBackedArray(
        counts, counts.sum(1), of_genes, float(of_genes.sum()), theta=theta, clip=clip
    )
    if inplace:
        actual(adata)
        put(adata, residuals, layer)
    return residuals


def chunked_regress(
    adata: ad.AnnData,
    keys: Sequence[str] = ("mito_perc", "nUMIs"),
    *,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> np.ndarray:
    """``layers["regressed"]``: what is left of ``X`` when columns of ``obs`` have explained what they can. One pass.

    An intercept is part of the model, as in :func:`scanpy.pp.regress_out` with numbers.

    Parameters
    ----------
    adata
        Cells and genes.
    keys
        Columns of numbers in ``obs``.
    chunk_size
        Rows that are multiplied at a time.

    Returns
    -------
    numpy.ndarray
        Coefficients: the intercept and the columns, by genes.
    """
    keys = [keys] if isinstance(keys, str) else list(keys)
    wrong = [key for key in keys if key not in adata.obs.columns or adata.obs[key].dtype.kind not in "biuf"]
    if wrong:
        msg = f"{wrong[0]!r} is no column of numbers in obs; `annstream.pp.regress_out` takes categories"
        raise ValueError(msg)
    matrix = matrix_of(adata)
    covariates = np.column_stack([np.ones(adata.n_obs), *(adata.obs[key].to_numpy(np.float64) for key in keys)])
    # The shortest of the best coefficients, by way of directions that are perpendicular.
    left, sizes, right = np.linalg.svd(covariates, full_matrices=False)
    strong = sizes > sizes[:1].max(initial=0.0) * max(covariates.shape) * np.finfo(np.float64).eps
    shares = np.zeros((len(sizes), matrix.shape[1]))
    for start, end, block in matrix.chunked(max(chunk_size, DEFAULT_CHUNK_SIZE)):
        shares += left[start:end].T @ block.astype(np.float64)
    betas = right[strong].T @ (shares[strong] / sizes[strong, np.newaxis])
    adata.layers["regressed"] = RegressedBackedArray(matrix, betas, covariates)
    return betas
