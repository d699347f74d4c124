"""Lazy matrices and AnnData in anndata's own writers: ``anndata.io.write_elem``, ``anndata.io.write_h5ad`` and so on.

The methods ``write_h5ad`` and ``write_zarr`` of a lazy AnnData are faster, and publish a file only when it is complete;
what stands here is for code that writes into files that it opened.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import anndata as ad
import h5py
import numpy as np
from anndata._io.specs.registry import _REGISTRY, IOSpec

from ._anndata import AnnData
from ._matrix import LazyMatrix

if TYPE_CHECKING:
    from collections.abc import Mapping

# Bytes that are in memory at a time, about.
_PIECE = 64 << 20


def write_matrix(
    parent: Any,
    name: str,
    matrix: LazyMatrix,
    *,
    _writer: Any,
    dataset_kwargs: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Writes a matrix piece by piece, in the format in which it is read.

    Parameters
    ----------
    parent
        The group of h5py or zarr.
    name
        What it is called there.
    matrix
        What is written.
    dataset_kwargs
        For the arrays: ``compression`` and so on.
    """
    rows, columns = matrix.shape
    if matrix.format == "dense":
        out = _array(parent, name, (rows, columns), matrix.dtype, dataset_kwargs)
        for part in _pieces(rows, columns * matrix.dtype.itemsize):
            out[part] = matrix[part]
        out.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        return
    by_rows = matrix.format == "csr"
    lengths = np.asarray(matrix._matrix.lengths() if by_rows else matrix._moments(0)["stored"], dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    count = int(indptr[-1])
    small = max(count, rows, columns) < 2**31
    group = parent.create_group(name)
    group.attrs.update({"encoding-type": f"{matrix.format}_matrix", "encoding-version": "0.1.0"})
    group.attrs["shape"] = np.array([rows, columns]) if isinstance(group, h5py.Group) else [rows, columns]
    kind = np.int32 if small else np.int64
    _array(group, "indptr", indptr.shape, kind, dataset_kwargs)[:] = indptr.astype(kind)
    data = _array(group, "data", (count,), matrix.dtype, dataset_kwargs)
    indices = _array(group, "indices", (count,), kind, dataset_kwargs)
    width = (matrix.dtype.itemsize + 8) * max(1, count // max(1, len(lengths)))
    for part in _pieces(len(lengths), width):
        block = matrix[part] if by_rows else matrix[:, part]
        where = slice(int(indptr[part.start]), int(indptr[part.stop]))
        data[where] = block.data
        indices[where] = block.indices.astype(kind)


def _array(parent: Any, name: str, shape: tuple[int, ...], dtype: Any, given: Mapping[str, Any]) -> Any:
    given = dict(given)
    if isinstance(parent, h5py.Group):
        if 0 in shape:
            given = {}
        return parent.create_dataset(name, shape=shape, dtype=dtype, **given)
    return parent.create_array(name, shape=shape, dtype=np.dtype(dtype), **given)


def _pieces(count: int, width: int) -> list[slice]:
    step = max(1, _PIECE // max(1, width))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def register() -> None:
    """Enters both classes into anndata's writers."""
    places: list[Any] = [h5py.Group]
    try:
        from zarr import Group
    except ImportError:
        pass
    else:
        places.append(Group)
    for place in places:
        _REGISTRY.register_write(place, LazyMatrix, IOSpec("csr_matrix", "0.1.0"))(write_matrix)
        whole = _REGISTRY.write[(place, ad.AnnData, frozenset())]
        _REGISTRY.register_write(place, AnnData, IOSpec("anndata", "0.1.0"))(whole)
