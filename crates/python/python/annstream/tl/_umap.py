"""A picture of the graph of neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _annstream
from .._steps import check, graph_of, options, pointers, whole

if TYPE_CHECKING:
    import anndata as ad


def umap(
    adata: ad.AnnData,
    *,
    min_dist: float = 0.5,
    spread: float = 1.0,
    n_components: int = 2,
    maxiter: int | None = None,
    alpha: float = 1.0,
    gamma: float = 1.0,
    negative_sample_rate: int = 5,
    init_pos: Any = "spectral",
    random_state: int = 0,
    a: float | None = None,
    b: float | None = None,
    key_added: str | None = None,
    neighbors_key: str | None = "neighbors",
    copy: bool = False,
) -> ad.AnnData | None:
    """A picture in which neighbours are near: :func:`scanpy.tl.umap`.

    The same forces and as good a picture, but another one: moves are drawn otherwise. It is the same for any number of
    threads. ``init_pos="paga"`` is not there.

    Parameters
    ----------
    adata
        Cells with a graph of neighbours.
    min_dist, spread
        Distance of points in one place, and the scale of distances.
    n_components
        Dimensions.
    maxiter
        Epochs.
    alpha, gamma, negative_sample_rate
        Learning rate, weight of what pushes, and points that push for each edge that pulls.
    init_pos
        ``"spectral"``, ``"random"``, a name in ``obsm``, or positions. More than 10,000 cells begin spectrally at the
        picture of a coarser graph.
    random_state
        Seed.
    a, b
        The curve, instead of that of ``min_dist`` and ``spread``.
    key_added
        Name in ``obsm`` and ``uns``, for ``X_umap`` and ``umap``.
    neighbors_key
        Name in ``uns`` that tells of the graph.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    adata = adata.copy() if copy else adata
    graph = graph_of(adata, neighbors_key)
    if isinstance(init_pos, str) and init_pos in adata.obsm:
        init_pos = adata.obsm[init_pos]
    if isinstance(init_pos, str) and init_pos == "pca" and "X_pca" in adata.obsm:
        init_pos = adata.obsm["X_pca"]
    start, way = (None, init_pos) if isinstance(init_pos, str) or init_pos is None else (init_pos, None)
    if way not in (None, "spectral", "random"):
        msg = f"init_pos is {way!r}, expected 'spectral', 'random', a name in `.obsm`, or positions"
        raise ValueError(msg)
    if start is not None:
        start = np.ascontiguousarray(start, dtype=np.float32)
    both = a is not None and b is not None
    given = options(
        min_dist=float(min_dist),
        spread=float(spread),
        n_components=n_components,
        maxiter=maxiter,
        alpha=float(alpha),
        gamma=float(gamma),
        negative_sample_rate=negative_sample_rate,
        init_pos=way,
        random_state=whole(random_state, "random_state"),
        a=float(a) if both else None,
        b=float(b) if both else None,
    )
    positions, a, b = _annstream.umap(pointers(graph), given, start)
    in_obsm, in_uns = ("X_umap", "umap") if key_added is None else [key_added] * 2
    params: dict[str, Any] = {"a": a, "b": b}
    if random_state != 0:
        params["random_state"] = random_state
    adata.uns[in_uns] = {"params": params}
    adata.obsm[in_obsm] = positions.reshape(adata.n_obs, n_components)
    return adata if copy else None
