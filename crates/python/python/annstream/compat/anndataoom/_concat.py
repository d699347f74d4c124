"""AnnData below one another, and compression."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anndata as ad

from ..._concat import concat as _join
from ._core import AnnDataOOM
from ._read import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd


class Compression(str):
    """How a file is compressed: ``adata.write(path, compression=Compression.gzip(4))``."""

    __slots__ = ()

    @classmethod
    def gzip(cls, level: int = 4) -> Compression:
        """Deflate, which every reader of HDF5 knows.

        Parameters
        ----------
        level
            0 to 9.
        """
        return cls(f"gzip:{int(level)}")

    @classmethod
    def zstd(cls, level: int = 3) -> Compression:
        """Zstandard; other readers of HDF5 need the package ``hdf5plugin`` for it.

        Parameters
        ----------
        level
            1 to 22.
        """
        return cls(f"zstd:{int(level)}")


def concat(
    adatas: Collection[Any] | Mapping[str, Any],
    *,
    join: Literal["inner", "outer"] = "inner",
    label: str | None = None,
    keys: Collection[str] | None = None,
    file: str | os.PathLike[str] | None = None,
    backend: str | None = None,
    **options: Any,
) -> AnnDataOOM:
    """AnnData below one another, as :func:`anndata.concat` has it; matrices are read when somebody looks.

    Columns of ``var`` and entries of ``uns`` that are the same in all stay.

    Parameters
    ----------
    adatas
        AnnData of any kind, or paths; a dictionary gives their keys.
    join
        Keep the genes and columns that all have, or that any has.
    label, keys
        Column of ``obs`` that tells where a cell comes from, and what stands there.
    file
        Where to write it; what is returned reads from there then. It is compressed as the inputs are.
    backend
        For the sake of ``anndataoom``; the name of the file tells.
    options
        Others of :func:`annstream.concat`.
    """
    options = {"merge": "same", "uns_merge": "same"} | options
    joined = AnnDataOOM(_join(adatas, join=join, label=label, keys=keys, **options))
    if file is None:
        return joined
    joined.write(file)
    return read(file)


class AnnDataSet(AnnDataOOM):
    """Many files as one AnnData, whose matrix is read from them; a column of ``obs`` tells where a cell comes from.

    Genes are those that all have. Columns of ``obs`` that all have stay, too.

    Parameters
    ----------
    adatas
        Pairs of a key and an AnnData or a path; or a dictionary.
    filename
        Where :meth:`write` writes it; nothing is written before.
    add_key
        The column of ``obs``.
    use_absolute_path, backend
        For the sake of ``anndataoom``.
    """

    _members: Any = None

    def __init__(
        self,
        adatas: Any = None,
        *args: Any,
        filename: str | os.PathLike[str] | None = None,
        add_key: str = "sample",
        use_absolute_path: bool = False,
        backend: str | None = None,
        **options: Any,
    ) -> None:
        if isinstance(adatas, ad.AnnData) or adatas is None:
            # As anndata makes its own views.
            super().__init__(adatas, *args, **options)
            return
        pairs: Iterable[tuple[str, Any]] = adatas.items() if isinstance(adatas, Mapping) else adatas
        members = {key: read(one) if isinstance(one, str | os.PathLike) else one for key, one in pairs}
        super().__init__(concat(members, label=add_key), **options)
        self._members = members
        self._source = None if filename is None else Path(filename)

    @property
    def adatas(self) -> dict[str, Any]:
        """The members by their keys."""
        return dict(self._members or {})

    def to_adata(
        self,
        obs_indices: Any = None,
        var_indices: Any = None,
        copy_x: bool = True,
        file: str | os.PathLike[str] | None = None,
        backend: str | None = None,
    ) -> Any:
        """Some cells and genes: in memory, or written to a file and opened.

        Parameters
        ----------
        obs_indices, var_indices
            Positions, masks or names; ``None`` for all.
        copy_x
            Whether ``X`` is part of it.
        file
            Where to write it.
        backend
            For the sake of ``anndataoom``.
        """
        index = tuple(slice(None) if one is None else one for one in (obs_indices, var_indices))
        chosen = AnnDataOOM(AnnDataOOM.__getitem__(self, index))
        if not copy_x:
            chosen.X = None
        if file is None:
            return chosen.to_memory()
        chosen.write(file)
        return read(file)

    @property
    def backend(self) -> str:
        """``"hdf5"``, ``"zarr"`` or ``"memory"``: where the matrix stands."""
        return self.X.backend

    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    if TYPE_CHECKING:
        obs: pd.DataFrame
