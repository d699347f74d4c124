"""Trees of groups of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _annstream
from .._matrix import LazyMatrix
from .._steps import check, log, look
from ..pp._neighbors import representation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad


def dendrogram(
    adata: ad.AnnData,
    groupby: str | Sequence[str],
    *,
    n_pcs: int | None = None,
    use_rep: str | None = None,
    var_names: Sequence[str] | None = None,
    use_raw: bool | None = None,
    cor_method: str = "pearson",
    linkage_method: str = "complete",
    optimal_ordering: bool = False,
    key_added: str | None = None,
    inplace: bool = True,
) -> dict[str, Any] | None:
    """A tree of groups of cells by the correlation of their means: :func:`scanpy.tl.dendrogram`. One pass.

    Categories that no cell has are left out; scanpy fails there.

    Parameters
    ----------
    adata
        Cells.
    groupby
        Columns of ``obs`` of categories; of several, each combination of values is a group.
    n_pcs
        Dimensions of the embedding that are used.
    use_rep
        The embedding in ``obsm``, or ``"X"``, which is not loaded. By default ``X_pca``, or ``X`` of at most 50 genes.
    var_names
        Genes by which groups are compared, instead of an embedding. (Scanpy takes all genes whatever is named here.)
    use_raw
        Whether ``var_names`` are genes of ``raw``; if there is one, by default.
    cor_method
        ``"pearson"``, ``"spearman"`` or ``"kendall"``.
    linkage_method
        ``"complete"``, ``"single"``, ``"average"``, ``"weighted"``, ``"ward"``, ``"centroid"`` or ``"median"``.
    optimal_ordering
        Whether branches are swapped so that groups side by side are as near as they can be.
    key_added
        Name in ``uns``; ``dendrogram_`` and the columns by default.
    inplace
        Whether the result goes into ``uns``; else it is returned.
    """
    check(adata)
    columns = [groupby] if isinstance(groupby, str) else list(groupby)
    categories = _groups(adata, columns)
    matrix = _compared(adata, use_rep, n_pcs, var_names, use_raw)
    known = categories.cat.codes.to_numpy() >= 0
    if not known.all():
        matrix = matrix.view(known)
    names = [str(name) for name in categories.cat.categories]
    found = _annstream.dendrogram(
        matrix._matrix,
        categories.cat.codes.to_numpy()[known].astype(np.uint32),
        names,
        cor_method,
        linkage_method,
        bool(optimal_ordering),
    )
    leaves = found["leaves"].tolist()
    ordered = [names[leaf] for leaf in leaves]
    info = {
        "icoord": found["icoord"].reshape(-1, 4).tolist(),
        "dcoord": found["dcoord"].reshape(-1, 4).tolist(),
        "ivl": ordered,
        "leaves": leaves,
        "color_list": found["color_list"],
        "leaves_color_list": found["leaves_color_list"],
    }
    entry = {
        "linkage": found["linkage"].reshape(-1, 4),
        "groupby": columns,
        "use_rep": use_rep,
        "cor_method": cor_method,
        "linkage_method": linkage_method,
        "categories_ordered": ordered,
        "categories_idx_ordered": leaves,
        "dendrogram_info": info,
        "correlation_matrix": found["correlation"].reshape(len(names), len(names)),
    }
    if not inplace:
        return entry
    key = f"dendrogram_{'_'.join(columns)}" if key_added is None else key_added
    log.info("storing the tree in uns[%r]", key)
    adata.uns[key] = entry
    return None


def _groups(adata: ad.AnnData, columns: list[str]) -> pd.Series:
    """The group of each cell; without those that no cell has."""
    for name in columns:
        if name not in adata.obs:
            msg = f"groupby has to be a valid observation. Given value: {name}, it has: {adata.obs.columns.tolist()}"
            raise ValueError(msg)
        if not isinstance(adata.obs[name].dtype, pd.CategoricalDtype):
            msg = f"groupby has to be a categorical observation. Given value: {name}, type: {adata.obs[name].dtype}"
            raise ValueError(msg)
    joined = adata.obs[columns[0]]
    for name in columns[1:]:
        joined = (joined.astype(str) + "_" + adata.obs[name].astype(str)).astype("category")
    kept = joined.cat.remove_unused_categories()
    if len(kept.cat.categories) < len(joined.cat.categories):
        log.warning("%s: categories without cells are left out", ", ".join(columns))
    if len(kept.cat.categories) < 2:
        msg = f"{len(kept.cat.categories)} groups of cells in {', '.join(columns)}; expected 2 or more"
        raise ValueError(msg)
    return kept


def _compared(
    adata: ad.AnnData, use_rep: str | None, n_pcs: int | None, var_names: Any, use_raw: bool | None
) -> LazyMatrix:
    if var_names is None:
        return LazyMatrix.wrap(representation(adata, use_rep, n_pcs))
    use_raw = adata.raw is not None if use_raw is None else use_raw
    known = (adata.raw if use_raw else adata).var_names
    places = known.get_indexer([var_names] if isinstance(var_names, str) else list(var_names))
    if (places < 0).any():
        missing = [name for name, place in zip(var_names, places, strict=True) if place < 0]
        msg = f"genes that are not there: {missing}"
        raise KeyError(msg)
    return look(adata, use_raw=use_raw).view(None, np.sort(places))
