"""Harmony by the names of harmonypy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...pp import harmony_integrate as integrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad

# What parameters of harmonypy are called here.
_NAMES = {
    "theta": "theta",
    "lamb": "ridge_lambda",
    "sigma": "sigma",
    "nclust": "n_clusters",
    "tau": "tau",
    "block_size": "block_proportion",
    "max_iter_harmony": "max_iter_harmony",
    "max_iter_kmeans": "max_iter_clustering",
    "epsilon_cluster": "tol_clustering",
    "epsilon_harmony": "tol_harmony",
    "alpha": "alpha",
    "batch_prop_cutoff": "batch_prune_threshold",
    "random_state": "random_state",
}
# Those that say how it is computed, not what.
_OTHERS = ("verbose", "ncores", "device")


def harmony_integrate(
    adata: ad.AnnData,
    key: str | Sequence[str],
    *,
    basis: str = "X_pca",
    adjusted_basis: str = "X_pca_harmony",
    **kwargs: Any,
) -> None:
    """Takes the differences of batches out of an embedding: :func:`scanpy.external.pp.harmony_integrate`.

    Parameters
    ----------
    adata
        Cells with an embedding.
    key
        Columns of ``obs`` that tell the batches.
    basis, adjusted_basis
        The embedding in ``obsm``, and where the result goes.
    kwargs
        Parameters of ``harmonypy.run_harmony``; ``verbose``, ``ncores`` and ``device`` change nothing.
    """
    unknown = [name for name in kwargs if name not in _NAMES and name not in _OTHERS]
    if unknown:
        msg = f"harmonypy.run_harmony has no parameter {unknown[0]!r}"
        raise TypeError(msg)
    given = {_NAMES[name]: value for name, value in kwargs.items() if name in _NAMES and value is not None}
    integrate(adata, key, basis=basis, adjusted_basis=adjusted_basis, **given)
