"""Equality of two AnnData objects, element by element, dtypes included.

`assert_equal(actual, expected, path="")` raises an AssertionError that names the element and its first
difference. What is *not* compared, each in one function below:

* explicit zeros, duplicate entries and the order of entries of sparse matrices (`canonical`), though the
  entries of every concatenated sparse matrix must be sorted (`assert_sorted`);
* the width of sparse index arrays (int32 or int64);
* the order of keys of mappings (`assert_same_keys`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

MAPPINGS = ("layers", "obsm", "varm", "obsp", "varp")
TEXT = "OUST"
"""Kinds of dtypes that hold text (or objects); zarr gives the last, h5ad the first."""


def assert_equal(actual: AnnData, expected: AnnData, *, path: str = "", axis: str | None = "obs") -> None:
    """Raises unless `actual` equals `expected`.

    `axis` is the one that was concatenated along: its sparse matrices have to be sorted. None: nothing has to.
    """
    check(actual.shape == expected.shape, f"{path}/", f"shape {actual.shape}, expected {expected.shape}")
    assert_frames_equal(actual.obs, expected.obs, f"{path}/obs")
    assert_frames_equal(actual.var, expected.var, f"{path}/var")
    assert_values_equal(actual.X, expected.X, f"{path}/X")
    for name in MAPPINGS:
        have, want = dict(getattr(actual, name)), dict(getattr(expected, name))
        assert_values_equal(have, want, f"{path}/{name}")
    assert_values_equal(actual.uns, expected.uns, f"{path}/uns")
    assert_raws_equal(actual.raw, expected.raw, f"{path}/raw")
    if axis is not None:
        assert_all_sorted(actual, axis, path)


def check(condition: bool, path: str, message: str) -> None:
    """An assertion that names the element."""
    if not condition:
        raise AssertionError(f"{path}: {message}")


def assert_raws_equal(actual: Any, expected: Any, path: str) -> None:
    """raw: X, var and varm."""
    check((actual is None) == (expected is None), path, f"{actual!r}, expected {expected!r}")
    if expected is None:
        return
    assert_frames_equal(actual.var, expected.var, f"{path}/var")
    assert_values_equal(actual.X, expected.X, f"{path}/X")
    assert_values_equal(dict(actual.varm), dict(expected.varm), f"{path}/varm")


def assert_values_equal(actual: Any, expected: Any, path: str) -> None:
    """Any element: dispatches on what the expected one is."""
    if isinstance(expected, Mapping):
        check(isinstance(actual, Mapping), path, f"{kind_of(actual)}, expected a mapping")
        assert_same_keys(actual, expected, path)
        for key, value in expected.items():
            assert_values_equal(actual[key], value, f"{path}/{key}")
        return
    check(kind_of(actual) == kind_of(expected), path, f"is {kind_of(actual)}, expected {kind_of(expected)}")
    if isinstance(expected, pd.DataFrame):
        assert_frames_equal(actual, expected, path)
    elif isinstance(expected, (pd.Series, pd.Categorical, pd.api.extensions.ExtensionArray)):
        assert_columns_equal(pd.Series(actual), pd.Series(expected), path)
    elif sparse.issparse(expected):
        assert_sparse_equal(actual, expected, path)
    elif kind_of(expected) == "awkward":
        assert_awkward_equal(actual, expected, path)
    elif expected is not None:
        assert_arrays_equal(np.asarray(actual), np.asarray(expected), path)


def kind_of(value: Any) -> str:
    """The class of an element: what a reader of the file would call it."""
    if value is None:
        return "None"
    if sparse.issparse(value):
        return value.format
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, pd.DataFrame):
        return "dataframe"
    if isinstance(value, np.ndarray):
        return "dense" if value.dtype.names is None else "records"
    if type(value).__module__.startswith("awkward"):
        return "awkward"
    if isinstance(value, (str, bytes, bool, int, float, complex, np.generic)):
        return "scalar"
    return type(value).__name__


def assert_same_keys(actual: Mapping, expected: Mapping, path: str) -> None:
    """The same keys, in any order: HDF5 lists them by name."""
    lacking, extra = set(expected) - set(actual), set(actual) - set(expected)
    check(not lacking and not extra, path, f"lacks keys {sorted(lacking)}, has extra keys {sorted(extra)}")


def assert_frames_equal(actual: pd.DataFrame, expected: pd.DataFrame, path: str) -> None:
    """Index labels and name, columns in order, dtype and values of each."""
    assert_arrays_equal(np.asarray(actual.index), np.asarray(expected.index), f"{path}.index")
    names = actual.index.name, expected.index.name
    check(names[0] == names[1], f"{path}.index", f"name {names[0]!r}, expected {names[1]!r}")
    columns = list(actual.columns), list(expected.columns)
    check(columns[0] == columns[1], f"{path}.columns", f"{columns[0]}, expected {columns[1]}")
    for column in expected.columns:
        assert_columns_equal(actual[column], expected[column], f"{path}[{column!r}]")


def assert_columns_equal(actual: pd.Series, expected: pd.Series, path: str) -> None:
    """One column: dtype (categories and their order, ordered flag), missing values, values."""
    if isinstance(expected.dtype, pd.CategoricalDtype):
        check(isinstance(actual.dtype, pd.CategoricalDtype), path, f"{actual.dtype}, expected a categorical")
        flags = bool(actual.cat.ordered), bool(expected.cat.ordered)
        check(flags[0] == flags[1], path, f"ordered {flags[0]}, expected {flags[1]}")
        categories = actual.cat.categories, expected.cat.categories
        check(
            categories[0].dtype == categories[1].dtype,
            f"{path}.categories",
            f"dtype {categories[0].dtype}, expected {categories[1].dtype}",
        )
        assert_arrays_equal(np.asarray(categories[0]), np.asarray(categories[1]), f"{path}.categories")
        assert_arrays_equal(actual.cat.codes.to_numpy(), expected.cat.codes.to_numpy(), f"{path}.codes")
        return
    check(actual.dtype == expected.dtype, path, f"dtype {actual.dtype}, expected {expected.dtype}")
    if isinstance(expected.dtype, np.dtype):
        assert_arrays_equal(actual.to_numpy(), expected.to_numpy(), path)
        return
    missing = actual.isna().to_numpy(), expected.isna().to_numpy()
    assert_arrays_equal(missing[0], missing[1], f"{path}.missing")
    held = actual.array[~missing[0]], expected.array[~missing[1]]
    assert_arrays_equal(np.asarray(held[0]), np.asarray(held[1]), path)


def assert_arrays_equal(actual: np.ndarray, expected: np.ndarray, path: str) -> None:
    """Dense arrays, record arrays and scalars: dtype, shape, and every value, with NaN equal to NaN."""
    dtypes = (actual.dtype, expected.dtype) if expected.dtype.kind not in TEXT else (None, None)
    if expected.dtype.kind in TEXT:
        check(actual.dtype.kind in TEXT, path, f"dtype {actual.dtype}, expected {expected.dtype}")
    if expected.dtype.names is not None:
        check(actual.dtype.names == expected.dtype.names, path, f"{actual.dtype}, expected {expected.dtype}")
        check(actual.shape == expected.shape, path, f"shape {actual.shape}, expected {expected.shape}")
        for name in expected.dtype.names:
            assert_arrays_equal(actual[name], expected[name], f"{path}[{name!r}]")
        return
    check(dtypes[0] == dtypes[1], path, f"dtype {actual.dtype}, expected {expected.dtype}")
    check(actual.shape == expected.shape, path, f"shape {actual.shape}, expected {expected.shape}")
    if expected.dtype.kind in TEXT:
        have, want = actual.astype(object).ravel(), expected.astype(object).ravel()
        wrong = np.array([not same_object(a, b) for a, b in zip(have, want, strict=True)], dtype=bool)
    else:
        have, want = actual.ravel(), expected.ravel()
        wrong = have != want
        if expected.dtype.kind in "fc":
            wrong &= ~(np.isnan(have) & np.isnan(want))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        position = tuple(int(i) for i in np.unravel_index(first, expected.shape)) if expected.ndim else ()
        message = f"{int(wrong.sum())} of {wrong.size} differ, first at {position}: {have[first]!r}"
        raise AssertionError(f"{path}: {message}, expected {want[first]!r}")


def same_object(actual: Any, expected: Any) -> bool:
    """Equality of two members of an object array; missing values equal one another."""
    if pd.api.types.is_scalar(actual) and pd.api.types.is_scalar(expected) and pd.isna(actual):
        return bool(pd.isna(expected))
    return type(actual) is type(expected) and actual == expected


def canonical(matrix: Any) -> Any:
    """A copy with sorted, summed and non-zero entries; these properties are not contractual."""
    matrix = matrix.copy()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def assert_sparse_equal(actual: Any, expected: Any, path: str) -> None:
    """Sparse matrices of one format: dtype, shape, and the entries of the canonical form."""
    check(actual.dtype == expected.dtype, path, f"dtype {actual.dtype}, expected {expected.dtype}")
    check(actual.shape == expected.shape, path, f"shape {actual.shape}, expected {expected.shape}")
    have, want = canonical(actual), canonical(expected)
    for part in ("indptr", "indices"):
        pair = [np.asarray(getattr(matrix, part), dtype=np.int64) for matrix in (have, want)]
        assert_arrays_equal(pair[0], pair[1], f"{path}.{part}")
    assert_arrays_equal(have.data, want.data, f"{path}.data")


def assert_all_sorted(adata: AnnData, axis: str, path: str) -> None:
    """Everything that was concatenated along `axis` is sorted; what was merged may be a copy of an input."""
    assert_sorted(adata.X, f"{path}/X")
    if adata.raw is not None:
        assert_sorted(adata.raw.X, f"{path}/raw/X")
    for name in ("layers", f"{axis}m", f"{axis}p"):
        for key, value in getattr(adata, name).items():
            assert_sorted(value, f"{path}/{name}/{key}")


def assert_sorted(value: Any, path: str) -> None:
    """The entries of a concatenated sparse matrix are sorted within each row (or column, for csc)."""
    if not sparse.issparse(value) or value.nnz < 2:
        return
    rising = np.diff(value.indices.astype(np.int64)) >= 0
    starts = value.indptr[1:-1]
    starts = starts[(starts > 0) & (starts < value.nnz)]
    rising[starts - 1] = True
    check(bool(rising.all()), path, "the indices of a row are not sorted")


def assert_awkward_equal(actual: Any, expected: Any, path: str) -> None:
    """Awkward arrays: the same values and the same type."""
    import awkward

    check(str(actual.type) == str(expected.type), path, f"type {actual.type}, expected {expected.type}")
    same = awkward.to_list(actual) == awkward.to_list(expected) or awkward.almost_equal(actual, expected)
    check(same, path, "awkward values differ")
