"""Lazy matrices: statistics, products, operators, sizes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pytest
from annstream import LazyMatrix
from scipy import sparse

from .files import dense, matrix

VIEWS: dict[str, tuple[Any, Any]] = {
    "all": (slice(None), slice(None)),
    "part": (np.arange(3, 30, 2), slice(2, 15)),
    "order": (np.array([9, 3, 3, 20, 0]), np.array([5, 1, 1, 8])),
    "none": ([], slice(None)),
}


@pytest.mark.parametrize("view", VIEWS)
def test_statistics_are_those_of_numpy(lazy: annstream.AnnData, memory: ad.AnnData, view: str) -> None:
    rows, columns = VIEWS[view]
    for name in ("X", "counts"):
        found = (lazy.X if name == "X" else lazy.layers[name]).view(rows, columns)
        values = dense(memory.X if name == "X" else memory.layers[name])[rows][:, columns]
        for axis in (0, 1, None):
            np.testing.assert_allclose(found.sum(axis), values.sum(axis))
            if values.size == 0:
                continue
            np.testing.assert_allclose(found.mean(axis), values.mean(axis, dtype=float), rtol=1e-12)
            np.testing.assert_allclose(found.var(axis), values.var(axis, dtype=float), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found.std(axis, ddof=1), values.std(axis, dtype=float, ddof=1), atol=1e-12)
            np.testing.assert_array_equal(found.min(axis), values.min(axis))
            np.testing.assert_array_equal(found.max(axis), values.max(axis))
        if name == "counts":
            assert found.sum(0).dtype == np.int64
        if found.format != "dense":
            assert found.nnz == (values != 0).sum()
            np.testing.assert_array_equal(found.getnnz(0), (values != 0).sum(0))


def test_f_variances_of_small_whole_numbers_and_of_large_means(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.int16, np.float32):
        values = rng.integers(0, 200 if dtype == np.uint8 else 30000, (500, 4)).astype(dtype)
        if dtype == np.float32:
            values = (1e4 + rng.normal(size=(500, 4))).astype(dtype)
        found = LazyMatrix.wrap(sparse.csr_matrix(values))
        np.testing.assert_allclose(found.var(0), values.astype(float).var(0), rtol=1e-9)


def test_nan_wins_as_in_numpy() -> None:
    values = np.array([[1.0, np.nan, 0], [0, 2, -3]])
    found = LazyMatrix.wrap(values)
    for axis in (0, 1):
        np.testing.assert_array_equal(found.min(axis), values.min(axis))
        np.testing.assert_array_equal(found.max(axis), values.max(axis))
        np.testing.assert_array_equal(found.sum(axis), values.sum(axis))


def test_products(lazy: annstream.AnnData, memory: ad.AnnData) -> None:
    rng = np.random.default_rng(1)
    right, left = rng.normal(size=(memory.n_vars, 3)), rng.normal(size=(2, memory.n_obs))
    np.testing.assert_allclose(lazy.X @ right, dense(memory.X) @ right)
    np.testing.assert_allclose(left @ lazy.X, left @ dense(memory.X))
    with pytest.raises(ValueError, match="matmul"):
        _ = lazy.X @ left


def test_operators_apply_to_what_is_read(lazy: annstream.AnnData, memory: ad.AnnData) -> None:
    values = dense(memory.X).astype(np.float64)
    totals = values.sum(1)
    changed = lazy.X.with_op("divide_rows", divisors=totals).with_op("log1p", base=None)
    expected = np.log1p(values / totals[:, None])
    assert changed.ops == ["divide_rows", "log1p"]
    np.testing.assert_allclose(changed.toarray(), expected, rtol=1e-6)
    assert changed.format == lazy.X.format
    # Chosen before and after: parameters are of the rows that the matrix has.
    rows, columns = np.array([8, 2, 30, 2]), np.array([4, 1, 9])
    np.testing.assert_allclose(
        changed[rows][:, columns].toarray() if sparse.issparse(changed[rows]) else changed[rows][:, columns],
        expected[rows][:, columns],
        rtol=1e-6,
    )
    part = lazy.X.view(rows, columns)
    own = np.arange(1.0, 5.0)
    np.testing.assert_allclose(
        part.with_op("divide_rows", divisors=own).toarray(), values[rows][:, columns] / own[:, None], rtol=1e-6
    )
    means, deviations = values.mean(0), values.std(0) + 1
    scaled = changed.without_ops().with_op("scale", means=means, deviations=deviations, limit=1.0)
    assert scaled.format == "dense"
    np.testing.assert_allclose(scaled.toarray(), np.clip((values - means) / deviations, -1, 1), atol=1e-6)
    np.testing.assert_allclose(scaled.view(rows).mean(0), scaled.toarray()[rows].mean(0), atol=1e-6)
    with pytest.raises(ValueError, match="no operator"):
        lazy.X.with_op("nonsense")
    with pytest.raises(ValueError, match="3 values for"):
        lazy.X.with_op("divide_rows", divisors=np.ones(3))


def test_pickles_have_path_rows_and_operators(lazy: annstream.AnnData) -> None:
    part = lazy.X.view([5, 1, 1], slice(2, 9)).with_op("divide_rows", divisors=np.array([1.0, 2.0, 4.0]))
    part = part.view([2, 0]).with_op("log1p", base=2.0)
    text = pickle.dumps(part)
    assert len(text) < 3000
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.toarray(), part.toarray())
    stacked = annstream.concat([lazy, lazy[:4]], index_unique="-").X.view(slice(None, None, 3))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stacked)).toarray(), stacked.toarray())


def test_too_large_is_refused_before_reading(lazy: annstream.AnnData) -> None:
    with annstream.settings.override(memory=1000):
        for read in (lazy.X.toarray, lazy.X.to_memory, lambda: np.asarray(lazy.X), lambda: lazy.X[:]):
            with pytest.raises(annstream.BudgetError, match="chunks"):
                read()
    assert issubclass(annstream.BudgetError, MemoryError)
    assert lazy.X.toarray().shape == lazy.shape


def test_chunks_and_dask(lazy: annstream.AnnData, memory: ad.AnnData) -> None:
    blocks = list(lazy.chunks(10))
    assert [rows for rows, _ in blocks] == [slice(0, 10), slice(10, 20), slice(20, 30), slice(30, 37)]
    np.testing.assert_array_equal(np.concatenate([dense(block) for _, block in blocks]), dense(memory.X))
    array = lazy.X.to_dask(10)
    assert array.chunks == ((10, 10, 10, 7), (memory.n_vars,))
    np.testing.assert_array_equal(dense(array[[3, 30]].compute()), dense(memory.X)[[3, 30]])
    np.testing.assert_array_equal(np.concatenate([dense(block) for block, _, _ in lazy.chunked_X(9)]), dense(memory.X))


def test_what_cannot_be_lazy_says_what_can(lazy: annstream.AnnData) -> None:
    for wrong in (lambda: lazy.X + 1, lambda: lazy.X.T, lambda: np.exp(lazy.X), lambda: lazy.X > 0):
        with pytest.raises(NotImplementedError, match="to_memory"):
            wrong()
    with pytest.raises(NotImplementedError, match="to_memory"):
        lazy.X[0, 0] = 1
    np.testing.assert_allclose(np.log1p(lazy.X).toarray(), np.log1p(lazy.X.toarray()), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float32", "float64"])
def test_types_and_empty_matrices(dtype: str, layout: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for shape in ((5, 4), (0, 4), (5, 0), (1, 1)):
        expected = matrix(rng, *shape, layout, dtype)
        path = tmp_path / f"{shape[0]}-{shape[1]}.h5ad"
        ad.AnnData(expected).write_h5ad(path)
        for found in (LazyMatrix.open(path), LazyMatrix.wrap(expected)):
            assert found.dtype == expected.dtype
            read = found.to_memory()
            assert read.dtype == expected.dtype
            np.testing.assert_array_equal(dense(read), dense(expected))
            assert found.sum() == dense(expected).sum()


@pytest.mark.parametrize("base", [None, 2.0])
@pytest.mark.parametrize("rows", [slice(None), np.array([7, 2, 2, 30])], ids=["all", "any order"])
def test_divided_rows_and_their_logarithms_are_one_step_with_the_same_bits(base: float | None, rows: Any) -> None:
    rng = np.random.default_rng(4)
    counts = sparse.csr_matrix(rng.poisson(0.7, (40, 30)).astype("f4"))
    divisors = rng.uniform(0.3, 3, 40)
    divided = LazyMatrix.wrap(counts).with_op("divide_rows", divisors=divisors)
    found = divided.with_op("log1p", base=base)
    # Of what is in memory, the logarithm follows alone.
    expected = LazyMatrix.wrap(divided.to_memory()).with_op("log1p", base=base)
    for one in (found, pickle.loads(pickle.dumps(found))):
        assert (one.view(rows, None).to_memory() != expected.view(rows, None).to_memory()).nnz == 0
    again = found.with_op("log1p").to_memory()
    assert (again != LazyMatrix.wrap(found.to_memory()).with_op("log1p").to_memory()).nnz == 0


def test_many_columns_are_given_as_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).poisson(0.5, (50, 20)).astype("f4")
    for remembered in (1 << 20, 4 * 50 * 4):
        monkeypatch.setattr("annstream._matrix._REMEMBERED", remembered)
        found = LazyMatrix.wrap(sparse.csr_matrix(values))
        for wanted in ([3], [3, 1], list(range(20)), [19, 0, 0, 3], list(range(20))[::-1], []):
            np.testing.assert_array_equal(found.columns(wanted), values[:, wanted])
            assert sum(column.nbytes for column in found._columns.values()) <= remembered
