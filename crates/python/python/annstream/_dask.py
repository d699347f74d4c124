"""Lazy matrices as dask arrays, and dask arrays as lazy matrices.

A task of ours holds a :class:`Handle`: where a matrix is, never its values. A process opens it once, and its tasks
share that. The other way, the blocks of a dask array are computed once, into a scratch file that lives as long as the
array.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import sys
import tempfile
import threading
import uuid
import weakref
from collections import OrderedDict
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from scipy import sparse

from . import _annstream
from ._matrix import LazyMatrix, _sparse_class
from ._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    handle, name = tempfile.mkstemp(prefix="annstream-", suffix=".h5ad", dir=settings.tmpdir)
    os.close(handle)
    # The matrix removes it when nobody reads from it any more; this is for those that are there at the end.
    atexit.register(Path(name).unlink, missing_ok=True)
    try:
        _write_blocks(name, array if len(array.chunks[1]) == 1 else array.rechunk({1: -1}))
        matrix = LazyMatrix(_annstream.Matrix.open(name, "X", scratch=True))
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _remember(array, matrix)
    return matrix


def _write_blocks(name: str, array: Any) -> None:
    """Writes the blocks of a dask array one behind the other, as anndata would store the matrix."""
    blocks = _blocks(array)
    # What an array is said to hold is a guess; what it does hold, its blocks tell.
    first = next(blocks, array._meta)
    blocks = chain([first] if array.shape[0] else [], blocks)
    with h5py.File(name, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for axis, extent in zip(("obs", "var"), array.shape, strict=True):
            write_elem(file, axis, pd.DataFrame(index=np.arange(extent).astype(str)))
        if hasattr(first, "tocsr"):
            _write_sparse(file.create_group("X"), blocks, array.shape, first.dtype)
        else:
            kind = {"chunks": True, "compression": "lzf"} if 0 not in array.shape else {}
            values = file.create_dataset("X", array.shape, first.dtype, **kind)
            values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
            start = 0
            for block in blocks:
                values[start : start + block.shape[0]] = _of_type(np.asarray(block), first.dtype)
                start += block.shape[0]


def _write_sparse(group: h5py.Group, blocks: Iterable[Any], shape: tuple[int, int], dtype: np.dtype) -> None:
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
    kind: dict[str, Any] = {"chunks": (1 << 17,), "maxshape": (None,), "compression": "lzf"}
    indices = group.create_dataset("indices", (0,), np.int32 if shape[1] < 2**31 else np.int64, **kind)
    data = group.create_dataset("data", (0,), dtype, **kind)
    pointers = np.zeros(shape[0] + 1, np.int64)
    start = 0
    for block in blocks:
        own = sparse.csr_matrix(_of_type(block, dtype))
        if not own.has_sorted_indices:
            own = own.sorted_indices()
        end = pointers[start] + own.nnz
        for stored, new in ((indices, own.indices), (data, own.data)):
            stored.resize((end,))
            stored[pointers[start] :] = new
        pointers[start + 1 : start + 1 + own.shape[0]] = pointers[start] + own.indptr[1:]
        start += own.shape[0]
    group.create_dataset("indptr", data=pointers)


def _of_type(block: Any, dtype: np.dtype) -> Any:
    if not np.can_cast(block.dtype, dtype):
        msg = f"a block of {block.dtype} in a dask array whose first block is of {dtype}"
        raise TypeError(msg)
    return block.astype(dtype, copy=False)


def _blocks(array: Any) -> Iterator[Any]:
    """Blocks of rows in order, as many at a time as there are threads."""
    import dask

    count = array.numblocks[0]
    for start in range(0, count, settings.threads):
        parts = [array.blocks[i, 0].to_delayed().ravel()[0] for i in range(start, min(start + settings.threads, count))]
        yield from dask.compute(*parts)
