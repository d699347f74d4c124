"""Quality control and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd

from .._engine import engine
from .._matrix import LazyMatrix
from .._steps import log, look, options

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def calculate_qc_metrics(
    adata: ad.AnnData,
    *,
    expr_type: str = "counts",
    var_type: str = "genes",
    qc_vars: Collection[str] | str = (),
    percent_top: Sequence[int] | None = (50, 100, 200, 500),
    layer: str | None = None,
    use_raw: bool = False,
    inplace: bool = False,
    log1p: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Counts of cells and of genes: :func:`scanpy.pp.calculate_qc_metrics`. One pass.

    Parameters
    ----------
    adata
        Cells and genes.
    expr_type, var_type
        Words in the names of the columns.
    qc_vars
        Columns of ``var`` that mark sets of genes.
    percent_top
        Shares of so many of the highest values of a cell; ``None`` for none.
    layer, use_raw
        What is looked at instead of ``X``.
    inplace
        Whether columns are added to ``obs`` and ``var``; else they are returned.
    log1p
        Whether logarithms are given too.
    """
    matrix = look(adata, layer, use_raw=use_raw)
    names = [qc_vars] if isinstance(qc_vars, str) else list(qc_vars)
    var = adata.raw.var if use_raw else adata.var
    sets = [var[name].to_numpy().astype(bool).tolist() for name in names]
    tops = sorted(int(top) for top in percent_top or ())
    if tops and (tops[0] < 1 or tops[-1] > matrix.shape[1]):
        msg = "Positions outside range of features."
        raise IndexError(msg)
    given = options(expr_type=expr_type, var_type=var_type, qc_vars=names, percent_top=tops, log1p=bool(log1p))
    cells, genes = engine().qc_metrics(matrix._matrix, given, sets)
    if matrix.format == "csc" and (matrix._matrix.nnz or 0) < 2**31:
        # Scipy counts them by pointers.
        name = f"n_cells_by_{expr_type}"
        genes[name] = genes[name].astype(np.int32)
    obs_metrics = pd.DataFrame(cells, index=adata.obs_names)
    var_metrics = pd.DataFrame(genes, index=var.index)
    if not inplace:
        return obs_metrics, var_metrics
    adata.obs[obs_metrics.columns] = obs_metrics
    adata.var[var_metrics.columns] = var_metrics
    return None


def filter_cells(
    data: Any,
    *,
    min_counts: float | None = None,
    min_genes: int | None = None,
    max_counts: float | None = None,
    max_genes: int | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> Any:
    """Keeps cells with enough counts or genes, or not too many: :func:`scanpy.pp.filter_cells`. One pass.

    Parameters
    ----------
    data
        Cells and genes; of a matrix, the mask and the numbers are returned.
    min_counts, min_genes, max_counts, max_genes
        The limit; one of them.
    inplace
        Whether the other cells leave ``data``, which costs nothing for lazy matrices; else the mask and the numbers are
        returned.
    copy
        Whether a filtered copy is returned.
    """
    limits = {"min_counts": min_counts, "min_genes": min_genes, "max_counts": max_counts, "max_genes": max_genes}
    column = "n_counts" if min_genes is None and max_genes is None else "n_genes"
    return _filter(data, limits, column, 0, inplace=inplace, copy=copy)


def filter_genes(
    data: Any,
    *,
    min_counts: float | None = None,
    min_cells: int | None = None,
    max_counts: float | None = None,
    max_cells: int | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> Any:
    """Keeps genes with enough counts or cells, or not too many: :func:`scanpy.pp.filter_genes`. One pass.

    Parameters
    ----------
    data
        Cells and genes; of a matrix, the mask and the numbers are returned.
    min_counts, min_cells, max_counts, max_cells
        The limit; one of them.
    inplace
        Whether the other genes leave ``data``, which costs nothing for lazy matrices; else the mask and the numbers are
        returned.
    copy
        Whether a filtered copy is returned.
    """
    limits = {"min_counts": min_counts, "min_cells": min_cells, "max_counts": max_counts, "max_cells": max_cells}
    column = "n_counts" if min_cells is None and max_cells is None else "n_cells"
    return _filter(data, limits, column, 1, inplace=inplace, copy=copy)


def _filter(data: Any, limits: dict[str, Any], column: str, axis: int, *, inplace: bool, copy: bool) -> Any:
    given = [(name, limit) for name, limit in limits.items() if limit is not None]
    if len(given) != 1:
        names = ", ".join(f"`{name}`" for name in limits)
        msg = f"Only provide one of the optional parameters {names} per call."
        raise ValueError(msg)
    [(name, limit)] = given
    annotated = isinstance(data, ad.AnnData)
    adata = data.copy() if annotated and copy else data
    matrix = look(adata) if annotated else LazyMatrix.wrap(data)
    numbers = engine().filter_counts(matrix._matrix)[axis][column]
    mask = numbers >= limit if name.startswith("min_") else numbers <= limit
    if not annotated or not inplace:
        return mask, numbers
    log.info("filtered out %d %s", int(np.sum(~mask)), "genes" if axis else "cells")
    if axis:
        adata.var[column] = numbers
        adata._inplace_subset_var(mask)
    else:
        adata.obs[column] = numbers
        adata._inplace_subset_obs(mask)
    return adata if copy else None
