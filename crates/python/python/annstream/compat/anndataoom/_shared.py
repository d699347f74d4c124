"""What the chunked functions share."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np

from ..._slots import layer_names
from ..._steps import stored
from ._backed_array import BackedArray, backed


def matrix_of(adata: ad.AnnData, layer: str | None = None) -> BackedArray:
    """``X`` or a layer, lazily; it is the object that the AnnData holds if it can be."""
    if layer is not None and layer not in adata.layers:
        msg = f"there is no layer {layer!r}; there are {sorted(layer_names(adata))}"
        raise KeyError(msg)
    return backed(stored(adata, layer))


def layer_or_x(adata: ad.AnnData, layer: str | None) -> BackedArray:
    """A layer if it is there, else ``X``: what the functions before PCA look at."""
    return matrix_of(adata, layer if layer is not None and layer in adata.layers else None)


def mask(values: Any, extent: int) -> np.ndarray:
    """Truth values for genes, from truth values or numbers that are 0 or not."""
    values = np.asarray(values)
    if values.shape != (extent,):
        msg = f"a mask of shape {values.shape} for {extent} genes"
        raise ValueError(msg)
    return values.astype(bool)
