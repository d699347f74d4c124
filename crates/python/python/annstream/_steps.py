"""What the steps in ``pp`` and ``tl`` share: the matrix that they look at, and where a new one goes."""

from __future__ import annotations

import json
import logging
import math
import sys
import warnings
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from anndata import ImplicitModificationWarning

from ._dask import is_dask
from ._matrix import LazyMatrix

if TYPE_CHECKING:
    from scipy import sparse

log = logging.getLogger("annstream")


def options(**given: Any) -> str:
    """Options for the engine: what is ``None`` is left out."""
    most = sys.float_info.max

    def finite(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and math.isinf(value):
            return math.copysign(most, value)
        return value

    return json.dumps({name: finite(value) for name, value in given.items() if value is not None})


def whole(value: Any, name: str) -> int:
    """A number without a fraction, as seeds are."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 0:
        return int(value)
    msg = f"{name} is {value!r}, expected a whole number of 0 or more"
    raise TypeError(msg)


def check(adata: Any) -> None:
    """Refuses what is no AnnData."""
    if not isinstance(adata, ad.AnnData):
        msg = f"expected an AnnData, found a {type(adata).__name__}"
        raise TypeError(msg)


def stored(adata: ad.AnnData, layer: str | None = None, *, use_raw: bool = False) -> Any:
    """``X``, a layer, or ``raw.X`` as it is."""
    check(adata)
    if adata.isbacked and layer is None and not use_raw:
        msg = f"a backed AnnData; open its file with annstream.read({str(adata.filename)!r}) instead"
        raise NotImplementedError(msg)
    if use_raw:
        if layer is not None:
            msg = f"Cannot use expression from both layer {layer!r} and `raw`"
            raise ValueError(msg)
        if adata.raw is None:
            msg = "Received `use_raw=True`, but `adata.raw` is empty."
            raise ValueError(msg)
        return adata.raw.X
    value = adata.X if layer is None else adata.layers[layer]
    if value is None:
        msg = "there is no X to work on; name a layer"
        raise ValueError(msg)
    return value


def look(adata: ad.AnnData, layer: str | None = None, *, use_raw: bool = False) -> LazyMatrix:
    """The same as a lazy matrix; what is in memory stays there."""
    return LazyMatrix.wrap(stored(adata, layer, use_raw=use_raw))


def like(new: LazyMatrix, old: Any) -> Any:
    """A new matrix: lazy if the old one was, a dask array if that was one, else in memory."""
    if isinstance(old, LazyMatrix):
        return new
    if is_dask(old):
        return new.to_dask(old.chunks[0])
    return new.to_memory()


def put(adata: ad.AnnData, value: Any, layer: str | None) -> None:
    """Assigns ``X`` or a layer."""
    if layer is None:
        adata.X = value
    else:
        adata.layers[layer] = value


def actual(adata: ad.AnnData) -> None:
    """Makes a view a thing of its own, as scanpy does before it changes values."""
    if adata.is_view:
        msg = "Received a view of an AnnData. Making a copy."
        warnings.warn(msg, ImplicitModificationWarning, stacklevel=3)
        adata._init_as_actual(adata.copy())


def mask_of(adata: ad.AnnData, mask: Any, *, use_raw: bool = False) -> np.ndarray | None:
    """Genes that are looked at: a column of ``var`` by name, or truth values."""
    if mask is None:
        return None
    if isinstance(mask, str):
        if mask not in adata.var.columns:
            msg = f"Did not find `adata.var[{mask!r}]`. Either add the mask first, or pass an array of truth values."
            raise ValueError(msg)
        mask = adata.var[mask].to_numpy()
    mask = np.asarray(mask)
    width = adata.raw.n_vars if use_raw else adata.n_vars
    if mask.shape != (width,):
        msg = f"The shape of the mask {mask.shape} does not match the number of genes {width}."
        raise ValueError(msg)
    if mask.dtype != bool:
        msg = "Mask array must be boolean."
        raise ValueError(msg)
    return mask


def graph_of(adata: ad.AnnData, key: str | None, obsp: str | None = None) -> Any:
    """The connectivities of cells: of ``obsp``, or those that ``uns[key]`` tells of."""
    if obsp is not None:
        if key is not None:
            msg = "You can't specify both obsp, neighbors_key. Please select only one."
            raise ValueError(msg)
        return adata.obsp[obsp]
    key = "neighbors" if key is None else key
    if key not in adata.uns:
        msg = f"Did not find .uns[{key!r}]. Run `annstream.pp.neighbors` first."
        raise ValueError(msg)
    name = adata.uns[key].get("connectivities_key", "connectivities")
    return adata.obsp[name]


def pointers(graph: sparse.spmatrix | LazyMatrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A graph as the engine takes it."""
    if isinstance(graph, LazyMatrix):
        graph = graph.to_memory()
    graph = graph.tocsr()
    if not graph.has_canonical_format:
        graph = graph.copy()
        graph.sum_duplicates()
    return graph.indptr.astype(np.int64), graph.indices.astype(np.int64), graph.data.astype(np.float32)
