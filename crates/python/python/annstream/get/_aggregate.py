"""Cells of a group as one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from .. import _annstream
from .._matrix import LazyMatrix
from .._steps import check, stored
from ..pp._sample import axis_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_FUNCTIONS = ("sum", "count_nonzero", "var", "mean")
# Rows of a piece whose genes are added up.
_ROWS = 10_000


def aggregate(
    adata: ad.AnnData,
    by: str | Collection[str],
    func: str | Iterable[str],
    *,
    axis: str | int | None = None,
    mask: Any = None,
    dof: int = 1,
    layer: str | None = None,
    obsm: str | None = None,
    varm: str | None = None,
) -> ad.AnnData:
    """Adds up the cells, or genes, of each group (pseudobulk): :func:`scanpy.get.aggregate`. One pass.

    In memory are groups x genes x 8 bytes for each of sums, squares and counts. ``"median"`` is not offered, and
    neither are cells without a value in a column of ``by``, which scanpy adds to the last group.

    Parameters
    ----------
    adata
        Cells and genes.
    by
        Columns of ``obs``; of several, each combination that occurs is a group.
    func
        ``"sum"``, ``"mean"``, ``"var"`` or ``"count_nonzero"``, or several of them: a layer of the result each.
    axis
        What is grouped: ``"obs"`` (0), the default, or ``"var"`` (1).
    mask
        Cells that are looked at: truth values, or the name of a column; means are of all cells of a group, as in
        scanpy.
    dof
        Degrees of freedom that ``"var"`` takes off.
    layer, obsm, varm
        What is looked at instead of ``X``.
    """
    check(adata)
    functions = [func] if isinstance(func, str) else list(func)
    unknown = [name for name in functions if name not in (*_FUNCTIONS, "median")]
    if unknown:
        msg = f"func {unknown[0]!r} is not one of {', '.join(map(repr, _FUNCTIONS))}"
        raise ValueError(msg)
    if "median" in functions:
        msg = "the median takes a group into memory; use scanpy.get.aggregate on `adata.to_memory()`"
        raise NotImplementedError(msg)
    if sum(name is not None for name in (layer, obsm, varm)) > 1:
        msg = "Please only provide one (or none) of varm, obsm, or layer"
        raise TypeError(msg)
    at = (1 if varm else 0) if axis is None else axis_of(axis)
    if (varm is not None and at == 0) or (obsm is not None and at == 1):
        msg = "obsm goes with axis 0, and varm with axis 1"
        raise ValueError(msg)
    table = (adata.obs, adata.var)[at]
    codes, labels = _combined(table, [by] if isinstance(by, str) else list(by))
    chosen = _chosen(table, mask)
    values, names = _values(adata, layer, obsm, varm, at)
    groups = _Groups(codes, len(labels), chosen)
    if at == 0 or varm is not None:
        sums = groups.of_rows(LazyMatrix.wrap(values), functions)
    else:
        sums = groups.of_columns(LazyMatrix.wrap(values), functions)
    precision = 2.0 ** (42 if np.dtype(values.dtype) == np.float64 else 20) * 2
    layers = groups.layers(sums, functions, dof, precision)
    result = ad.AnnData(layers=layers, obs=labels, var=names)
    return result.T if at == 1 else result


def _combined(table: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """The group of each row, and a table of the groups that occur, in the order of categories."""
    keys = {name: pd.Categorical(table[name]).remove_unused_categories() for name in columns}
    for name, key in keys.items():
        if (key.codes < 0).any():
            msg = f"the column {name!r} has no value in {int((key.codes < 0).sum())} rows; leave them out first"
            raise ValueError(msg)
    extents = [len(key.categories) for key in keys.values()]
    all_codes = np.ravel_multi_index([key.codes for key in keys.values()], extents) if len(table) else np.empty(0, int)
    present, codes = np.unique(all_codes, return_inverse=True)
    parts = np.unravel_index(present, extents) if len(present) else [np.empty(0, int)] * len(columns)
    names = ["_".join(map(str, parts)) for parts in product(*[key.categories for key in keys.values()])]
    labels = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(part, key.categories)
            for (name, key), part in zip(keys.items(), parts, strict=True)
        },
        index=pd.Index([names[place] for place in present], dtype=object),
    )
    return codes, labels


def _chosen(table: pd.DataFrame, mask: Any) -> np.ndarray | None:
    if mask is None:
        return None
    values = table[mask].to_numpy() if isinstance(mask, str) else np.asarray(mask)
    if values.shape != (len(table),) or values.dtype != bool:
        msg = f"the mask is of shape {values.shape} and type {values.dtype}, expected {len(table)} truth values"
        raise ValueError(msg)
    return values


def _values(
    adata: ad.AnnData, layer: str | None, obsm: str | None, varm: str | None, axis: int
) -> tuple[Any, pd.DataFrame]:
    """What is added up, and a table of what stays apart."""
    if obsm is None and varm is None:
        return stored(adata, layer), (adata.var, adata.obs)[axis]
    values = adata.obsm[obsm] if varm is None else adata.varm[varm]
    if isinstance(values, pd.DataFrame):
        return values.to_numpy(), pd.DataFrame(index=values.columns)
    return values, pd.DataFrame(index=pd.RangeIndex(values.shape[1]).astype(str))


class _Groups:
    """Which rows or columns belong together; those that a mask leaves out count as members, as in scanpy."""

    def __init__(self, codes: np.ndarray, count: int, chosen: np.ndarray | None) -> None:
        self.count = count
        self.sizes = np.bincount(codes, minlength=count).astype(np.float64)
        self.chosen = chosen
        self.codes = codes if chosen is None else codes[chosen]

    def of_rows(self, matrix: LazyMatrix, functions: list[str]) -> dict[str, np.ndarray]:
        """Sums of groups of rows: groups x columns."""
        matrix = matrix if self.chosen is None else matrix.view(self.chosen)
        wanted = {
            "sums": not {"sum", "mean", "var"}.isdisjoint(functions),
            "squares": "var" in functions,
            "nonzero": "count_nonzero" in functions,
        }
        flags = tuple(wanted.values())
        found = _annstream.group_sums(matrix._matrix, self.codes.astype(np.uint32), self.count, flags)
        return {name: found[name].reshape(self.count, matrix.shape[1]) for name, asked in wanted.items() if asked}

    def of_columns(self, matrix: LazyMatrix, functions: list[str]) -> dict[str, np.ndarray]:
        """Sums of groups of columns: groups x rows."""
        matrix = matrix if self.chosen is None else matrix.view(None, self.chosen)
        ones = np.ones(len(self.codes))
        members = sparse.csr_matrix((ones, (np.arange(len(ones)), self.codes)), shape=(len(ones), self.count))
        out: dict[str, list[np.ndarray]] = {"sums": [], "squares": [], "nonzero": []}
        for _, block in matrix.chunks(_ROWS):
            block = sparse.csr_matrix(block, dtype=np.float64)
            for name, values in (("sums", block), ("squares", block.multiply(block)), ("nonzero", block != 0)):
                out[name].append((sparse.csr_matrix(values) @ members).toarray())
        empty = np.empty((0, self.count))
        return {name: np.concatenate([empty, *parts]).T for name, parts in out.items()}

    def layers(
        self, sums: dict[str, np.ndarray], functions: list[str], dof: int, precision: float
    ) -> dict[str, np.ndarray]:
        """What is asked for, from sums, in the order and by the arithmetic of scanpy."""
        sizes = self.sizes[:, None]
        out = {}
        for name in _FUNCTIONS:
            if name not in functions:
                continue
            if name == "sum":
                out[name] = sums["sums"]
            elif name == "count_nonzero":
                out[name] = sums["nonzero"].astype(np.float64)
            elif name == "mean":
                out[name] = sums["sums"] / sizes
            else:
                mean = sums["sums"] / sizes
                squared = mean**2
                variance = sums["squares"] / sizes - squared
                # Less than the precision of the values says is no variance.
                variance[precision * variance < squared] = 0
                with np.errstate(divide="ignore", invalid="ignore"):
                    out[name] = variance if dof == 0 else variance * (sizes / (sizes - dof))
        return out
