"""Diffusion maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _annstream
from .._steps import check, graph_of, log, pointers

if TYPE_CHECKING:
    import anndata as ad

# What `|A x - λ x|` should be below.
_EXPECTED = 1e-6


def diffmap(
    adata: ad.AnnData,
    n_comps: int = 15,
    *,
    neighbors_key: str | None = None,
    random_state: Any = 0,
    copy: bool = False,
) -> ad.AnnData | None:
    """Where a walk on the graph of neighbours goes slowly: :func:`scanpy.tl.diffmap`.

    In double precision, where scanpy has single; the largest entry of each vector is positive.

    Parameters
    ----------
    adata
        Cells with a graph of neighbours.
    n_comps
        Dimensions, 3 or more; the first one tells nothing.
    neighbors_key
        Name in ``uns`` that tells of the graph.
    random_state
        For the sake of scanpy; nothing depends on it.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    graph = graph_of(adata, neighbors_key)
    if n_comps <= 2:
        msg = "Provide any value greater than 2 for `n_comps`. "
        raise ValueError(msg)
    adata = adata.copy() if copy else adata
    found = _annstream.diffmap(pointers(graph), n_comps)
    if found["residual"] > _EXPECTED:
        log.warning("the search for eigenvectors was given up: they are off by %.1e", found["residual"])
    eigenvalues = found["eigenvalues"]
    adata.obsm["X_diffmap"] = found["positions"].reshape(adata.n_obs, len(eigenvalues))
    adata.uns["diffmap_evals"] = eigenvalues
    return adata if copy else None
