"""Nearest neighbours."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
from scipy import sparse

from .. import _annstream
from .._steps import check, log, look, options, whole
from ._components import pca

if TYPE_CHECKING:
    from collections.abc import Mapping

# Whether a search is exact, by scanpy's names of transformers.
_EXACT = {"sklearn": True, "pynndescent": False}


def neighbors(
    adata: ad.AnnData,
    n_neighbors: int = 15,
    n_pcs: int | None = None,
    *,
    use_rep: str | None = None,
    knn: bool = True,
    method: str = "umap",
    transformer: Any = None,
    metric: str = "euclidean",
    metric_kwds: Mapping[str, Any] = MappingProxyType({}),
    random_state: int = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> ad.AnnData | None:
    """The graph of nearest neighbours: :func:`scanpy.pp.neighbors`.

    Exact up to 16,384 cells, and nearly so beyond (99.8 %).

    Parameters
    ----------
    adata
        Cells.
    n_neighbors
        Neighbours of a cell, itself included.
    n_pcs
        Dimensions of the embedding that are used; 0 for ``X``.
    use_rep
        The embedding in ``obsm``, or ``"X"``. By default ``X_pca``, which is computed if it is not there, or ``X``
        of at most 50 genes.
    knn
        ``True``: weights of all pairs of cells are not offered.
    method
        ``"umap"`` or ``"gauss"``: what makes weights of distances.
    transformer
        ``"sklearn"`` for an exact search, ``"pynndescent"`` for an approximate one, whatever the number of cells; both
        are annstream's own. Objects are not offered.
    metric
        ``"euclidean"``, ``"cosine"``, ``"correlation"`` or ``"manhattan"``.
    metric_kwds
        Empty: none of these metrics has any.
    random_state
        Seed of the approximate search.
    key_added
        Name in ``uns``, and before those in ``obsp``.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    _offered(adata, knn, method, transformer, metric, metric_kwds)
    adata = adata.copy() if copy else adata
    chosen = representation(adata, use_rep, n_pcs)
    chosen = chosen.toarray() if hasattr(chosen, "toarray") else chosen
    values = np.ascontiguousarray(chosen, dtype=np.float32)
    given = options(
        n_neighbors=whole(n_neighbors, "n_neighbors"),
        method=method,
        metric=metric,
        random_state=whole(random_state, "random_state"),
    )
    exact = None if transformer is None else _EXACT[transformer]
    distances, connectivities, count = _annstream.neighbors(values, given, exact)
    before = "" if key_added is None else f"{key_added}_"
    in_distances, in_graph = f"{before}distances", f"{before}connectivities"
    params: dict[str, Any] = {
        "n_neighbors": count,
        "method": method,
        "random_state": random_state,
        "metric": metric,
    }
    if use_rep is not None:
        params["use_rep"] = use_rep
    if n_pcs is not None:
        params["n_pcs"] = n_pcs
    adata.uns["neighbors" if key_added is None else key_added] = {
        "connectivities_key": in_graph,
        "distances_key": in_distances,
        "params": params,
    }
    adata.obsp[in_distances] = _square(distances, adata.n_obs)
    adata.obsp[in_graph] = _square(connectivities, adata.n_obs)
    return adata if copy else None


def _square(rows: tuple[np.ndarray, np.ndarray, np.ndarray], cells: int) -> sparse.csr_matrix:
    data, ids, at = rows
    small = np.int32 if len(data) < 2**31 else np.int64
    return sparse.csr_matrix((data, ids.astype(small), at.astype(small)), shape=(cells, cells))


def _offered(
    adata: ad.AnnData, knn: bool, method: str, transformer: Any, metric: Any, metric_kwds: Mapping[str, Any]
) -> None:
    """Refuses what is not there, and says what is."""
    if not knn:
        size = adata.n_obs**2 * 8 / 2**30
        msg = f"knn=False: weights of all pairs of cells take {size:.1f} GiB; use scanpy.pp.neighbors, or knn=True"
        raise NotImplementedError(msg)
    if method not in ("umap", "gauss"):
        msg = f"method {method!r}, expected 'umap' or 'gauss'"
        raise NotImplementedError(msg)
    if transformer is not None and (not isinstance(transformer, str) or transformer not in _EXACT):
        msg = f"transformer {transformer!r}, expected None or one of {', '.join(map(repr, _EXACT))}"
        raise NotImplementedError(msg)
    if not isinstance(metric, str) or metric_kwds:
        msg = "a metric that is a function or has parameters, expected one of those that are named"
        raise NotImplementedError(msg)


def representation(adata: ad.AnnData, use_rep: str | None, n_pcs: int | None) -> Any:
    """The embedding that scanpy would choose, or ``X`` as a lazy matrix."""
    if use_rep is None:
        if n_pcs == 0 or adata.n_vars <= 50:
            use_rep = "X"
        elif "X_pca" not in adata.obsm:
            log.warning("there is no X_pca in obsm: computing it with default parameters")
            pca(adata, n_comps=n_pcs)
            use_rep = "X_pca"
        else:
            use_rep = "X_pca"
    if use_rep in adata.obsm:
        values = adata.obsm[use_rep]
        values = values.to_numpy() if hasattr(values, "to_numpy") else values
        if n_pcs is not None and n_pcs > values.shape[1]:
            msg = f"{use_rep} does not have enough Dimensions. Provide a Representation with equal or more dimensions."
            raise ValueError(msg)
        values = values[:, :n_pcs]
    elif use_rep == "X":
        return look(adata)
    else:
        msg = f"Did not find {use_rep} in `.obsm.keys()`. You need to compute it first."
        raise ValueError(msg)
    return values if sparse.issparse(values) else np.asarray(values)
