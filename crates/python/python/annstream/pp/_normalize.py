"""Totals that are equal, and logarithms."""

from __future__ import annotations

import warnings
from typing import Any

import anndata as ad
import numpy as np

from .._engine import engine
from .._matrix import LazyMatrix
from .._steps import actual, check, like, log, options, put, stored


def normalize_total(
    adata: ad.AnnData,
    *,
    target_sum: float | None = None,
    exclude_highly_expressed: bool = False,
    max_fraction: float = 0.05,
    key_added: str | None = None,
    layer: str | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> ad.AnnData | dict[str, Any] | None:
    """Gives every cell the same total: :func:`scanpy.pp.normalize_total`. One pass, for the totals.

    Without ``target_sum`` it is the median of the totals that are not zero, as in scanpy from 1.12 on; scanpy 1.11
    counts empty cells of CSR matrices too. A CSC matrix stays one, where scanpy makes CSR of it.

    Parameters
    ----------
    adata
        Cells and genes.
    target_sum
        The total.
    exclude_highly_expressed
        Whether genes that make up more than ``max_fraction`` of a cell are left out of all totals.
    max_fraction
        See there.
    key_added
        Column of ``obs`` for the factors.
    layer
        What is changed instead of ``X``.
    inplace
        Whether ``adata`` is changed; else a dictionary with ``X`` and ``norm_factor`` is returned.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    if copy and not inplace:
        msg = "`copy=True` cannot be used with `inplace=False`."
        raise ValueError(msg)
    if max_fraction < 0 or max_fraction > 1:
        msg = "Choose max_fraction between 0 and 1."
        raise ValueError(msg)
    adata = adata.copy() if copy else adata
    if inplace:
        actual(adata)
    old = stored(adata, layer)
    matrix = LazyMatrix.wrap(old)
    given = options(
        target_sum=None if target_sum is None else float(target_sum),
        exclude_highly_expressed=bool(exclude_highly_expressed),
        max_fraction=float(max_fraction),
    )
    divisors, factors = engine().normalize_total(matrix._matrix, given)
    if not (factors > 0).all():
        warnings.warn("Some cells have zero counts", UserWarning, stacklevel=2)
    if matrix.dtype.kind in "biu":
        matrix = matrix.with_op("to_single")
    new = like(matrix.with_op("divide_rows", divisors=divisors), old)
    if not inplace:
        return {"X": new, "norm_factor": factors}
    if key_added is not None:
        adata.obs[key_added] = factors
    put(adata, new, layer)
    return adata if copy else None


def log1p(
    data: Any,
    *,
    base: float | None = None,
    copy: bool = False,
    chunked: bool | None = None,
    chunk_size: int | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> Any:
    """Logarithms of values and one: :func:`scanpy.pp.log1p`. Lazy matrices are not read.

    Parameters
    ----------
    data
        Cells and genes, or a matrix, of which the logarithms are returned.
    base
        Base of the logarithms; natural ones by default.
    copy
        Whether a changed copy is returned.
    chunked, chunk_size
        For the sake of scanpy; nothing depends on them.
    layer, obsm
        What is changed instead of ``X``.
    """
    if base is not None and not (base > 0 and np.isfinite(base) and base != 1):
        msg = f"the base of logarithms is {base}, expected a number above 0 other than 1"
        raise ValueError(msg)
    if not isinstance(data, ad.AnnData):
        return like(_logarithms(LazyMatrix.wrap(data), base), data)
    if "log1p" in data.uns:
        log.warning("adata.X seems to be already log-transformed.")
    adata = data.copy() if copy else data
    actual(adata)
    if obsm is not None:
        if layer is not None:
            msg = "Only one of `layer` and `obsm` can be given."
            raise ValueError(msg)
        adata.obsm[obsm] = like(_logarithms(LazyMatrix.wrap(adata.obsm[obsm]), base), adata.obsm[obsm])
    else:
        old = stored(adata, layer)
        put(adata, like(_logarithms(LazyMatrix.wrap(old), base), old), layer)
    adata.uns["log1p"] = {"base": base}
    return adata if copy else None


def _logarithms(matrix: LazyMatrix, base: float | None) -> LazyMatrix:
    if matrix.dtype.kind in "biu":
        matrix = matrix.with_op("to_double")
    return matrix.with_op("log1p", base=None if base is None else float(base))
