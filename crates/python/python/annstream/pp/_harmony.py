"""An embedding without the differences of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _annstream
from .._steps import check, log, options, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def harmony_integrate(
    adata: ad.AnnData,
    key: str | Sequence[str],
    *,
    basis: str = "X_pca",
    adjusted_basis: str = "X_pca_harmony",
    dtype: Any = np.float64,
    n_clusters: int | None = None,
    max_iter_harmony: int = 10,
    max_iter_clustering: int = 4,
    tol_harmony: float = 1e-2,
    tol_clustering: float = 1e-3,
    sigma: float = 0.1,
    theta: float | Sequence[float] = 2.0,
    tau: float = 0,
    ridge_lambda: float | Sequence[float] | None = None,
    alpha: float = 0.2,
    batch_prune_threshold: float = 1e-5,
    block_proportion: float = 0.05,
    random_state: int = 0,
) -> None:
    """Takes the differences of batches out of an embedding, by Harmony.

    Names are those of ``scanpy.pp.harmony_integrate`` of 1.13; the algorithm and its defaults those of harmonypy 2.1,
    which :func:`scanpy.external.pp.harmony_integrate` calls (see :func:`annstream.external.pp.harmony_integrate` for
    its names). Where clusters begin is drawn otherwise; the same seed gives the same bits for any number of threads.

    Parameters
    ----------
    adata
        Cells with an embedding.
    key
        Columns of ``obs`` that tell the batches; several have an effect each.
    basis, adjusted_basis
        The embedding in ``obsm``, and where the result goes.
    dtype
        Type of the result.
    n_clusters
        Number of clusters; one for 30 cells by default, 100 at most.
    max_iter_harmony, max_iter_clustering
        Turns of clustering and correction, and rounds of clustering in a turn, at most.
    tol_harmony, tol_clustering
        Turns and rounds end when the objective changes by less than this part.
    sigma
        Width of clusters.
    theta
        How strongly batches are mixed: one number, or one for each key.
    tau
        Cells that a batch should have for each cluster; smaller ones are mixed less.
    ridge_lambda
        Penalty of the effects of batches: one number, or one for each key; by ``alpha`` by default.
    alpha
        The penalty, in parts of the cells that a cluster would have of a batch if all were evenly mixed.
    batch_prune_threshold
        Share of its cells up to which a batch is not looked at in a cluster.
    block_proportion
        Share of the cells that change clusters together.
    random_state
        Seed.
    """
    check(adata)
    keys = [key] if isinstance(key, str) else list(key)
    if basis not in adata.obsm:
        msg = f"there is no {basis!r} in obsm; it has {list(adata.obsm)}"
        raise KeyError(msg)
    values = np.ascontiguousarray(np.asarray(adata.obsm[basis]), dtype=np.float64)
    given = options(
        n_clusters=n_clusters,
        max_iter_harmony=max_iter_harmony,
        max_iter_clustering=max_iter_clustering,
        tol_harmony=float(tol_harmony),
        tol_clustering=float(tol_clustering),
        sigma=float(sigma),
        theta=_numbers(theta),
        tau=float(tau),
        ridge_lambda=None if ridge_lambda is None else _numbers(ridge_lambda),
        alpha=float(alpha),
        batch_prune_threshold=float(batch_prune_threshold),
        block_proportion=float(block_proportion),
        random_state=whole(random_state, "random_state"),
    )
    found, settled = _annstream.harmony_integrate(values, [_batches(adata, name) for name in keys], given)
    if not settled:
        log.info("harmony: the objective was still falling after %d turns", max_iter_harmony)
    adata.obsm[adjusted_basis] = found.reshape(values.shape).astype(dtype, copy=False)


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in np.atleast_1d(values)]


def _batches(adata: ad.AnnData, name: str) -> np.ndarray:
    if name not in adata.obs.columns:
        msg = f"there is no {name!r} in obs; it has {list(adata.obs.columns)}"
        raise KeyError(msg)
    codes, _ = pd.factorize(adata.obs[name], sort=True)
    if (codes < 0).any():
        msg = f"obs[{name!r}] has no value for {int((codes < 0).sum())} cells, so that they are of no batch"
        raise ValueError(msg)
    return codes.astype(np.uint32)
