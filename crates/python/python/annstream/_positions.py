"""From anything that names rows or columns to their positions."""

from __future__ import annotations

from typing import Any

import numpy as np


def positions(index: Any, extent: int) -> np.ndarray | None:
    """Positions along an axis, from 0; ``None`` for all in order.

    Parameters
    ----------
    index
        ``None``, a slice, a number, a mask, or numbers; negative ones count from the end.
    extent
        Number of entries along the axis.

    Raises
    ------
    IndexError
        If a position is outside, a mask has another length, or there are more than one dimension.
    """
    if index is None:
        return None
    if isinstance(index, slice):
        span = range(*index.indices(extent))
        return None if span == range(extent) else np.arange(span.start, span.stop, span.step, dtype=np.int64)
    array = np.asarray(index)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim > 1:
        msg = f"an index of {array.ndim} dimensions along one axis"
        raise IndexError(msg)
    if array.dtype == bool:
        if array.shape != (extent,):
            msg = f"a mask of shape {array.shape} for an axis of {extent}"
            raise IndexError(msg)
        return None if array.all() else np.flatnonzero(array)
    array = np.atleast_1d(array)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.dtype.kind == "f" and (array == array.astype(np.int64)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        msg = f"positions of type {array.dtype}, expected whole numbers, a mask or a slice"
        raise IndexError(msg)
    array = array.astype(np.int64)
    outside = (array < -extent) | (array >= extent)
    if outside.any():
        msg = f"position {array[outside][0]} is outside an axis of {extent}"
        raise IndexError(msg)
    return np.where(array < 0, array + extent, array)
