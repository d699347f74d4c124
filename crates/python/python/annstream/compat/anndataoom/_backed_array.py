"""Lazy matrices with the methods and return shapes of ``anndataoom.BackedArray``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import _annstream
from ..._matrix import LazyMatrix, _two
from ..._steps import options

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_CHUNK_SIZE = 1000

_CASTS = ("to_single", "to_double")


class BackedArray(LazyMatrix):
    """A :class:`annstream.LazyMatrix` whose statistics go along columns by default, and whose parts are rectangles.

    ``array[rows, columns]`` is always a matrix, also for one row or column, and lists of rows and of columns name a
    rectangle. Nothing depends on ``chunk_size`` but the chunks of :meth:`chunked`: statistics stream through the
    engine, and those of an axis take one pass together.

    Parameters
    ----------
    elem
        A lazy matrix, a numpy array or scipy matrix (copied once), or an open element of an HDF5 file.
    shape
        What its shape must be, if given.
    """

    __slots__ = ()

    # Which class shows a matrix, by the name of the operator that was applied last.
    _kinds: ClassVar[dict[str, type[BackedArray]]] = {}

    def __init_subclass__(cls, operators: tuple[str, ...] = (), **options: Any) -> None:
        super().__init_subclass__(**options)
        BackedArray._kinds.update(dict.fromkeys(operators, cls))

    def __init__(self, elem: Any, shape: tuple[int, int] | None = None) -> None:
        source = lazy(elem)
        if shape is not None and tuple(shape) != source.shape:
            msg = f"a matrix of {source.shape[0]} × {source.shape[1]}, expected the shape {tuple(shape)}"
            raise ValueError(msg)
        _share(self, source)

    # ---------------------------------------------------------------------------------------- other arrays of it

    def view(self, rows: Any = None, columns: Any = None) -> BackedArray:
        """Some rows and columns, in any order, also more than once; reads nothing."""
        return backed(super().view(rows, columns))

    def with_op(self, name: str, **params: Any) -> BackedArray:
        """The array with one more operator on its values; see :meth:`annstream.LazyMatrix.with_op`."""
        return backed(super().with_op(name, **params))

    def without_ops(self) -> BackedArray:
        """The stored values of the same rows and columns."""
        return backed(super().without_ops())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._matrix,)

    # --------------------------------------------------------------------------------------------------- reading

    def __getitem__(self, index: Any) -> Any:
        """Reads rows and columns into memory: a scipy matrix, or a numpy array of two dimensions."""
        rows, columns = _two(index)
        return super().view(rows, columns).to_memory()

    def _read_rows(self, start: int, end: int) -> Any:
        return self[start : max(start, end)]

    def chunked(self, chunk_size: int = DEFAULT_CHUNK_SIZE) -> Iterator[tuple[int, int, Any]]:
        """Goes through the rows in order.

        Parameters
        ----------
        chunk_size
            Rows at a time.

        Yields
        ------
        start, end, chunk
            The first row, the one after the last, and what stands there: a CSR matrix, or a numpy array.
        """
        for rows, block in self.chunks(chunk_size):
            yield rows.start, rows.stop, block.tocsr() if hasattr(block, "tocsr") else block

    def chunked_columns(self, chunk_size: int = DEFAULT_CHUNK_SIZE) -> Iterator[tuple[int, int, Any]]:
        """The same as :meth:`chunked`, whatever the name says: chunks of rows, all columns in each."""
        yield from self.chunked(chunk_size)

    @property
    def T(self) -> Any:
        """The transpose, in memory.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``.
        """
        return self.to_memory().T

    # ------------------------------------------------------------------------------------------------ statistics

    def sum(
        self,
        axis: int | None = 0,
        chunk_size: Any = None,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
    ) -> Any:
        """Sums of columns (``axis=0``, the default), of rows (``axis=1``) or of all (``None``), in doubles."""
        return _shaped(super().sum(axis, dtype or np.float64), axis, keepdims, out)

    def mean(
        self,
        axis: int | None = 0,
        chunk_size: Any = None,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
    ) -> Any:
        """Means of columns, of rows or of all, in doubles."""
        return _shaped(super().mean(axis, dtype), axis, keepdims, out)

    def var(
        self,
        axis: int | None = 0,
        chunk_size: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
    ) -> Any:
        """Variances of columns, of rows or of all, in doubles, from differences to the mean."""
        return _shaped(super().var(axis, dtype, ddof=ddof), axis, keepdims, out)

    def std(self, axis: int | None = 0, dtype: Any = None, out: Any = None, ddof: int = 0) -> Any:
        """Standard deviations; see :meth:`var`."""
        return np.sqrt(self.var(axis, ddof=ddof, dtype=dtype))

    def getnnz(self, axis: int | None = 0, chunk_size: Any = None, keepdims: bool = False) -> Any:
        """Number of values other than 0 of each column, of each row or of all; zeros that are stored do not count."""
        axis = self._axis(axis)
        cells, genes = counts(self)[:2]
        return int(genes.sum()) if axis is None else _shaped((genes if axis == 0 else cells).copy(), axis, keepdims)


def lazy(elem: Any) -> LazyMatrix:
    """Anything that holds a matrix, as a lazy one."""
    if isinstance(elem, LazyMatrix):
        return elem
    if hasattr(elem, "group") and hasattr(elem.group, "file"):
        elem = elem.group
    file = getattr(elem, "file", None)
    if file is not None and hasattr(file, "filename") and hasattr(elem, "name"):
        return LazyMatrix.open(file.filename, elem.name.strip("/"))
    if getattr(elem, "ndim", 2) != 2:
        msg = f"an array of {elem.ndim} dimensions, expected 2"
        raise ValueError(msg)
    return LazyMatrix.wrap(elem)


def backed(elem: Any) -> BackedArray:
    """The same matrix by the class that its last operator asks for; what is known of it already stays known."""
    if isinstance(elem, BackedArray):
        return elem
    source = lazy(elem)
    kind = BackedArray
    if source.ops:
        # Some other operator, or a cast only, is a change, too.
        names = [name for name in source.ops if name not in _CASTS]
        kind = BackedArray._kinds.get(names[-1] if names else "", BackedArray._kinds[""])
    return _share(kind.__new__(kind), source)


def _share(array: BackedArray, source: LazyMatrix) -> BackedArray:
    array._matrix, array._stats, array._columns = source._matrix, source._stats, source._columns
    return array


def _restored(matrix: Any) -> BackedArray:
    return backed(LazyMatrix(matrix))


def counts(matrix: LazyMatrix) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values other than 0 of rows and of columns, and their sums in doubles: one pass, remembered."""
    known: Any = matrix._stats
    if "counts" not in known:
        wanted = options(expr_type="counts", var_type="genes", qc_vars=[], percent_top=[], log1p=False)
        rows, columns = _annstream.qc_metrics(matrix.with_op("to_double")._matrix, wanted, [])
        known["counts"] = (
            rows["n_genes_by_counts"].astype(np.int64),
            columns["n_cells_by_counts"].astype(np.int64),
            rows["total_counts"].astype(np.float64),
            columns["total_counts"].astype(np.float64),
        )
    return known["counts"]


def _shaped(values: Any, axis: int | None, keepdims: bool, out: Any = None) -> Any:
    if keepdims and axis is not None:
        values = values[np.newaxis, :] if axis in (0, -2) else values[:, np.newaxis]
    if out is None:
        return values
    out[...] = values
    return out
