"""Analytic Pearson residuals of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _annstream
from ..._matrix import LazyMatrix
from ..._steps import actual, check, like, look, options, put, stored
from ...pp._genes import place, warn_of_fractions

if TYPE_CHECKING:
    import anndata as ad
    import pandas as pd


def highly_variable_genes(
    adata: ad.AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    n_top_genes: int | None = None,
    batch_key: str | None = None,
    chunksize: int = 1000,
    flavor: str = "pearson_residuals",
    check_values: bool = True,
    layer: str | None = None,
    subset: bool = False,
    inplace: bool = True,
) -> pd.DataFrame | None:
    """Genes whose residuals vary: :func:`scanpy.experimental.pp.highly_variable_genes`. Two passes.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    n_top_genes
        How many genes are marked.
    batch_key
        Column of ``obs``: genes are ranked in each of its groups, and the ranks are joined.
    chunksize
        For the sake of scanpy; nothing depends on it.
    flavor
        ``"pearson_residuals"``.
    check_values
        Whether there is a warning if the first cells do not hold counts.
    layer
        What is looked at instead of ``X``.
    subset
        Whether the other genes leave ``adata``.
    inplace
        Whether columns are added to ``var``; else they are returned.
    """
    if flavor != "pearson_residuals":
        msg = "This is an experimental API and only `flavor=pearson_residuals` is available."
        raise ValueError(msg)
    if n_top_genes is None:
        msg = "`pp.highly_variable_genes` requires the argument `n_top_genes` for `flavor='pearson_residuals'`"
        raise ValueError(msg)
    check(adata)
    matrix = look(adata, layer)
    if check_values:
        warn_of_fractions(matrix, flavor)
    given = options(
        flavor=flavor, n_top_genes=n_top_genes, theta=float(theta), clip=clip, batched=batch_key is not None
    )
    batches = None
    if batch_key is not None:
        names, codes = np.unique(adata.obs[batch_key].astype(str).to_numpy(), return_inverse=True)
        batches = (codes.astype(np.uint32), names.tolist())
    genes = adata.var_names.astype(str).tolist()
    columns = _annstream.highly_variable_genes(matrix._matrix, genes, given, None, batches)
    entry = {"flavor": flavor, "computed_on": layer or "adata.X"}
    return place(adata, columns, entry, subset=subset, inplace=inplace)


def normalize_pearson_residuals(
    adata: ad.AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    check_values: bool = True,
    layer: str | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> ad.AnnData | dict[str, Any] | None:
    """Residuals of counts: :func:`scanpy.experimental.pp.normalize_pearson_residuals`.

    One pass for each axis, for sums. A lazy matrix is not made dense: rows are, when they are read.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    check_values
        Whether there is a warning if the first cells do not hold counts.
    layer
        What is changed instead of ``X``.
    inplace
        Whether ``adata`` is changed; else a dictionary with ``X`` and the arguments is returned.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    if copy and not inplace:
        msg = "`copy=True` cannot be used with `inplace=False`."
        raise ValueError(msg)
    if theta <= 0:
        msg = "Pearson residuals require theta > 0"
        raise ValueError(msg)
    if clip is not None and clip < 0:
        msg = "Pearson residuals require `clip>=0` or `clip=None`."
        raise ValueError(msg)
    adata = adata.copy() if copy else adata
    if inplace:
        actual(adata, layer)
    old = stored(adata, layer)
    matrix = LazyMatrix.wrap(old)
    if check_values:
        warn_of_fractions(matrix, "normalize_pearson_residuals")
    of_genes = matrix.sum(0).astype(np.float64)
    new = matrix.with_op(
        "pearson_residuals",
        rows=matrix.sum(1).astype(np.float64),
        columns=of_genes,
        total=float(of_genes.sum()),
        theta=float(theta),
        clip=float(np.sqrt(matrix.shape[0]) if clip is None else clip),
        double=clip is None or matrix.dtype != np.float32,
    )
    settings = {"theta": theta, "clip": clip, "computed_on": layer or "adata.X"}
    if not inplace:
        return {"X": like(new, old), **settings}
    put(adata, like(new, old), layer)
    adata.uns["pearson_residuals_normalization"] = settings
    return adata if copy else None
