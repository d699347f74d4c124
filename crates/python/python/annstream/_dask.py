"""Lazy matrices as dask arrays, and dask arrays as lazy matrices.

A task of ours holds a :class:`Handle`: where a matrix is, never its values. A process opens it once, and its tasks
share that. The other way, the blocks of a dask array are computed once, into a scratch file that lives as long as the
array.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import threading
import uuid
import weakref
from collections import OrderedDict
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ._matrix import LazyMatrix, _sparse_class
from ._scratch import write_scratch
from ._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Matrices that a process keeps open for tasks that may come.
_KEPT = 8


class Handle:
    """A matrix by its location, rows, columns and operators; opened by whoever looks, once for each process.

    Parameters
    ----------
    matrix
        The matrix.
    """

    def __init__(self, matrix: LazyMatrix) -> None:
        self._matrix: LazyMatrix | None = matrix
        self._pickled: bytes | None = None
        self.token = uuid.uuid4().hex
        if matrix.paths and all(Path(path).exists() for path in matrix.paths):
            # The same matrix of the same files has the same name in every graph.
            about = hashlib.sha256(self.pickled)
            for path in matrix.paths:
                found = Path(path).stat()
                about.update(repr((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)).encode())
            self.token = about.hexdigest()[:32]

    @property
    def pickled(self) -> bytes:
        """What is sent."""
        if self._pickled is None:
            self._pickled = pickle.dumps(self._matrix)
        return self._pickled

    def __reduce__(self) -> Any:
        return _arrived, (self.token, self.pickled)

    def open(self) -> LazyMatrix:
        """The matrix, in this process."""
        if self._matrix is not None:
            return self._matrix
        with _LOCK:
            if self.token not in _OPENED:
                matrix = pickle.loads(self.pickled)
                if matrix.format == "csc":
                    # Sorted once, not for each task.
                    matrix._matrix.prepare_rows()
                _OPENED[self.token] = matrix
                while len(_OPENED) > _KEPT:
                    _OPENED.popitem(last=False)
            _OPENED.move_to_end(self.token)
            return _OPENED[self.token]


_OPENED: OrderedDict[str, LazyMatrix] = OrderedDict()
_LOCK = threading.Lock()


def _arrived(token: str, pickled: bytes) -> Handle:
    handle = Handle.__new__(Handle)
    handle._matrix, handle._pickled, handle.token = None, pickled, token
    return handle


def _read_rows(handle: Handle, start: int, stop: int) -> Any:
    """What a task does."""
    fit_worker()
    block = handle.open()[start:stop]
    return block.tocsr() if sparse.issparse(block) else block


def fit_worker() -> None:
    """In a worker of dask.distributed: uses its threads and half of its memory, unless somebody set something else."""
    if "distributed" not in sys.modules:
        return
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return
    limit = getattr(worker.memory_manager, "memory_limit", None)
    if settings._memory is None and limit and settings.memory > limit // 2:
        settings.memory = int(limit) // 2
    if settings._threads is None and settings.threads != worker.state.nthreads:
        settings.threads = worker.state.nthreads


def to_dask(matrix: LazyMatrix, chunks: int | Sequence[int]) -> Any:
    """See :meth:`annstream.LazyMatrix.to_dask`."""
    import dask.array as da

    rows, columns = matrix.shape
    sizes = _sizes(chunks, rows)
    if matrix.format == "csc" and len(sizes) > 1:
        matrix._matrix.prepare_rows()
    handle = Handle(matrix)
    name = f"annstream-{hashlib.sha256(repr((handle.token, sizes)).encode()).hexdigest()[:32]}"
    graph: dict[Any, Any] = {f"{name}-matrix": handle}
    for i, (start, stop) in enumerate(pairwise(accumulate(sizes, initial=0))):
        graph[(name, i, 0)] = (_read_rows, f"{name}-matrix", start, stop)
    dense = matrix.format == "dense"
    empty = np.empty((0, 0), matrix.dtype) if dense else _sparse_class("csr")((0, 0), dtype=matrix.dtype)
    array = da.Array(graph, name, (sizes, (columns,)), meta=empty, dtype=matrix.dtype)
    _remember(array, matrix)
    return array


def _sizes(chunks: int | Sequence[int], rows: int) -> tuple[int, ...]:
    if isinstance(chunks, int | np.integer):
        if chunks < 1:
            msg = f"chunks of {chunks} rows, expected 1 or more"
            raise ValueError(msg)
        return tuple(min(int(chunks), rows - start) for start in range(0, rows, int(chunks))) or (0,)
    sizes = tuple(int(size) for size in chunks)
    if sum(sizes) != rows or min(sizes, default=0) < 0 or not sizes:
        msg = f"chunks of {sum(sizes)} rows for a matrix of {rows}"
        raise ValueError(msg)
    return sizes


# Lazy matrices that dask arrays of this process were made of, or were written to, by the name of the array; as long as
# an array of that name lives.
_KNOWN: dict[str, LazyMatrix] = {}
_LIVING: dict[str, int] = {}


def _remember(array: Any, matrix: LazyMatrix) -> None:
    name = array.name
    with _LOCK:
        _KNOWN[name] = matrix
        _LIVING[name] = _LIVING.get(name, 0) + 1
    weakref.finalize(array, _forget, name)


def _forget(name: str) -> None:
    # No lock: this may run wherever memory is collected, and what is left over for a while does no harm.
    left = _LIVING.get(name, 1) - 1
    if left > 0:
        _LIVING[name] = left
    else:
        _LIVING.pop(name, None)
        _KNOWN.pop(name, None)


def is_dask(value: Any) -> bool:
    """Whether it is a dask array; imports nothing."""
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(value, dask.Array)


def from_dask(array: Any) -> LazyMatrix:
    """A dask array of two dimensions as a lazy matrix.

    One that :func:`to_dask` made is the matrix that it was made of. Of any other, the blocks are computed once, a few
    at a time, into a file in ``annstream.settings.tmpdir``, which goes when nothing reads from it any more. (The
    engine does not call tasks while it works: tasks may be its own, and wait for the threads that wait for them.)
    """
    known = _KNOWN.get(array.name)
    if known is not None:
        return known
    if array.ndim != 2 or any(np.isnan(extent) for extent in array.shape):
        msg = f"a dask array of shape {array.shape}, expected two known extents; see `compute_chunk_sizes()`"
        raise ValueError(msg)
    whole = array if len(array.chunks[1]) == 1 else array.rechunk({1: -1})
    blocks = _blocks(whole)
    # What an array is said to hold is a guess; what it does hold, its blocks tell.
    first = next(blocks, whole._meta)
    matrix = write_scratch(chain([first] if array.shape[0] else [], blocks), array.shape, first)
    _remember(array, matrix)
    return matrix


def _blocks(array: Any) -> Iterator[Any]:
    """Blocks of rows in order, as many at a time as there are threads."""
    import dask

    count = array.numblocks[0]
    for start in range(0, count, settings.threads):
        parts = [array.blocks[i, 0].to_delayed().ravel()[0] for i in range(start, min(start + settings.threads, count))]
        yield from dask.compute(*parts)
