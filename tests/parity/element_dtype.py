"""The dtype that a concatenated array has.

The rule is that of anndata 0.12.19 (`anndata._core.merge`) with three differences, each of them a case where
the reference loses a dtype or cannot be written:

1. An input that lacks the element (outer join) has no dtype of its own; it counts as one with the promoted
   dtype of the inputs that have it. The reference counts it as float64.
2. An input that has the element with zero length along the aligned axis counts with its own dtype. The
   reference counts it as float64 (outer join).
3. Where the reference falls back to `object`: bool with a fractional or NaN fill is float64, bool with a whole
   fill is int64, uint64 with a negative fill is float64.

The rule itself: every input has the dtype of its block after alignment; the result is numpy's promotion of
these. A block without holes keeps its dtype. With holes, a dense block follows `pandas.api.extensions.take`
and a sparse block follows `numpy.promote_types(dtype, numpy.asarray(fill).dtype)` unless the fill is zero.
Whether an input has holes is decided by its labels, not by its number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass
class Block:
    """What one input brings to an element: its dtype and its labels along the aligned axis."""

    dtype: np.dtype | None
    """`None` when the input lacks the element."""
    labels: pd.Index | None
    """`None` when the input lacks the element."""


def dense_with_holes(dtype: np.dtype, fill_value: Any) -> np.dtype:
    """The dtype of a dense block some of whose cells are `fill_value`."""
    whole = isinstance(fill_value, (int, np.integer)) and not isinstance(fill_value, bool)
    if dtype.kind == "b":
        return np.dtype("int64" if whole else "float64")
    if dtype.kind in "iu":
        if not whole:
            return np.dtype("float64")
        limits = np.iinfo(dtype)
        if limits.min <= fill_value <= limits.max:
            return dtype
        return np.promote_types(dtype, np.min_scalar_type(fill_value))
    return dtype if whole else np.promote_types(dtype, np.min_scalar_type(fill_value))


def sparse_with_holes(dtype: np.dtype, fill_value: Any) -> np.dtype:
    """The dtype of a sparse block some of whose cells are `fill_value`."""
    if fill_value == 0:
        return dtype
    return np.promote_types(dtype, np.asarray(fill_value).dtype)


def expected_dtype(blocks: list[Block], labels: pd.Index, fill_value: Any, *, is_sparse: bool) -> np.dtype:
    """The dtype of the concatenation of `blocks`, aligned to `labels`."""
    if fill_value is None:
        fill_value = 0 if is_sparse else np.nan
    with_holes = sparse_with_holes if is_sparse else dense_with_holes
    shared = np.result_type(*[block.dtype for block in blocks if block.dtype is not None])
    dtypes = []
    for block in blocks:
        lacking = block.dtype is None
        dtype = shared if lacking else block.dtype
        has_holes = len(labels) > 0 if lacking else not labels.isin(block.labels).all()
        dtypes.append(with_holes(dtype, fill_value) if has_holes else dtype)
    return np.result_type(*dtypes)
