"""Some of the cells or genes, and some of the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np

from .._matrix import LazyMatrix
from .._steps import actual, check, like, put, stored, whole

if TYPE_CHECKING:
    from collections.abc import Collection


def sample(
    data: Any,
    fraction: float | None = None,
    *,
    n: int | None = None,
    rng: Any = None,
    copy: bool = False,
    replace: bool = False,
    axis: str | int = "obs",
    p: Any = None,
) -> Any:
    """Draws cells or genes: :func:`scanpy.pp.sample`; the same ones for the same seed. Lazy matrices are not read.

    Parameters
    ----------
    data
        Cells and genes; of a matrix, the rows or columns are returned with their positions.
    fraction
        The share that is drawn; more than 1 only with ``replace``.
    n
        How many are drawn.
    rng
        A seed, or a generator of numpy.
    copy
        Whether what is drawn is returned, and ``data`` stays.
    replace
        Whether one may be drawn again.
    axis
        ``"obs"`` (0) or ``"var"`` (1).
    p
        Probabilities or truth values, one for each, or the name of a column that has them.
    """
    at = axis_of(axis)
    annotated = isinstance(data, ad.AnnData)
    if annotated and data.isbacked and not copy:
        msg = "Inplace sampling (`copy=False`) is not implemented for backed objects."
        raise NotImplementedError(msg)
    extent = data.shape[at]
    size = _size(fraction, n, extent, replace=replace)
    generator = np.random.default_rng(rng)
    places = generator.choice(extent, size=size, replace=replace, p=_chances(data, p, at))
    return _taken(data, places, at, copy=copy)


def subsample(
    data: Any,
    fraction: float | None = None,
    *,
    n_obs: int | None = None,
    random_state: Any = 0,
    copy: bool = False,
) -> Any:
    """Draws cells: :func:`scanpy.pp.subsample`, by numpy's legacy generator. :func:`sample` is the newer one.

    Parameters
    ----------
    data
        Cells and genes; of a matrix, the rows are returned with their positions.
    fraction
        The share that is drawn.
    n_obs
        How many are drawn.
    random_state
        A seed, or a ``RandomState`` of numpy.
    copy
        Whether what is drawn is returned, and ``data`` stays.
    """
    if isinstance(data, ad.AnnData) and data.isbacked and not copy:
        msg = "Inplace sampling (`copy=False`) is not implemented for backed objects."
        raise NotImplementedError(msg)
    size = _size(fraction, n_obs, data.shape[0], replace=False)
    legacy = random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(random_state)
    return _taken(data, legacy.choice(data.shape[0], size=size, replace=False), 0, copy=copy)


def axis_of(axis: str | int) -> int:
    """0 for cells, 1 for genes."""
    found = {0: 0, 1: 1, "obs": 0, "var": 1}.get(axis)
    if found is None:
        msg = f"`axis` must be either 0, 1, 'obs', or 'var', was {axis!r}"
        raise ValueError(msg)
    return found


def _size(fraction: float | None, n: int | None, extent: int, *, replace: bool) -> int:
    if (fraction is None) == (n is None):
        msg = "expected one of a fraction and a number to draw, found both or none"
        raise TypeError(msg)
    if n is not None:
        return n
    if fraction < 0 or (fraction > 1 and not replace):
        msg = f"fraction is {fraction}, expected 0 to 1{' or more' if replace else ''}"
        raise ValueError(msg)
    return int(fraction * extent)


def _chances(data: Any, p: Any, axis: int) -> np.ndarray | None:
    if p is None:
        return None
    if isinstance(p, str):
        p = (data.obs, data.var)[axis][p].to_numpy()
    p = np.asarray(p)
    if p.shape != (data.shape[axis],):
        msg = f"p has the shape {p.shape}, expected {(data.shape[axis],)}"
        raise ValueError(msg)
    return p / p.sum() if p.dtype == bool else p


def _taken(data: Any, places: np.ndarray, axis: int, *, copy: bool) -> Any:
    if isinstance(data, ad.AnnData):
        if not copy:
            (data._inplace_subset_obs, data._inplace_subset_var)[axis](places)
            return None
        part = data[places] if axis == 0 else data[:, places]
        return part.to_memory() if data.isbacked else part.copy()
    if isinstance(data, LazyMatrix):
        return (data.view(places) if axis == 0 else data.view(None, places)), places
    part = data[places] if axis == 0 else data[:, places]
    return (part.copy() if copy else part), places


def downsample_counts(
    adata: ad.AnnData,
    counts_per_cell: int | Collection[int] | None = None,
    total_counts: int | None = None,
    *,
    random_state: Any = 0,
    replace: bool = False,
    copy: bool = False,
) -> ad.AnnData | None:
    """Draws some of the counts: :func:`scanpy.pp.downsample_counts`; the same ones for the same seed.

    A lazy matrix is read later, and draws anew then, with the same result; its entries that become zero stay stored,
    and whole numbers become doubles. A total takes one pass now, and 4 bytes of memory for each count.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    counts_per_cell
        How many counts stay in each cell that has more: a number, or one for each.
    total_counts
        How many counts stay in all.
    random_state
        Seed.
    replace
        Whether a count may be drawn again.
    copy
        Whether a changed copy is returned.
    """
    check(adata)
    if (total_counts is None) == (counts_per_cell is None):
        msg = "Must specify exactly one of `total_counts` or `counts_per_cell`."
        raise ValueError(msg)
    adata = adata.copy() if copy else adata
    actual(adata)
    old = stored(adata)
    matrix = LazyMatrix.wrap(old)
    kind = matrix.dtype
    if kind.kind != "f":
        matrix = matrix.with_op("to_double")
    drawn: dict[str, Any] = {"seed": whole(random_state, "random_state"), "replace": bool(replace)}
    if counts_per_cell is not None:
        drawn["targets"] = _targets(counts_per_cell, adata.n_obs)
        new = matrix.with_op("downsample", **drawn)
    else:
        sums = matrix.sum(1).astype(np.float64)
        total = float(sums.sum())
        before = np.concatenate([[0.0], np.cumsum(sums)[:-1]]) if len(sums) else sums
        target = whole(total_counts, "total_counts")
        new = matrix.with_op("downsample", before=before, total=total, target=target, **drawn)
    # What is drawn of a cell depends on all of its genes, whichever are looked at later.
    new = LazyMatrix(new._matrix.rebased())
    result = like(new, old)
    if not isinstance(result, LazyMatrix):
        if hasattr(result, "eliminate_zeros"):
            result.eliminate_zeros()
        result = result.astype(kind, copy=False)
    put(adata, result, None)
    return adata if copy else None


def _targets(counts: Any, cells: int) -> np.ndarray:
    targets = np.asarray(counts)
    if targets.ndim and targets.shape != (cells,):
        msg = (
            "If provided, 'counts_per_cell' must be either an integer, or coercible to an `np.ndarray` of length as "
            f"number of observations, found {targets.shape} for {cells} cells"
        )
        raise ValueError(msg)
    if targets.dtype.kind not in "iuf" or (targets < 0).any():
        msg = "counts_per_cell has values below 0 or no numbers, expected whole numbers of 0 or more"
        raise ValueError(msg)
    return np.broadcast_to(targets.astype(np.uint64), (cells,)).copy()
