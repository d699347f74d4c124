"""Genes with a mean of 0 and a variance of 1."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np

from .._matrix import LazyMatrix
from .._steps import actual, like, put, stored


def scale(
    data: Any,
    *,
    zero_center: bool = True,
    max_value: float | None = None,
    copy: bool = False,
    layer: str | None = None,
) -> Any:
    """Divides genes by their standard deviations: :func:`scanpy.pp.scale`. One pass, for the moments.

    A lazy matrix is not made dense: rows are, when they are read, in doubles as numpy has it. ``obsm`` and ``mask_obs``
    are not there.

    Parameters
    ----------
    data
        Cells and genes, or a matrix, of which the scaled one is returned.
    zero_center
        Whether means are subtracted.
    max_value
        Where values are clipped, on both sides if they are centred.
    copy
        Whether a changed copy is returned.
    layer
        What is changed instead of ``X``.
    """
    if max_value is not None and not max_value > 0:
        msg = f"max_value is {max_value}, expected a number above 0"
        raise ValueError(msg)
    if not isinstance(data, ad.AnnData):
        return like(_scaled(LazyMatrix.wrap(data), zero_center, max_value)[0], data)
    adata = data.copy() if copy else data
    actual(adata)
    old = stored(adata, layer)
    new, means, deviations = _scaled(LazyMatrix.wrap(old), zero_center, max_value)
    adata.var["mean"] = means
    adata.var["std"] = deviations
    put(adata, like(new, old), layer)
    return adata if copy else None


def _scaled(
    matrix: LazyMatrix, zero_center: bool, max_value: float | None
) -> tuple[LazyMatrix, np.ndarray, np.ndarray]:
    if matrix.dtype.kind in "biu" or (zero_center and matrix.format != "dense"):
        # As numpy has it where a sparse matrix becomes dense.
        matrix = matrix.with_op("to_double")
    means, deviations = matrix.mean(0), matrix.std(0, ddof=1)
    deviations[deviations == 0] = 1
    limit = None if max_value is None else float(max_value)
    scaled = matrix.with_op("scale", means=means if zero_center else None, deviations=deviations, limit=limit)
    return scaled, means, deviations
