"""``adata.raw`` with the members that it has in ``anndataoom``."""

from __future__ import annotations

from typing import Any

import anndata as ad
from anndata import Raw

from ._backed_array import backed


class FrozenRaw(Raw):
    """The state that was kept in :attr:`AnnDataOOM.raw`; its ``X`` is lazy, and rows and genes of it can be chosen."""

    @classmethod
    def of(cls, raw: Raw | None) -> FrozenRaw | None:
        """The same object by this class."""
        if type(raw) is Raw:
            raw.__class__ = cls
        return raw  # type: ignore[return-value]

    @property
    def X(self) -> Any:
        """The matrix, lazily."""
        self._X = backed(self._X)
        return self._X

    def __getitem__(self, index: Any) -> Any:
        return self.of(super().__getitem__(index))

    def to_adata(self) -> ad.AnnData:
        """A plain :class:`anndata.AnnData` of all genes of ``raw``, in memory.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``.
        """
        return super().to_adata().to_memory()

    def close(self) -> None:
        """Does nothing: the file is closed when nobody holds a matrix of it."""
