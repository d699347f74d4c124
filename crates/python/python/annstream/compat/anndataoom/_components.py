"""Principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...pp import pca
from ._backed_array import DEFAULT_CHUNK_SIZE
from ._shared import layer_or_x, mask

if TYPE_CHECKING:
    import anndata as ad

# The choice of genes itself comes before the mark that filters leave, too.
_MARKS = ("highly_variable", "highly_variable_features")


def chunked_pca(
    adata: ad.AnnData,
    *,
    layer: str = "scaled",
    n_comps: int = 50,
    n_oversamples: int = 10,
    n_power_iters: int = 4,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    random_state: int = 0,
    materialize_threshold_gb: float = 16.0,
    use_implicit_centering: bool = True,
    use_highly_variable: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal components as :func:`scanpy.pp.pca` has them: exact, centred, in two passes. Nothing is stored.

    Parameters
    ----------
    adata
        Cells and genes.
    layer
        What is looked at; ``X`` if it is not there.
    n_comps
        How many; at most one less than there are cells or genes.
    n_oversamples, n_power_iters, chunk_size, random_state, materialize_threshold_gb, use_implicit_centering
        For the sake of ``anndataoom``; nothing depends on them.
    use_highly_variable
        Whether only genes are looked at that ``var["highly_variable"]`` marks, or ``var["highly_variable_features"]``
        if that is not there.

    Returns
    -------
    X_pca
        Scores: cells by components, float32.
    components
        Loadings: components by the genes that were looked at.
    variance_ratio
        The share of each component in the variance of those genes.
    """
    matrix = layer_or_x(adata, layer)
    name = next((name for name in _MARKS if name in adata.var.columns), None)
    if use_highly_variable and name is not None:
        chosen = mask(adata.var[name], adata.n_vars)
        if chosen.any():
            matrix = matrix.view(None, chosen)
    count = max(1, min(n_comps, min(matrix.shape) - 1))
    scores, components, share, _ = pca(matrix, count, return_info=True)
    return scores, components, share.astype(np.float64)


def materialise_for_pca(adata: ad.AnnData, layer: str = "scaled") -> np.ndarray:
    """A layer, or ``X`` if it is not there, as a dense array of float32.

    Parameters
    ----------
    adata
        Cells and genes.
    layer
        The layer.

    Raises
    ------
    annstream.BudgetError
        If it would take more than ``annstream.settings.memory``; :func:`chunked_pca` does not need it.
    """
    return layer_or_x(adata, layer).toarray().astype(np.float32, copy=False)
