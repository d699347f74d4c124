"""Layers of an AnnData, with the methods of ``anndataoom.BackedLayers``."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np
from anndata._core.index import _subset

from ..._matrix import LazyMatrix
from ..._positions import positions
from ._backed_array import BackedArray, backed


class BackedLayers(MutableMapping):
    """Layers by their names. Lazy ones stay lazy, others are kept as they are; no file is ever made for them.

    Parameters
    ----------
    backing_path
        For the sake of ``anndataoom``.
    shape
        Cells and genes that a layer must have, for layers of no AnnData.
    """

    def __init__(self, backing_path: Any = None, shape: tuple[int, int] | None = None) -> None:
        self._store: Any = {}
        self._shape = None if shape is None else tuple(shape)

    @classmethod
    def of(cls, store: Any) -> BackedLayers:
        """Those of an AnnData, which checks them."""
        new = cls()
        new._store = store
        return new

    def __getitem__(self, key: str) -> Any:
        value = self._store[key]
        if isinstance(value, LazyMatrix) and not isinstance(value, BackedArray):
            value = backed(value)
            held = getattr(self._store, "_data", None)
            if isinstance(held, dict):
                # What it comes to know is remembered with it.
                held[key] = value
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        if self._shape is not None and getattr(value, "shape", None) != self._shape:
            msg = f"layer {key!r} has shape {getattr(value, 'shape', None)}, expected {self._shape}"
            raise ValueError(msg)
        self._store[key] = backed(value) if isinstance(value, LazyMatrix) else value

    def __delitem__(self, key: str) -> None:
        del self._store[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)

    def __contains__(self, key: object) -> bool:
        return key in self._store

    def __getattr__(self, name: str) -> Any:
        # What anndata asks of its own layers.
        if name.startswith("__") or name == "_store":
            raise AttributeError(name)
        return getattr(self._store, name)

    def copy(self) -> Any:
        """Layers of their own: for those of an AnnData, as anndata has it."""
        if not isinstance(self._store, dict):
            return self._store.copy()
        new = type(self)(shape=self._shape)
        new._store = {key: value.copy() for key, value in self._store.items()}
        return new

    def subset(self, obs_idx: Any = None, var_idx: Any = None) -> BackedLayers:
        """Some cells and genes of all layers; lazy ones are not read.

        Parameters
        ----------
        obs_idx, var_idx
            A slice, a mask or positions; ``None`` for all.
        """
        new = type(self)()
        for key, value in self.items():
            index = [positions(idx, size) for idx, size in zip((obs_idx, var_idx), value.shape, strict=True)]
            chosen = tuple(
                np.arange(size) if idx is None else idx for idx, size in zip(index, value.shape, strict=True)
            )
            new._store[key] = value.view(*index) if isinstance(value, LazyMatrix) else _subset(value, chosen)
            new._shape = new._store[key].shape
        return new

    def close(self) -> None:
        """Does nothing: there are no files of layers, and arrays close theirs when nobody holds them."""

    def __repr__(self) -> str:
        return f"{type(self).__name__} with keys: {', '.join(map(str, self))}"
