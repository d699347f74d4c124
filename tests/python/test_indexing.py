"""Every kind of index, on every element, as anndata does in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from .files import dense, same

KINDS: dict[str, Callable[[np.random.Generator, pd.Index], Any]] = {
    "slice": lambda rng, names: slice(*sorted(rng.integers(0, len(names) + 1, 2))),
    "step": lambda rng, names: slice(None, None, int(rng.integers(2, 5))),
    "reverse": lambda rng, names: slice(None, None, -2),
    "negative": lambda rng, names: slice(-5, None),
    "mask": lambda rng, names: rng.random(len(names)) < 0.4,
    "series": lambda rng, names: pd.Series(rng.random(len(names)) < 0.4, index=names),
    "list": lambda rng, names: rng.integers(0, len(names), 6).tolist(),
    "order": lambda rng, names: rng.permutation(len(names))[:9],
    "below": lambda rng, names: -rng.integers(1, len(names), 4),
    "twice": lambda rng, names: np.array([2, 2, 0, 1, 2]),
    "names": lambda rng, names: rng.choice(names, 5).tolist(),
    "index": lambda rng, names: pd.Index(rng.choice(names, 4, replace=False)),
    "labels": lambda rng, names: slice(names[2], names[7]),
    "name": lambda rng, names: names[4],
    "number": lambda rng, names: 3,
    "last": lambda rng, names: -1,
    "none": lambda rng, names: [],
    "matrix": lambda rng, names: sparse.csr_matrix(rng.random((len(names), 1)) < 0.5),
    "all": lambda rng, names: slice(None),
}


def light(found: ad.AnnData, expected: ad.AnnData) -> None:
    """Names and matrices are equal."""
    pd.testing.assert_index_equal(found.obs_names, expected.obs_names)
    pd.testing.assert_index_equal(found.var_names, expected.var_names)
    pairs = [(found.X, expected.X), (found.raw.X, expected.raw.X)]
    pairs += [(found.layers[key], expected.layers[key]) for key in expected.layers]
    for own, other in pairs:
        np.testing.assert_array_equal(dense(own), dense(other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_views_are_those_of_anndata(lazy: annstream.AnnData, memory: ad.AnnData, kind: str) -> None:
    rng = np.random.default_rng(list(KINDS).index(kind))
    others = rng.choice(list(KINDS), 2)
    rows = KINDS[kind](rng, memory.obs_names)
    columns = KINDS[str(others[0])](rng, memory.var_names)
    for index in (rows, (slice(None), KINDS[kind](rng, memory.var_names))):
        found, expected = lazy[index], memory[index]
        assert isinstance(found, annstream.AnnData)
        assert found.is_view
        assert isinstance(found.X, annstream.LazyMatrix)
        light(found, expected)
    # Both axes, one after the other in memory: scipy does not take every pair of an array and a slice.
    expected = memory[rows].copy()[:, columns].copy()
    same(lazy[rows, columns], expected)
    light(lazy[rows, columns].copy(), expected)
    # Views of views.
    part, whole = lazy[rows, columns], memory[rows].copy()[:, columns].copy()
    if min(part.shape) > 2:
        again = (rng.permutation(part.n_obs)[:3], slice(None, None, -1))
        light(part[again], whole[again[0]].copy()[:, again[1]])


@pytest.mark.parametrize(
    "index",
    ["no such cell", ["cell1", "no such cell"], np.ones(5, bool), 1000, -1000, 1.5, (0, 0, 0), ([0.5, 0.7], 0)],
    ids=str,
)
def test_errors_are_those_of_anndata(lazy: annstream.AnnData, memory: ad.AnnData, index: Any) -> None:
    with pytest.raises(Exception) as expected:
        _ = memory[index].copy()
    with pytest.raises(expected.type) as found:
        _ = lazy[index].copy()
    assert str(found.value) == str(expected.value)


def test_matrices_are_read_like_those_of_scipy_and_numpy(lazy: annstream.AnnData, memory: ad.AnnData) -> None:
    rng = np.random.default_rng(3)
    for name in ("X", "counts"):
        found = lazy.X if name == "X" else lazy.layers[name]
        expected = memory.X if name == "X" else memory.layers[name]
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        indices = [
            3,
            -2,
            slice(4, 9),
            (slice(None), 5),
            (slice(None), [3, 1, 3]),
            ([5, 2], slice(1, 4)),
            (Ellipsis, slice(0, 2)),
            np.ix_([4, 0, 4], [2, 2, 1]),
            ([1, 2, 3], [4, 5, 6]),
            (rng.random(found.shape[0]) < 0.5, slice(None)),
            slice(None),
            (7, 8),
        ]
        for index in indices:
            own, other = found[index], expected[index]
            if not isinstance(other, np.matrix):  # scipy's answer for pairs
                assert np.shape(own) == np.shape(other), index
                assert sparse.issparse(own) == sparse.issparse(other), index
            np.testing.assert_array_equal(dense(own).ravel(), dense(other).ravel())
        with pytest.raises(IndexError):
            _ = found[found.shape[0]]
        with pytest.raises(IndexError):
            _ = found[np.ones(3, bool)]
