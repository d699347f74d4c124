"""Matrices whose values stay in their file until somebody looks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import numpy as np
from scipy import sparse

from . import _annstream
from ._positions import positions
from ._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ._annstream import Matrix

# Bytes of columns that a matrix remembers.
_REMEMBERED = 64 << 20

_ALTERNATIVE = "call `.to_memory()` for a matrix in memory, or go through it with `.chunks(n)`"


class _Picked(NamedTuple):
    rows: np.ndarray | None
    columns: np.ndarray | None
    squeeze: tuple[bool, bool]
    pairs: tuple[np.ndarray, np.ndarray] | None


class LazyMatrix:
    """A matrix of a file: immutable, read when somebody looks, and changed on its way by operators.

    ``matrix[rows, columns]`` reads what it names into memory, as scipy or numpy would give it; :meth:`view` names it
    without reading. Sums and moments stream through the file in blocks. Any AnnData takes one as ``X``, as a layer or
    in ``raw``. It keeps its file open, and is pickled as its path, its rows and columns, and its operators.

    Parameters
    ----------
    matrix
        The matrix of the engine.
    """

    __slots__ = ("__weakref__", "_columns", "_matrix", "_stats")

    ndim = 2

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix
        self._stats: dict[int, dict[str, Any]] = {}
        self._columns: dict[int, np.ndarray] = {}

    @classmethod
    def open(cls, path: Any, element: str = "X", *, allow_external: bool = False) -> LazyMatrix:
        """Opens a matrix of a file; reads metadata only.

        Parameters
        ----------
        path
            A ``.h5ad`` or ``.zarr``, or the URL of a zarr store.
        element
            ``"X"``, ``"layers/NAME"``, ``"raw/X"``, ``"obsm/NAME"`` and so on.
        allow_external
            Follow external links and virtual datasets.
        """
        return cls(_annstream.Matrix.open(path, element, allow_external))

    @classmethod
    def wrap(cls, array: Any) -> LazyMatrix:
        """Anything two-dimensional as a lazy matrix: what is in memory is copied once.

        Parameters
        ----------
        array
            A lazy matrix, which is returned as it is; a scipy sparse matrix or a numpy array; a dask array, whose
            blocks are computed once into a scratch file, unless it is one of :meth:`to_dask`.
        """
        if isinstance(array, cls):
            return array
        if "dask.array" in sys.modules:
            from ._dask import from_dask, is_dask

            if is_dask(array):
                return from_dask(array)
        if sparse.issparse(array):
            array = array if array.format in ("csr", "csc") else array.tocsr()
        else:
            array = np.asarray(array)
        return cls(_annstream.Matrix.from_memory(array))

    # ------------------------------------------------------------------------------------------ what is known

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._matrix.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        return np.dtype(self._matrix.dtype)

    @property
    def format(self) -> str:
        """``"csr"``, ``"csc"`` or ``"dense"``: what reading gives."""
        return self._matrix.format

    @property
    def nnz(self) -> int:
        """Number of stored values; that of a view is counted, which reads row pointers."""
        known = self._matrix.nnz
        return int(self._matrix.lengths().sum()) if known is None else known

    @property
    def size(self) -> int:
        """Stored values of a sparse matrix, all values of a dense one."""
        return self.shape[0] * self.shape[1] if self.format == "dense" else self.nnz

    @property
    def nbytes(self) -> int:
        """Bytes of the values in memory, roughly for a view; reads nothing."""
        return self._bytes(*self.shape)

    @property
    def backend(self) -> str:
        """``"zarr"``, ``"hdf5"`` or ``"memory"``."""
        paths = self.paths
        if not paths:
            return "memory"
        return "zarr" if str(paths[0]).rstrip("/").endswith((".zarr", ".zarr.zip")) else "hdf5"

    @property
    def paths(self) -> list[Path]:
        """The files that are read from."""
        return self._matrix.paths

    @property
    def ops(self) -> list[str]:
        """Names of the operators that change values on their way."""
        return self._matrix.ops

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        place = ", ".join(str(path) for path in self.paths[:2]) + (", …" if len(self.paths) > 2 else "")
        place = f" of {place}" if place else ""
        ops = f", {' → '.join(self.ops)}" if self.ops else ""
        rows, columns = self.shape
        return f"<LazyMatrix {rows} × {columns} {self.format} {self.dtype}{ops}{place}>"

    # ------------------------------------------------------------------------------------- views and operators

    def view(self, rows: Any = None, columns: Any = None) -> LazyMatrix:
        """Some rows and columns, in any order, also more than once; reads nothing.

        Parameters
        ----------
        rows, columns
            A slice, a mask, or positions; ``None`` for all.
        """
        height, width = self.shape
        rows, columns = positions(rows, height), positions(columns, width)
        if rows is None and columns is None:
            return self
        return LazyMatrix(self._matrix.select(rows, columns))

    def with_op(self, name: str, **params: Any) -> LazyMatrix:
        """The matrix with one more operator on its values.

        Parameters
        ----------
        name
            ``log1p`` (``base``), ``divide_rows`` (``divisors``), ``log_normalize`` (``divisors``, ``base``), ``scale``
            (``means``, ``deviations``, ``limit``), ``pearson_residuals`` (``rows``, ``columns``, ``total``, ``theta``,
            ``clip``), ``regress`` (``numbers`` or ``groups``, ``coefficients``), ``to_single`` or ``to_double``.
        params
            Its parameters: numbers, and arrays that have a value for each row or column of *this* matrix.
        """
        return LazyMatrix(self._matrix.with_op(name, **params))

    def without_ops(self) -> LazyMatrix:
        """The stored values of the same rows and columns."""
        return LazyMatrix(self._matrix.without_ops())

    def copy(self) -> LazyMatrix:
        """Itself, since nothing can change it."""
        return self

    def __copy__(self) -> LazyMatrix:
        return self

    def __deepcopy__(self, memo: Any) -> LazyMatrix:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyMatrix, (self._matrix,)

    # ------------------------------------------------------------------------------------------------ reading

    def __getitem__(self, index: Any) -> Any:
        """Reads rows and columns into memory; the result is what scipy or numpy would give for the whole matrix."""
        picked = self._pick(index)
        lazy = self.view(picked.rows, picked.columns)
        block = lazy.to_memory()
        if picked.pairs is not None:
            out = block[picked.pairs]
            return np.asarray(out).ravel()
        if all(picked.squeeze):
            return block[0, 0]
        if self.format == "dense" and any(picked.squeeze):
            return block[0] if picked.squeeze[0] else block[:, 0]
        return block

    def _pick(self, index: Any) -> _Picked:
        rows, columns = _two(index)
        height, width = self.shape
        squeeze = (_is_one(rows), _is_one(columns))
        pairs = None
        if isinstance(rows, np.ndarray | list) and isinstance(columns, np.ndarray | list):
            rows, columns = np.asarray(rows), np.asarray(columns)
            if rows.ndim == 1 and columns.ndim == 1:
                # As numpy and scipy: one value for each pair.
                at = (positions(rows, height), positions(columns, width))
                own = [np.unique(places, return_inverse=True) for places in np.broadcast_arrays(*at)]
                (rows, row), (columns, column) = own
                pairs = (row, column)
        return _Picked(positions(rows, height), positions(columns, width), squeeze, pairs)

    def columns(self, places: Any) -> np.ndarray:
        """Some columns as a dense array, rows by columns; those read lately are remembered, the others take one pass.

        Parameters
        ----------
        places
            Positions of the columns.
        """
        wanted = [int(place) for place in np.atleast_1d(places)]
        if not wanted:
            return np.empty((self.shape[0], 0), self.dtype)
        missing = [place for place in dict.fromkeys(wanted) if place not in self._columns]
        found = {place: self._columns[place] for place in wanted if place in self._columns}
        if missing:
            size = self.shape[0] * self.dtype.itemsize
            self._check(size * len(missing), f"{len(missing)} columns")
            block = self.view(None, np.asarray(missing)).toarray()
            # What would take the place of most others is not remembered, nor copied for that.
            remembered = len(missing) == 1 or size * len(missing) <= _REMEMBERED // 4
            if not remembered and wanted == missing:
                return block
            own = np.ascontiguousarray if remembered else np.asarray
            found |= {place: own(block[:, i]) for i, place in enumerate(missing)}
            if remembered:
                self._columns |= {place: found[place] for place in missing}
            while len(self._columns) > max(1, _REMEMBERED // max(1, size)):
                self._columns.pop(next(iter(self._columns)))
        return np.stack([found[place] for place in wanted], axis=1)

    def to_memory(self) -> Any:
        """All of it, as a scipy matrix or numpy array.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``; nothing is read then.
        """
        self._check(self._bytes(*self.shape), "to_memory()")
        kind, shape, arrays, rows, columns = self._matrix.read()
        if kind == "dense":
            block: Any = arrays[0].reshape(shape)
            block = block if rows is None else block[rows]
            return block if columns is None else block[:, columns]
        block = _sparse_class(kind)(tuple(arrays), shape=shape, copy=False)
        if kind == "csr" and self.format == "csc":
            block = block.tocsc()
        block = block if rows is None else block[rows]
        return block if columns is None else block[:, columns]

    def toarray(self) -> np.ndarray:
        """All of it as a numpy array.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``; nothing is read then.
        """
        rows, columns = self.shape
        self._check(rows * columns * self.dtype.itemsize, "a dense array")
        block = self.to_memory()
        return block.toarray() if sparse.issparse(block) else block

    def ravel(self) -> np.ndarray:
        """All of it as a numpy array of one dimension, row after row; see :meth:`toarray`."""
        return self.toarray().ravel()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return as_array(self, dtype, copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.log1p and method == "__call__" and not kwargs:
            return self.with_op("log1p")
        if ufunc is np.matmul and method == "__call__" and not kwargs:
            left, right = inputs
            return left @ right if left is self else right.__rmatmul__(left)
        msg = f"numpy.{ufunc.__name__} on a lazy matrix of shape {self.shape}: {_ALTERNATIVE}"
        raise NotImplementedError(msg)

    def _bytes(self, rows: int, columns: int) -> int:
        if self.format == "dense":
            return rows * columns * self.dtype.itemsize
        known = self._matrix.nnz
        values = rows * columns * (self._matrix.density or 1.0) if known is None else known
        return int(values * (self.dtype.itemsize + 4)) + 8 * rows

    def _check(self, needed: int, what: str) -> None:
        if needed > settings.memory:
            rows, columns = self.shape
            msg = (
                f"{what} of {rows} × {columns} values needs about {needed / 2**20:.0f} MB, and "
                f"annstream.settings.memory is {settings.memory / 2**20:.0f} MB; choose rows or columns, go through "
                "it with `.chunks(n)`, or set annstream.settings.memory to more"
            )
            raise _annstream.BudgetError(msg)

    def chunks(self, n: int = 10_000) -> Iterator[tuple[slice, Any]]:
        """Goes through the rows in order: a slice and what stands there, in memory.

        Parameters
        ----------
        n
            Rows at a time.
        """
        if n < 1:
            msg = f"chunks of {n} rows, expected 1 or more"
            raise ValueError(msg)
        rows = self.shape[0]
        if rows > n:
            self._matrix.prepare_rows()
        for start in range(0, rows, n):
            stop = min(start + n, rows)
            yield slice(start, stop), self[start:stop]

    def to_dask(self, chunks: int | Sequence[int] = 10_000) -> Any:
        """A dask array whose blocks are rows of this matrix, read when they are computed.

        Blocks are scipy CSR matrices, or numpy arrays of a dense matrix. Tasks hold the path, rows, columns and
        operators, never values; any scheduler can run them, also on other machines that see the file by the same
        path. Each process opens it once. Rows of a CSC matrix are put in order in scratch space, in each process.

        Parameters
        ----------
        chunks
            Rows of a block, or of each block; all columns are in one, as scanpy wants it.
        """
        from ._dask import to_dask

        return to_dask(self, chunks)

    # --------------------------------------------------------------------------------------------- statistics

    def _moments(self, axis: int) -> dict[str, Any]:
        if axis not in self._stats:
            self._stats[axis] = self._matrix.stats(axis)
        return self._stats[axis]

    def _axis(self, axis: Any) -> int | None:
        if axis is None:
            return None
        if axis not in (0, 1, -1, -2):
            msg = f"axis {axis} of a matrix, expected 0, 1 or None"
            raise ValueError(msg)
        return axis % 2

    def sum(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        """Sums of columns (``axis=0``), of rows (``axis=1``), or of all; in doubles, whole numbers as such.

        One pass, shared with :meth:`mean`, :meth:`var`, :meth:`min` and :meth:`max` along the same axis.
        """
        axis = self._axis(axis)
        sums = self._moments(0 if axis is None else axis)["sum"]
        sums = sums.sum() if axis is None else sums.copy()
        if dtype is None and self.dtype.kind in "biu":
            dtype = np.uint64 if self.dtype.kind == "u" else np.int64
        return sums if dtype is None else sums.astype(dtype)

    def mean(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        """Means of columns, of rows, or of all; in doubles."""
        axis = self._axis(axis)
        means = self._moments(0 if axis is None else axis)["mean"]
        means = means.mean() if axis is None else means.copy()
        return means if dtype is None else means.astype(dtype)

    def var(self, axis: int | None = None, dtype: Any = None, out: None = None, ddof: int = 0) -> Any:
        """Variances of columns, of rows, or of all; in doubles, from differences to the mean.

        Parameters
        ----------
        axis
            0, 1, or ``None`` for all values.
        dtype, out
            For numpy's sake.
        ddof
            What the number of values is lowered by in the divisor.
        """
        axis = self._axis(axis)
        own = self._moments(0 if axis is None else axis)
        count, squares = own["count"], own["squares"]
        if axis is None:
            squares = squares.sum() + count * ((own["mean"] - own["mean"].mean()) ** 2).sum()
            count *= self.shape[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            variances = squares / np.float64(count - ddof)
        return variances if dtype is None else variances.astype(dtype)

    def std(self, axis: int | None = None, dtype: Any = None, out: None = None, ddof: int = 0) -> Any:
        """Standard deviations; see :meth:`var`."""
        return np.sqrt(self.var(axis, dtype, ddof=ddof))

    def min(self, axis: int | None = None, out: None = None) -> Any:
        """Smallest values; zeros that are not stored count."""
        axis = self._axis(axis)
        least = self._moments(0 if axis is None else axis)["min"]
        return (least.min() if axis is None else least).astype(self.dtype)

    def max(self, axis: int | None = None, out: None = None) -> Any:
        """Largest values; zeros that are not stored count."""
        axis = self._axis(axis)
        most = self._moments(0 if axis is None else axis)["max"]
        return (most.max() if axis is None else most).astype(self.dtype)

    def getnnz(self, axis: int | None = None) -> Any:
        """Number of stored values, of each column, of each row, or of all."""
        axis = self._axis(axis)
        return self.nnz if axis is None else self._moments(axis)["stored"].astype(np.int64)

    # --------------------------------------------------------------------------------------------- arithmetic

    def __matmul__(self, other: Any) -> Any:
        if not hasattr(other, "shape"):
            return NotImplemented
        if other.shape[0] != self.shape[1]:
            msg = f"matmul of {self.shape} with {other.shape}"
            raise ValueError(msg)
        blocks = [block @ other for _, block in self.chunks()]
        if not blocks:
            return self.to_memory() @ other
        return sparse.vstack(blocks) if sparse.issparse(blocks[0]) else np.concatenate(blocks)

    def __rmatmul__(self, other: Any) -> Any:
        if not hasattr(other, "shape"):
            return NotImplemented
        if other.shape[-1] != self.shape[0]:
            msg = f"matmul of {other.shape} with {self.shape}"
            raise ValueError(msg)
        total: Any = None
        for rows, block in self.chunks():
            part = other[..., rows] @ block
            total = part if total is None else total + part
        return other @ self.to_memory() if total is None else total

    @property
    def T(self) -> Any:
        """Not lazy: raises, and says what to do."""
        msg = f"the transpose of a lazy matrix of shape {self.shape}: {_ALTERNATIVE}"
        raise NotImplementedError(msg)

    def __setitem__(self, index: Any, value: Any) -> None:
        msg = f"values of a lazy matrix cannot be assigned: {_ALTERNATIVE}"
        raise NotImplementedError(msg)

    def _no_arithmetic(self, other: Any) -> Any:
        msg = f"arithmetic with a lazy matrix of shape {self.shape}: {_ALTERNATIVE}"
        raise NotImplementedError(msg)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_arithmetic
    __pow__ = __lt__ = __le__ = __gt__ = __ge__ = _no_arithmetic


def as_array(matrix: Any, dtype: Any, copy: bool | None) -> np.ndarray:
    """What numpy gets of a matrix that holds no array: a new one, or an error if it must not be a copy."""
    if copy is False:
        msg = f"a {type(matrix).__name__} has no array that could be shared"
        raise ValueError(msg)
    array = matrix.toarray()
    return array if dtype is None else array.astype(dtype, copy=False)


def _sparse_class(kind: str) -> Any:
    """The class that anndata would read into."""
    arrays = getattr(ad.settings, "use_sparse_array_on_read", False)
    return getattr(sparse, f"{kind}_{'array' if arrays else 'matrix'}")


def _is_one(index: Any) -> bool:
    return isinstance(index, int | np.integer) and not isinstance(index, bool | np.bool_)


def _two(index: Any) -> tuple[Any, Any]:
    """An index of two axes from what stands between the brackets."""
    if not isinstance(index, tuple):
        index = (index,)
    if any(part is Ellipsis for part in index):
        at = next(i for i, part in enumerate(index) if part is Ellipsis)
        before, after = index[:at], index[at + 1 :]
        index = (*before, *[slice(None)] * (2 - len(before) - len(after)), *after)
    if len(index) > 2:
        msg = f"{len(index)} indices for a matrix"
        raise IndexError(msg)
    return (*index, *[slice(None)] * (2 - len(index)))  # type: ignore[return-value]
