"""Arrays whose values change on their way: lazy matrices with operators, by the names that ``anndataoom`` has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._matrix import LazyMatrix
from ._backed_array import BackedArray, _share, lazy

# What stands for a total of 0, so that residuals are 0 where nothing is expected: its square is no 0 yet.
_NOTHING = 1e-150


class TransformedBackedArray(BackedArray, operators=("", "divide_rows", "log_normalize", "log1p")):
    """Rows divided by a number each, then logarithms, when they are read. Sparse stays sparse.

    Whole numbers become single precision; doubles stay doubles, as in scanpy.

    Parameters
    ----------
    parent
        What is changed.
    norm_factors
        A divisor for each row; 0 leaves the row as it is.
    apply_log1p
        Whether ``log(1 + x)`` is taken after that.
    """

    __slots__ = ()

    def __init__(self, parent: Any, norm_factors: Any = None, apply_log1p: bool = False) -> None:
        _share(self, _transformed(parent, norm_factors, apply_log1p))


class ScaledBackedArray(TransformedBackedArray, operators=("scale",)):
    """``(x - mean) / std``, clipped on both sides, when it is read: dense, in single precision, however it is indexed.

    Parameters
    ----------
    parent
        What is scaled.
    mean, std
        Of each column.
    max_value
        Where values are clipped; ``None`` for nowhere.
    norm_factors, apply_log1p
        Done to the parent before; see :class:`TransformedBackedArray`.
    """

    __slots__ = ()

    def __init__(
        self,
        parent: Any,
        mean: Any,
        std: Any,
        max_value: float | None = 10.0,
        *,
        norm_factors: Any = None,
        apply_log1p: bool = False,
    ) -> None:
        source = _transformed(parent, norm_factors, apply_log1p)
        single = source.dtype == np.float32
        scaled = (source if single else source.with_op("to_double")).with_op(
            "scale",
            means=_doubles(mean),
            deviations=_doubles(std),
            limit=None if max_value is None else float(max_value),
        )
        _share(self, scaled if single else scaled.with_op("to_single"))


class PearsonResidualBackedArray(TransformedBackedArray, operators=("pearson_residuals",)):
    """Analytic Pearson residuals of counts when they are read: dense, in single precision.

    They are those of :func:`scanpy.experimental.pp.normalize_pearson_residuals`, but 0 where a cell or gene has no
    counts at all, where scanpy has NaN.

    Parameters
    ----------
    parent
        Counts.
    sums_cells, sums_genes
        Sums of rows and of columns.
    sum_total
        Sum of all.
    theta
        Overdispersion.
    clip
        Where residuals are clipped; at the square root of the number of cells.
    """

    __slots__ = ()

    def __init__(
        self,
        parent: Any,
        sums_cells: Any,
        sums_genes: Any,
        sum_total: float,
        *,
        theta: float = 100.0,
        clip: float | None = None,
    ) -> None:
        source = lazy(parent)
        rows, columns = (np.where(sums == 0, _NOTHING, sums) for sums in (_doubles(sums_cells), _doubles(sums_genes)))
        residuals = source.with_op(
            "pearson_residuals",
            rows=rows,
            columns=columns,
            total=float(sum_total) or 1.0,
            theta=float(theta),
            clip=float(np.sqrt(source.shape[0]) if clip is None else clip),
            double=True,
        )
        _share(self, residuals.with_op("to_single"))


class RegressedBackedArray(TransformedBackedArray, operators=("regress",)):
    """``x - covariates @ betas`` when it is read: dense.

    Parameters
    ----------
    parent
        What is corrected.
    betas
        Coefficients: terms by columns.
    covariates
        What is known of the rows: rows by terms.
    norm_factors, apply_log1p
        Done to the parent before; see :class:`TransformedBackedArray`.
    """

    __slots__ = ()

    def __init__(
        self, parent: Any, betas: Any, covariates: Any, *, norm_factors: Any = None, apply_log1p: bool = False
    ) -> None:
        source = _transformed(parent, norm_factors, apply_log1p)
        numbers, coefficients = (np.ascontiguousarray(values, np.float64) for values in (covariates, betas))
        if numbers.ndim != 2 or coefficients.ndim != 2 or numbers.shape[1] != coefficients.shape[0]:
            msg = f"covariates of shape {numbers.shape} and betas of shape {coefficients.shape} do not fit together"
            raise ValueError(msg)
        if source.dtype.kind in "biu":
            source = source.with_op("to_single")
        _share(self, source.with_op("regress", numbers=numbers, coefficients=coefficients))


def _doubles(values: Any) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(values).ravel(), np.float64)


def _transformed(parent: Any, norm_factors: Any, apply_log1p: bool) -> LazyMatrix:
    source = lazy(parent)
    if norm_factors is None and not apply_log1p:
        return source
    if source.dtype.kind in "biu":
        source = source.with_op("to_single")
    if norm_factors is not None:
        divisors = _doubles(norm_factors)
        source = source.with_op("divide_rows", divisors=np.where(divisors == 0, 1.0, divisors))
    return source.with_op("log1p") if apply_log1p else source
