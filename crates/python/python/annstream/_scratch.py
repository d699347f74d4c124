"""Matrices that come block by block, in files that nobody else sees."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from scipy import sparse

from . import _annstream
from ._matrix import LazyMatrix
from ._settings import settings


def write_scratch(blocks: Iterable[Any], shape: tuple[int, int], like: Any) -> LazyMatrix:
    """Blocks of rows as a lazy matrix of a file in ``settings.tmpdir``, which goes when nothing reads from it any more.

    Parameters
    ----------
    blocks
        Rows in order, sparse or dense as ``like`` is.
    shape
        That of all of them.
    like
        A matrix of the type that is written.
    """
    handle, name = tempfile.mkstemp(prefix="annstream-", suffix=".h5ad", dir=settings.tmpdir)
    os.close(handle)
    # The matrix removes it when nobody reads from it any more; this is for those that are there at the end.
    atexit.register(Path(name).unlink, missing_ok=True)
    try:
        _write(name, blocks, shape, like)
        return LazyMatrix(_annstream.Matrix.open(name, "X", scratch=True))
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write(name: str, blocks: Iterable[Any], shape: tuple[int, int], like: Any) -> None:
    """Writes blocks one behind the other, as anndata would store the matrix."""
    with h5py.File(name, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for axis, extent in zip(("obs", "var"), shape, strict=True):
            write_elem(file, axis, pd.DataFrame(index=np.arange(extent).astype(str)))
        if hasattr(like, "tocsr"):
            _write_sparse(file.create_group("X"), blocks, shape, like.dtype)
        else:
            kind = {"chunks": True, "compression": "lzf"} if 0 not in shape else {}
            values = file.create_dataset("X", shape, like.dtype, **kind)
            values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
            start = 0
            for block in blocks:
                values[start : start + block.shape[0]] = _of_type(np.asarray(block), like.dtype)
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
        msg = f"a block of {block.dtype} in a matrix whose first block is of {dtype}"
        raise TypeError(msg)
    return block.astype(dtype, copy=False)
