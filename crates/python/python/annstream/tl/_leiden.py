"""Communities of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from natsort import natsorted

from .. import _annstream
from .._matrix import LazyMatrix
from .._steps import check, graph_of, options, pointers, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def leiden(
    adata: ad.AnnData,
    resolution: float = 1,
    *,
    restrict_to: tuple[str, Sequence[str]] | None = None,
    random_state: int = 0,
    key_added: str = "leiden",
    adjacency: Any = None,
    directed: bool | None = None,
    use_weights: bool = True,
    n_iterations: int = -1,
    neighbors_key: str | None = None,
    obsp: str | None = None,
    copy: bool = False,
    flavor: str = "leidenalg",
    objective_function: str = "modularity",
) -> ad.AnnData | None:
    """Communities of the graph of neighbours: :func:`scanpy.tl.leiden`.

    Both flavors are one algorithm here, which needs neither package; communities are as good, but numbers are drawn
    otherwise, so that single cells may fall elsewhere. ``partition_type`` is not there.

    Parameters
    ----------
    adata
        Cells with a graph of neighbours.
    resolution
        The higher, the more communities.
    restrict_to
        A column of ``obs`` and some of its groups: only these are divided.
    random_state
        Seed.
    key_added
        Name in ``obs`` and ``uns``.
    adjacency, obsp, neighbors_key
        The graph, or where it is.
    directed
        Whether edges have directions; makes a difference only where the graph is not symmetric.
    use_weights
        Whether edges count by their weights.
    n_iterations
        Iterations; until one improves nothing, if negative.
    copy
        Whether a changed copy is returned.
    flavor
        ``"leidenalg"`` or ``"igraph"``.
    objective_function
        ``"modularity"`` or ``"CPM"``.
    """
    if flavor not in ("igraph", "leidenalg"):
        msg = f"flavor must be either 'igraph' or 'leidenalg', but {flavor!r} was passed"
        raise ValueError(msg)
    if flavor == "igraph" and directed:
        msg = "Cannot use igraph's leiden implementation with a directed graph."
        raise ValueError(msg)
    check(adata)
    adata = adata.copy() if copy else adata
    graph = graph_of(adata, neighbors_key, obsp) if adjacency is None else adjacency
    graph = graph.to_memory() if isinstance(graph, LazyMatrix) else graph.tocsr()
    chosen = None if restrict_to is None else _chosen(adata, *restrict_to)
    if chosen is not None:
        graph = graph[chosen][:, chosen]
    given = options(
        objective=objective_function.lower(),
        resolution=float(resolution),
        n_iterations=int(n_iterations),
        directed=flavor == "leidenalg" if directed is None else bool(directed),
        use_weights=bool(use_weights),
        random_state=whole(random_state, "random_state"),
    )
    found = _annstream.leiden(pointers(graph), given)
    labels = found["labels"].astype("U")
    if restrict_to is not None:
        column, groups = restrict_to
        key_added = "leiden_R" if key_added == "leiden" else key_added
        all_labels = adata.obs[column].astype("U").to_numpy(dtype=object, copy=True)
        all_labels[chosen] = [f"{'-'.join(groups)},{label}" for label in labels]
        labels = all_labels.astype("U")
    adata.obs[key_added] = pd.Categorical(labels, categories=natsorted(np.unique(labels)))
    params = {"resolution": resolution, "random_state": random_state, "n_iterations": n_iterations}
    adata.uns[key_added] = {"params": params, "modularity": found["modularity"]}
    return adata if copy else None


def _chosen(adata: ad.AnnData, column: str, groups: Sequence[str]) -> np.ndarray:
    if isinstance(groups, str) or not all(isinstance(group, str) for group in groups):
        msg = "You need to use strings to label categories, e.g. '1' instead of 1."
        raise ValueError(msg)
    for group in groups:
        if group not in adata.obs[column].astype("category").cat.categories:
            msg = f"'{group}' is not a valid category for '{column}'"
            raise ValueError(msg)
    return np.flatnonzero(adata.obs[column].isin(groups).to_numpy())
