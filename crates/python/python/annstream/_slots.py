"""Where anndata keeps ``X``: beside the layers up to 0.12, and as the layer without a name from 0.13 on."""

from __future__ import annotations

from typing import Any

import anndata as ad

BESIDE = hasattr(ad.AnnData, "_mutated_copy")


def own_x(adata: ad.AnnData) -> Any:
    """``X`` of an AnnData that is no view, as it is kept."""
    return adata._X if BESIDE else adata._layers.get(None)


def set_own_x(adata: ad.AnnData, value: Any) -> None:
    """Replaces it."""
    if BESIDE:
        adata._X = value
    else:
        adata._layers[None] = value


def layer_names(adata: ad.AnnData) -> list[str]:
    """The layers that have a name."""
    return [name for name in adata.layers if name is not None]
