"""What is known of the cells, taken out of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _annstream
from .._matrix import LazyMatrix
from .._steps import actual, check, like, put, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def regress_out(
    adata: ad.AnnData,
    keys: str | Sequence[str],
    *,
    layer: str | None = None,
    n_jobs: int | None = None,
    copy: bool = False,
) -> ad.AnnData | None:
    """Subtracts what columns of ``obs`` predict: :func:`scanpy.pp.regress_out`. One pass, for the coefficients.

    A lazy matrix is not made dense: rows are, when they are read. Types are scanpy's: that of the values for numbers,
    doubles for a categorical column; single precision for whole numbers of up to 32 bits. Where regressors depend on
    each other and in groups, scanpy's inverse and means are coarser than what stands here.

    Parameters
    ----------
    adata
        Cells and genes.
    keys
        Columns of ``obs``: numbers, or one of categories.
    layer
        What is changed instead of ``X``.
    n_jobs
        For the sake of scanpy: :attr:`annstream.Settings.threads` are used.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    adata = adata.copy() if copy else adata
    actual(adata, layer)
    keys = [keys] if isinstance(keys, str) else list(keys)
    missing = [key for key in keys if key not in adata.obs.columns]
    if missing or not keys:
        msg = f"expected columns of obs as keys, found {missing or 'none'}"
        raise KeyError(msg)
    adata.strings_to_categoricals()
    old = stored(adata, layer)
    matrix = LazyMatrix.wrap(old)
    found, more = _fit(matrix, adata.obs, keys)
    for name in ("single", "double"):
        if found[name]:
            matrix = matrix.with_op(f"to_{name}")
    new = matrix.with_op("regress", coefficients=found["coefficients"], **more)
    put(adata, like(new, old), layer)
    return adata if copy else None


def _fit(matrix: LazyMatrix, obs: pd.DataFrame, keys: list[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Coefficients, and the parameters of the operator that tell of the cells."""
    first = obs[keys[0]]
    categorical = [key for key in keys if isinstance(obs[key].dtype, pd.CategoricalDtype)]
    if categorical and len(keys) > 1:
        msg = "If providing categorical variable, only a single one is allowed. For this one we regress on the mean."
        raise ValueError(msg)
    if categorical:
        column = first.cat.remove_unused_categories()
        count = len(column.cat.categories)
        codes = column.cat.codes.to_numpy()
        groups = np.where(codes < 0, count, codes).astype(np.uint32)
        return _annstream.regression(matrix._matrix, None, (groups, count)), {"groups": groups}
    for key in keys:
        if obs[key].dtype.kind not in "iuf":
            msg = f"the key {key!r} has values of type {obs[key].dtype}, expected numbers or categories"
            raise ValueError(msg)
    numbers = obs[keys].to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(numbers).all():
        row, at = np.argwhere(~np.isfinite(numbers))[0]
        msg = f"obs[{keys[at]!r}] has {numbers[row, at]} in cell {obs.index[row]!r}, expected finite numbers"
        raise ValueError(msg)
    found = _annstream.regression(matrix._matrix, np.ascontiguousarray(numbers))
    return found, {"numbers": found["numbers"]}
