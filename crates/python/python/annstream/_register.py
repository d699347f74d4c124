"""What anndata must know of a lazy matrix, said in its own dispatchers."""

from __future__ import annotations

from typing import Any

import anndata as ad
from anndata._core.file_backing import to_memory
from anndata._core.index import _subset
from anndata._core.views import as_view

from . import _io
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


# `anndata.io.write_elem` and what calls it.
_io.register()
