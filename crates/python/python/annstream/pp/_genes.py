"""Highly variable genes."""

from __future__ import annotations

import warnings
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from .._engine import engine
from .._steps import check, look, options

_COUNTS = ("seurat_v3", "seurat_v3_paper")


def highly_variable_genes(
    adata: ad.AnnData,
    *,
    layer: str | None = None,
    n_top_genes: int | None = None,
    min_disp: float = 0.5,
    max_disp: float = np.inf,
    min_mean: float = 0.0125,
    max_mean: float = 3,
    span: float = 0.3,
    n_bins: int = 20,
    flavor: str = "seurat",
    subset: bool = False,
    inplace: bool = True,
    batch_key: str | None = None,
    check_values: bool = True,
) -> pd.DataFrame | None:
    """Marks the genes that vary: :func:`scanpy.pp.highly_variable_genes`. One pass; two for counts.

    Genes with equal scores stand in their order, where scanpy's sort decides. ``seurat_v3`` needs no other package.

    Parameters
    ----------
    adata
        Cells and genes: logarithms, for ``flavor="seurat_v3"`` and ``"seurat_v3_paper"`` counts.
    layer
        What is looked at instead of ``X``.
    n_top_genes
        How many genes are marked; the limits below are not looked at then.
    min_disp, max_disp, min_mean, max_mean
        Limits of dispersions and means.
    span
        Share of the genes that the curve of ``seurat_v3`` looks at in one place.
    n_bins
        Bins of means.
    flavor
        ``"seurat"``, ``"cell_ranger"``, ``"seurat_v3"`` or ``"seurat_v3_paper"``.
    subset
        Whether the other genes leave ``adata``.
    inplace
        Whether columns are added to ``var``; else they are returned, in the same order.
    batch_key
        Column of ``obs``: genes are chosen in each of its groups, and the choices are joined.
    check_values
        Whether there is a warning if the first cells do not hold counts.
    """
    if flavor not in ("seurat", "cell_ranger", *_COUNTS):
        msg = f"`flavor` needs to be 'seurat', 'cell_ranger', 'seurat_v3' or 'seurat_v3_paper', found {flavor!r}"
        raise ValueError(msg)
    check(adata)
    matrix = look(adata, layer)
    if flavor in _COUNTS and check_values:
        warn_of_fractions(matrix, f"flavor='{flavor}'")
    exponentials = None
    if flavor == "seurat":
        base = adata.uns.get("log1p", {}).get("base")
        exponentials = 1.0 if base is None else float(np.log(base))
    given = options(
        flavor=flavor,
        n_top_genes=n_top_genes,
        min_disp=min_disp,
        max_disp=max_disp,
        min_mean=min_mean,
        max_mean=max_mean,
        span=span,
        n_bins=n_bins,
        batched=bool(batch_key),
    )
    names = adata.var_names.astype(str).tolist()
    batches = batches_of(adata, batch_key) if batch_key else None
    columns = engine().highly_variable_genes(matrix._matrix, names, given, exponentials, batches)
    return place(adata, columns, {"flavor": flavor}, subset=subset, inplace=inplace)


def place(
    adata: ad.AnnData, columns: dict[str, np.ndarray], entry: dict[str, Any], *, subset: bool, inplace: bool
) -> pd.DataFrame | None:
    """Puts columns into ``var``, or gives them back."""
    frame = pd.DataFrame(columns, index=adata.var_names)
    chosen = frame["highly_variable"].to_numpy()
    if not inplace:
        return frame.loc[chosen] if subset else frame
    adata.uns["hvg"] = entry
    for name in frame.columns:
        adata.var[name] = frame[name]
    if subset:
        adata._inplace_subset_var(chosen)
    return None


def batches_of(adata: ad.AnnData, key: str) -> tuple[np.ndarray, list[str]]:
    """The batch of each cell, and the names of those that have cells."""
    if key not in adata.obs.columns:
        msg = f"Did not find {key!r} in `adata.obs`."
        raise KeyError(msg)
    column = adata.obs[key].astype("category").cat.remove_unused_categories()
    codes = column.cat.codes.to_numpy()
    if (codes < 0).any():
        msg = f"the batch column {key!r} has no value for some cells"
        raise ValueError(msg)
    return codes.astype(np.uint32), [str(name) for name in column.cat.categories]


def warn_of_fractions(matrix: Any, flavor: str) -> None:
    """Warns if the first cells hold something else than counts."""
    block = matrix[: min(1000, matrix.shape[0])]
    values = block.data if hasattr(block, "tocsr") else block
    if values.dtype.kind not in "biu" and not ((values >= 0) & (values % 1 == 0)).all():
        msg = f"`{flavor}` expects raw count data, but non-integers were found."
        warnings.warn(msg, UserWarning, stacklevel=3)
