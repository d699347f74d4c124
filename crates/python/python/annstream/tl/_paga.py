"""The graph of groups of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from .. import _annstream
from .._matrix import LazyMatrix
from .._steps import check

if TYPE_CHECKING:
    import anndata as ad


def paga(
    adata: ad.AnnData,
    groups: str | None = None,
    *,
    use_rna_velocity: bool = False,
    model: str = "v1.2",
    neighbors_key: str | None = None,
    copy: bool = False,
) -> ad.AnnData | None:
    """How strongly groups of cells are connected: :func:`scanpy.tl.paga`. One pass over the distances of neighbours.

    Of equally strong connections the tree takes the first; in scanpy an unstable sort decides.

    Parameters
    ----------
    adata
        Cells with a graph of neighbours.
    groups
        Column of ``obs``; ``leiden`` or ``louvain`` by default.
    use_rna_velocity
        Not offered.
    model
        ``"v1.2"``; ``"v1.0"`` is not offered.
    neighbors_key
        Name in ``uns`` that tells of the graph.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    if use_rna_velocity or model != "v1.2":
        msg = "paga with use_rna_velocity, or another model than 'v1.2'; use scanpy.tl.paga, which takes this AnnData"
        raise NotImplementedError(msg)
    key = "neighbors" if neighbors_key is None else neighbors_key
    if key not in adata.uns:
        msg = "You need to run `pp.neighbors` first to compute a neighborhood graph."
        raise ValueError(msg)
    groups = next((name for name in ("leiden", "louvain") if name in adata.obs), None) if groups is None else groups
    if groups is None:
        msg = "there is neither 'leiden' nor 'louvain' in obs; run `annstream.tl.leiden` first, or name a column"
        raise ValueError(msg)
    if groups not in adata.obs:
        msg = f"`groups` key {groups!r} not found in `adata.obs`."
        raise KeyError(msg)
    adata = adata.copy() if copy else adata
    adata.strings_to_categoricals()
    codes = adata.obs[groups].astype("category").cat.codes.to_numpy()
    if (codes < 0).any():
        msg = f"obs[{groups!r}] has no value for {int((codes < 0).sum())} cells"
        raise ValueError(msg)
    # As in scanpy, the result ends with the last group that has cells.
    count = int(codes.max(initial=-1)) + 1
    distances = LazyMatrix.wrap(adata.obsp[adata.uns[key].get("distances_key", "distances")])
    found = _annstream.paga(distances._matrix, codes.astype(np.uint32), count)
    entry = adata.uns.setdefault("paga", {})
    entry["connectivities"] = _square(found["connectivities"], count)
    entry["connectivities_tree"] = _square(found["tree"], count)
    entry["groups"] = groups
    adata.uns[f"{groups}_sizes"] = found["sizes"].astype(np.int64)
    return adata if copy else None


def _square(edges: dict[str, Any], count: int) -> sparse.csr_matrix:
    places = (edges["from"], edges["to"])
    return sparse.csr_matrix((edges["weight"], places), shape=(count, count), dtype=np.float64)
