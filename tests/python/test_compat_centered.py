"""``CenteredSparseArray`` against the dense matrix that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from annstream.compat.anndataoom import CenteredSparseArray
from scipy import sparse


@pytest.fixture(params=[None, 1.5, 10.0])
def limit(request: pytest.FixtureRequest) -> float | None:
    """Where values are clipped."""
    return request.param


@pytest.fixture
def pair(limit: float | None) -> tuple[CenteredSparseArray, np.ndarray]:
    """The array, and the values that it should have."""
    matrix = sparse.random(60, 17, 0.2, format="csr", dtype=np.float32, random_state=0).tolil()
    matrix[:, 3] = 0
    matrix = matrix.tocsr()
    values = matrix.toarray().astype(float)
    mean, std = values.mean(0), values.std(0)
    # A mean so low that zeros are above the limit.
    mean[5] = -30
    expected = (values - mean) / np.where(std > 0, std, 1)
    return CenteredSparseArray(matrix, mean, std, max_value=limit), np.minimum(
        expected, np.inf if limit is None else limit
    )


def test_parts(pair: tuple[CenteredSparseArray, np.ndarray], limit: float | None) -> None:
    array, values = pair
    np.testing.assert_allclose(array.toarray(), values, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(array), values, rtol=1e-5, atol=1e-5)
    for index, expected in (
        ((slice(None), 4), values[:, [4]]),
        ((7, slice(None)), values[[7]]),
        (np.ix_([3, 9], [0, 5, 16]), values[np.ix_([3, 9], [0, 5, 16])]),
        ((2, 5), values[[2], 5]),
        (slice(10, 20), values[10:20]),
    ):
        assert array[index].shape == expected.shape
        np.testing.assert_allclose(array[index], expected, rtol=1e-5, atol=1e-5)
    assert array.toarray().dtype == array.dtype == np.float32
    assert (array.shape, len(array), array.has_clip) == (values.shape, 60, limit is not None)
    assert array.nnz == sparse.random(60, 17, 0.2, format="csr", random_state=0)[:, np.arange(17) != 3].nnz
    assert "CenteredSparseArray" in repr(array)


def test_products_are_those_of_the_clipped_values(pair: tuple[CenteredSparseArray, np.ndarray]) -> None:
    array, values = pair
    rng = np.random.default_rng(1)
    right, left, tall = rng.normal(size=(17, 3)), rng.normal(size=(2, 60)), rng.normal(size=(60, 2))
    np.testing.assert_allclose(array @ right, values @ right, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(left @ array, left @ values, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(array.T @ tall, values.T @ tall, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(array.T @ tall[:, 0], values.T @ tall[:, 0], rtol=1e-4, atol=1e-3)
    assert array.T.shape == (17, 60)
    assert array.T.T is array


def test_what_is_refused() -> None:
    matrix = sparse.random(10, 20, 0.3, format="csr", random_state=0)
    mean, std = np.zeros(20), np.ones(20)
    with pytest.raises(TypeError, match="sparse"):
        CenteredSparseArray(matrix.toarray(), mean, std)
    for wrong in ((mean[:-1], std), (mean, std[:-1])):
        with pytest.raises(ValueError, match="20 columns"):
            CenteredSparseArray(matrix, *wrong)
