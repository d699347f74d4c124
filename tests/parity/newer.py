"""What newer versions of anndata and pandas do otherwise than anndata 0.12 with pandas 2.3, whose rules are ours.

Each function undoes one difference, and does nothing under the older versions. Like the departures in `reference.py`
it writes its name into `departures` where it changed anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from anndata._core import merge as anndata_merge
from pandas.api.extensions import ExtensionDtype
from pandas.api.types import is_object_dtype
from pandas.core.dtypes.cast import ensure_dtype_can_hold_na, find_common_type

from .element_dtype import dense_with_holes


def installed(name: str) -> tuple[int, int]:
    """The first two numbers of the version of a package."""
    major, minor = version(name).split(".")[:2]
    return int(major), int(minor)


ANNDATA = installed("anndata")
PANDAS = installed("pandas")
SCANPY = installed("scanpy")


@contextmanager
def narrow_dense_holes(departures: set[str]):
    """Holes in a dense array widen its dtype no more than the fill value needs: float32 with NaN is float32.

    anndata 0.12 fills with `pandas.api.extensions.take`, which has that rule; 0.13 with `where`, for which the fill
    value is a float64 or an int64.
    """
    if ANNDATA < (0, 13):
        yield
        return
    reindexer = anndata_merge.Reindexer
    original = reindexer._apply_to_array_api

    def apply(self: Any, el: Any, *, axis: int, fill_value: Any = None) -> Any:
        result = original(self, el, axis=axis, fill_value=fill_value)
        with_holes = el.shape[axis] > 0 and (self.idx == -1).any()
        if not with_holes or el.dtype.kind not in "biufc":
            return result
        fill_value = anndata_merge.default_fill_value([el]) if fill_value is None else fill_value
        dtype = dense_with_holes(el.dtype, fill_value)
        if dtype == result.dtype:
            return result
        departures.add("narrow_dense_holes")
        return result.astype(dtype)

    reindexer._apply_to_array_api = apply
    try:
        yield
    finally:
        reindexer._apply_to_array_api = original


@contextmanager
def types_of_pandas_2(departures: set[str]):
    """Columns have the types that pandas 2 gives them: `ignore_valueless` and `plain_categories`."""
    if PANDAS < (3, 0):
        yield
        return
    original = anndata_merge.unify_dtypes

    def unify(frames: Any) -> list[pd.DataFrame]:
        return plain_categories(ignore_valueless(original(frames), departures), departures)

    anndata_merge.unify_dtypes = unify
    try:
        yield
    finally:
        anndata_merge.unify_dtypes = original


def ignore_valueless(frames: list[pd.DataFrame], departures: set[str]) -> list[pd.DataFrame]:
    """A column without any value, of a type that can be missing, does not count for the type of a concatenation.

    pandas 2 has that rule; pandas 3 lets every column count, so that an input without rows turns integers to floats
    and categories to text. Here such columns get the type that pandas 2 concatenates the others to.
    """
    frames = [frame.copy(deep=False) for frame in frames]
    for name in dict.fromkeys(name for frame in frames for name in frame.columns):
        held = [frame for frame in frames if name in frame]
        # Frames of neither rows nor columns are no inputs for pandas.
        lacking = any(sum(frame.shape) and name not in frame for frame in frames)
        dtype = counted_type([frame[name] for frame in held], lacking=lacking)
        if dtype is None:
            continue
        for frame in held:
            if is_valueless(frame[name]) and frame[name].dtype != dtype:
                departures.add("ignore_valueless")
                frame[name] = pd.Series([np.nan] * len(frame), index=frame.index, dtype=dtype)
    return frames


def plain_categories(frames: list[pd.DataFrame], departures: set[str]) -> list[pd.DataFrame]:
    """Categories of text beside nullable text are plain text.

    pandas 2 has the labels of categories as objects, and objects beside `string` are objects; pandas 3 has them as
    `str`, and `str` beside `string` is `string`.
    """
    for name in dict.fromkeys(name for frame in frames for name in frame.columns):
        held = [frame for frame in frames if name in frame]
        texts = [frame for frame in held if is_text_category(frame[name].dtype)]
        if texts and any(frame[name].dtype == pd.StringDtype() for frame in held):
            departures.add("plain_categories")
            for frame in texts:
                frame[name] = frame[name].astype(object)
    return frames


def is_text_category(dtype: Any) -> bool:
    """Whether it is a type of categories that are pandas 3's text."""
    return isinstance(dtype, pd.CategoricalDtype) and isinstance(dtype.categories.dtype, pd.StringDtype)


def counted_type(columns: list[pd.Series], *, lacking: bool) -> Any:
    """The type that columns without values get in pandas 2; None where they keep their own."""
    dtypes = [column.dtype for column in columns]
    if all(dtype == dtypes[0] for dtype in dtypes) or (not lacking and alike(columns)):
        return None
    counted = [column.dtype for column in columns if not is_valueless(column)]
    if not counted:
        return None
    dtype = find_common_type(counted)
    if lacking:
        dtype = ensure_dtype_can_hold_na(dtype)
    return dtype if can_miss(dtype) else None


def alike(columns: list[pd.Series]) -> bool:
    """Whether pandas concatenates the columns as blocks of one kind; then every one counts."""
    first = columns[0].dtype
    return all(
        isinstance(column.dtype, ExtensionDtype) == isinstance(first, ExtensionDtype)
        and is_object_dtype(column.dtype) == is_object_dtype(first)
        and (column.dtype == first or column.dtype.kind in "iub")
        and (isinstance(column.dtype, ExtensionDtype) or not is_valueless(column))
        for column in columns
    )


def can_miss(dtype: Any) -> bool:
    """Whether the type has a missing value."""
    return isinstance(dtype, ExtensionDtype) or dtype.kind not in "iub"


def is_valueless(column: pd.Series) -> bool:
    """Whether there are no values, though the type can be missing."""
    return can_miss(column.dtype) and bool(column.isna().all())


def metrics_of_scanpy_1_11(var: pd.DataFrame) -> pd.DataFrame:
    """Means of genes among the quality metrics are float64, as scanpy 1.11 has them; 1.12 keeps the type of `X`."""
    if SCANPY < (1, 12):
        return var
    names = [name for name in ("mean_counts", "log1p_mean_counts") if name in var]
    return var.astype(dict.fromkeys(names, np.float64))
