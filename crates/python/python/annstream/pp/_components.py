"""Principal components."""

from __future__ import annotations

import warnings
from typing import Any

import anndata as ad
import numpy as np

from .._engine import engine
from .._matrix import LazyMatrix
from .._steps import mask_of, stored

_UNSET: Any = object()


def pca(
    data: Any,
    n_comps: int | None = None,
    *,
    layer: str | None = None,
    zero_center: bool = True,
    svd_solver: str | None = None,
    chunked: bool = False,
    chunk_size: int | None = None,
    random_state: Any = 0,
    return_info: bool = False,
    mask_var: Any = _UNSET,
    use_highly_variable: bool | None = None,
    dtype: Any = "float32",
    key_added: str | None = None,
    copy: bool = False,
) -> Any:
    """Principal components: :func:`scanpy.pp.pca`. Exact, in two passes; the largest loading of each is positive.

    Parameters
    ----------
    data
        Cells and genes, or a matrix, of which the scores are returned.
    n_comps
        How many; 50, or one less than the smaller extent.
    layer
        What is looked at instead of ``X``.
    zero_center
        Whether means are subtracted.
    svd_solver, chunked, chunk_size, random_state
        For the sake of scanpy; nothing depends on them.
    return_info
        For a matrix, whether components, shares of variance and variances are returned as well.
    mask_var
        Genes that are looked at: a column of ``var``, or truth values; ``highly_variable`` if it is there.
    use_highly_variable
        The same in older words.
    dtype
        Type of the scores.
    key_added
        Name in ``obsm``, ``varm`` and ``uns``, for ``X_pca``, ``PCs`` and ``pca``.
    copy
        Whether a changed copy is returned.
    """
    if not isinstance(data, ad.AnnData):
        matrix = LazyMatrix.wrap(data)
        scores, loadings, variance, share = _fit(matrix, n_comps, zero_center)
        scores = scores.astype(dtype, copy=False)
        return (scores, loadings.T, share, variance) if return_info else scores
    adata = data.copy() if copy else data
    name = _mask(adata, mask_var, use_highly_variable)
    mask = mask_of(adata, name)
    matrix = LazyMatrix.wrap(stored(adata, layer))
    if mask is not None:
        matrix = matrix.view(None, mask)
    scores, loadings, variance, share = _fit(matrix, n_comps, zero_center)
    if mask is not None:
        own, loadings = loadings, np.zeros((adata.n_vars, loadings.shape[1]))
        loadings[mask] = own
    in_obsm, in_varm, in_uns = ("X_pca", "PCs", "pca") if key_added is None else [key_added] * 3
    adata.obsm[in_obsm] = scores.astype(dtype, copy=False)
    adata.varm[in_varm] = loadings
    params: dict[str, Any] = {
        "zero_center": zero_center,
        "use_highly_variable": isinstance(name, str) and name == "highly_variable",
        "mask_var": name,
    }
    if layer is not None:
        params["layer"] = layer
    adata.uns[in_uns] = {"params": params, "variance": variance, "variance_ratio": share}
    return adata if copy else None


def _fit(
    matrix: LazyMatrix, n_comps: int | None, zero_center: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    found = engine().pca(matrix._matrix, n_comps, bool(zero_center))
    kind = matrix.dtype if matrix.dtype == np.float32 else np.dtype(np.float64)
    variance, share = (found[name].astype(kind, copy=False) for name in ("variance", "variance_ratio"))
    count = len(variance)
    loadings = found["components"].reshape(-1, count).astype(kind, copy=False)
    return found["scores"].reshape(-1, count), loadings, variance, share


def _mask(adata: ad.AnnData, mask_var: Any, use_highly_variable: bool | None) -> Any:
    if use_highly_variable is not None:
        old = 'mask_var="highly_variable"' if use_highly_variable else "mask_var=None"
        msg = f"Argument `use_highly_variable` is deprecated, consider using the mask argument: {old}."
        warnings.warn(msg, FutureWarning, stacklevel=3)
        if use_highly_variable and "highly_variable" not in adata.var.columns:
            msg = (
                "Did not find `adata.var['highly_variable']`. Either your data already only consists of "
                "highly-variable genes or consider running `pp.highly_variable_genes` first."
            )
            raise ValueError(msg)
        return "highly_variable" if use_highly_variable else None
    if mask_var is _UNSET:
        return "highly_variable" if "highly_variable" in adata.var.columns else None
    return mask_var
