"""What anndata must know of a lazy matrix, said in its own dispatchers."""

from __future__ import annotations

from typing import Any

import anndata as ad
import h5py
from anndata._core.file_backing import to_memory
from anndata._core.index import _subset
from anndata._core.sparse_dataset import sparse_dataset
from anndata._core.views import as_view
from anndata._io.specs.methods import write_anndata
from anndata._io.specs.registry import _REGISTRY, IOSpec
from anndata.compat import ZarrGroup

from ._anndata import AnnData
from ._matrix import LazyMatrix

# `X`, layers and `raw` take what is one of anndata's abstract matrices on disk, and a lazy matrix has their interface.
ad.abc.CSRDataset.register(LazyMatrix)


@_subset.register(LazyMatrix)
def _subset_lazy(matrix: LazyMatrix, index: Any) -> LazyMatrix:
    """Rows and columns of a view: named, not read."""
    return matrix.view(*index)


@as_view.register(LazyMatrix)
def _view_lazy(matrix: LazyMatrix, view_args: Any) -> LazyMatrix:
    """Nothing can be assigned to it, so that it need not know its parent."""
    return matrix


@to_memory.register(LazyMatrix)
def _read_lazy(matrix: LazyMatrix, *, copy: bool = False) -> Any:
    return matrix.to_memory()


def _write_lazy(group: Any, name: str, matrix: LazyMatrix, *, _writer: Any, dataset_kwargs: Any = None) -> None:
    """Anndata's own functions write it, too: CSR in blocks, all else through memory."""
    options = dict(dataset_kwargs or {})
    if matrix.format != "csr" or matrix.shape[0] == 0:
        _writer.write_elem(group, name, matrix.to_memory(), dataset_kwargs=options)
        return
    blocks = (block for _, block in matrix.chunks())
    _writer.write_elem(group, name, next(blocks), dataset_kwargs=options)
    stored = sparse_dataset(group[name])
    for block in blocks:
        stored.append(block)


for destination in (h5py.Group, ZarrGroup):
    _REGISTRY.register_write(destination, LazyMatrix, IOSpec("csr_matrix", "0.1.0"))(_write_lazy)
    _REGISTRY.register_write(destination, AnnData, IOSpec("anndata", "0.1.0"))(write_anndata)
