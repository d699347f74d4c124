"""A sparse matrix in memory that stands for the scaled one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..._matrix import as_array


class CenteredSparseArray:
    """``(X - mean) / std`` of a sparse matrix, clipped at the top, without a dense matrix.

    Parts of it come dense; products with it do not make it dense, and are those of what :meth:`toarray` gives, clipped
    values included.

    Parameters
    ----------
    X
        A sparse matrix.
    mean, std
        Of each column; a ``std`` of 0 counts as 1.
    max_value
        Where values are clipped at the top; ``None`` for nowhere.
    """

    __array_priority__ = 20

    def __init__(self, X: Any, mean: Any, std: Any, max_value: float | None = 10.0) -> None:
        if not sparse.issparse(X):
            msg = f"expected a sparse matrix, found a {type(X).__name__}"
            raise TypeError(msg)
        mean, std = (np.asarray(values, np.float64).ravel() for values in (mean, std))
        if mean.shape != (X.shape[1],) or std.shape != mean.shape:
            msg = f"{mean.size} means and {std.size} deviations for {X.shape[1]} columns"
            raise ValueError(msg)
        std = np.where(std > 0, std, 1.0)
        own = sparse.csr_matrix(X, dtype=np.float64, copy=True)
        own.sum_duplicates()
        top = np.inf if max_value is None else float(max_value)
        # What a zero becomes, and what is added to it for a stored value.
        zeros = np.minimum(-mean / std, top)
        columns = own.indices
        own.data = np.minimum((own.data - mean[columns]) / std[columns], top) - zeros[columns]
        self._x_over_sigma = own.astype(np.float32)
        self._mu_over_sigma = (-zeros).astype(np.float32)
        self._max_value = top
        self.shape: tuple[int, int] = own.shape
        self.dtype = np.dtype(np.float32)

    ndim = 2

    @property
    def nnz(self) -> int:
        """Stored values."""
        return self._x_over_sigma.nnz

    @property
    def has_clip(self) -> bool:
        """Whether values are clipped."""
        return bool(np.isfinite(self._max_value))

    @property
    def T(self) -> _Transposed:
        """The transpose, for products from the left."""
        return _Transposed(self)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Some rows and columns, dense; a single value as an array of one."""
        rows, columns = index if isinstance(index, tuple) else (index, slice(None))
        block = self._x_over_sigma[rows, columns]
        block = block.toarray() if sparse.issparse(block) else np.asarray(block)
        return np.atleast_1d(block).astype(np.float32) - np.atleast_1d(self._mu_over_sigma[columns])

    def __matmul__(self, other: Any) -> np.ndarray:
        other = np.asarray(other)
        return self._x_over_sigma @ other - self._mu_over_sigma @ other

    def __rmatmul__(self, other: Any) -> np.ndarray:
        other = np.asarray(other)
        return other @ self._x_over_sigma - other.sum(axis=-1, keepdims=True) * self._mu_over_sigma

    def toarray(self) -> np.ndarray:
        """All of it, dense."""
        return self._x_over_sigma.toarray() - self._mu_over_sigma

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return as_array(self, dtype, copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc is np.matmul and method == "__call__" and not options:
            left, right = inputs
            return self @ right if left is self else self.__rmatmul__(left)
        arrays = [one.toarray() if isinstance(one, CenteredSparseArray) else one for one in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        clip = f", max_value={self._max_value}" if self.has_clip else ""
        return f"<CenteredSparseArray {self.shape[0]} × {self.shape[1]} {self.dtype}, {self.nnz} stored{clip}>"


class _Transposed:
    """What ``array.T`` is: it has products, and nothing else."""

    ndim = 2

    def __init__(self, array: CenteredSparseArray) -> None:
        self.T = array
        self.shape = array.shape[::-1]
        self.dtype = array.dtype

    def __matmul__(self, other: Any) -> np.ndarray:
        return self.T.__rmatmul__(np.asarray(other).T).T
