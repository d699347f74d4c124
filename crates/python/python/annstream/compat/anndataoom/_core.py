"""The AnnData of :mod:`annstream.compat.anndataoom`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from ..._anndata import AnnData
from ..._matrix import LazyMatrix
from ..._slots import set_own_x
from . import _repr
from ._backed_array import DEFAULT_CHUNK_SIZE, BackedArray, backed
from ._backed_layers import BackedLayers
from ._raw import FrozenRaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType


class AnnDataOOM(AnnData):
    """An :class:`annstream.AnnData` with the members that ``anndataoom.AnnDataOOM`` has.

    ``X`` is a :class:`BackedArray`, ``layers`` are :class:`BackedLayers`, and what is chosen by ``adata[cells, genes]``
    is an object of its own, not a view: it costs its tables, and its matrices are not read. ``obs``, ``var``, ``obsm``
    and ``uns`` are those of anndata, with the types that stand in the file; every function for
    :class:`anndata.AnnData` takes it. ``isbacked`` is ``False``, since no file of anndata's is open behind it;
    :func:`is_oom` tells that it is lazy.

    Parameters
    ----------
    rs_adata
        An AnnData of annstream or anndata; its tables are shared with it.
    args, options
        Else those of :class:`anndata.AnnData`.
    chunk_size
        Rows at a time in :meth:`chunked_X`.
    """

    _is_oom = True
    _chunk_size = DEFAULT_CHUNK_SIZE
    _mode = "r"

    def __init__(self, rs_adata: Any = None, *args: Any, chunk_size: int = DEFAULT_CHUNK_SIZE, **options: Any) -> None:
        whole = isinstance(rs_adata, ad.AnnData) and not options.get("asview")
        if whole and rs_adata.isbacked:
            rs_adata = rs_adata.to_memory()
        if whole and rs_adata.is_view:
            rs_adata = rs_adata.copy()
        super().__init__(rs_adata, *args, **options)
        self._chunk_size = chunk_size
        self._source = getattr(rs_adata, "_source", None)
        self._cached: dict[str | None, tuple[Any, Any]] = {}

    def _init_as_actual(self, *args: Any, **options: Any) -> None:
        # A name makes anndata look for a file of its own, which there is none.
        source, self._source = self._source, None
        super()._init_as_actual(*args, **options)
        self._source = source

    # -------------------------------------------------------------------------------------------- what it holds

    @property
    def X(self) -> Any:
        """The matrix of cells and genes, lazily."""
        value = AnnData.X.fget(self)
        if value is None or isinstance(value, BackedArray):
            return value
        value = backed(value)
        if not self.is_view:
            set_own_x(self, value)
        return value

    @X.setter
    def X(self, value: Any) -> None:
        if isinstance(value, LazyMatrix | np.ndarray) or sparse.issparse(value):
            value = backed(value)
        AnnData.X.fset(self, value)

    @X.deleter
    def X(self) -> None:
        self.X = None

    @property
    def layers(self) -> BackedLayers:
        """The layers, lazily."""
        return BackedLayers.of(ad.AnnData.layers.__get__(self))

    @layers.setter
    def layers(self, value: Any) -> None:
        own = {key: backed(one) if isinstance(one, LazyMatrix) else one for key, one in dict(value or {}).items()}
        ad.AnnData.layers.__set__(self, own)

    @layers.deleter
    def layers(self) -> None:
        self.layers = {}

    @property
    def raw(self) -> FrozenRaw | None:
        """What was kept of all genes, lazily."""
        return FrozenRaw.of(ad.AnnData.raw.fget(self))

    @raw.setter
    def raw(self, value: Any) -> None:
        ad.AnnData.raw.fset(self, value)

    @raw.deleter
    def raw(self) -> None:
        ad.AnnData.raw.fdel(self)

    @property
    def filename(self) -> Path | None:
        """The file that it was read from, or ``None``."""
        return None if self._source is None else Path(self._source)

    @property
    def isbacked(self) -> bool:
        """``False``; see the class."""
        return False

    @property
    def isview(self) -> bool:
        """The same as ``is_view``."""
        return self.is_view

    @property
    def T(self) -> ad.AnnData:
        """The transpose, in memory."""
        return self.to_adata().T

    def transpose(self) -> ad.AnnData:
        """The transpose, in memory."""
        return self.T

    # ---------------------------------------------------------------------------------------- some cells and genes

    def __getitem__(self, index: Any) -> AnnDataOOM:
        """Some cells and genes as an object of its own; matrices are not read.

        A single name is that of a cell, or else of a gene.
        """
        if isinstance(index, str) and index not in self.obs_names and index in self.var_names:
            index = (slice(None), index)
        new = super().__getitem__(index).copy()
        new._chunk_size = self._chunk_size
        return new

    def subset(
        self, obs_indices: Any = None, var_indices: Any = None, *, inplace: bool = True, **options: Any
    ) -> AnnDataOOM | None:
        """Keeps some cells and genes, or returns them.

        Parameters
        ----------
        obs_indices, var_indices
            Positions, masks or names; ``None`` for all.
        inplace
            Whether the others leave this object; its file stays as it is.
        options
            For the sake of ``anndataoom``.
        """
        index = tuple(slice(None) if one is None else one for one in (obs_indices, var_indices))
        chosen = self[index]
        if not inplace:
            return chosen
        self._init_as_actual(chosen)
        return None

    def split_obs_by(self, key: str | Sequence[Any], out_dir: str | os.PathLike[str] = "./") -> dict[str, AnnDataOOM]:
        """Writes a file for each value of a column of ``obs``, with all elements; cells without a value are in none.

        Each file takes a pass over its own rows; ``annstream split`` makes all of them in one pass over a file.

        Parameters
        ----------
        key
            The column, or a label for each cell.
        out_dir
            The folder, which is made if it is not there. The files have the names of the values, and ``.h5ad``.

        Returns
        -------
        dict
            What was written, opened, by the values as text: in the order of the categories, or as they come.
        """
        from ._read import read

        labels = pd.Series(self.obs[key].array if isinstance(key, str) else list(key))
        if len(labels) != self.n_obs:
            msg = f"{len(labels)} labels for {self.n_obs} cells, expected one for each"
            raise ValueError(msg)
        if isinstance(labels.dtype, pd.CategoricalDtype):
            labels = labels.cat.remove_unused_categories()
            codes, kinds = labels.cat.codes.to_numpy(), labels.cat.categories
        else:
            codes, kinds = pd.factorize(labels)
        folder = Path(out_dir)
        paths = {str(kind): folder / f"{kind}.h5ad" for kind in kinds}
        wrong = [name for name, path in paths.items() if path.parent != folder]
        if wrong or len(paths) < len(kinds):
            msg = f"{wrong[0]!r} is no name for a file" if wrong else "different values have the same name"
            raise ValueError(msg)
        folder.mkdir(parents=True, exist_ok=True)
        for code, path in enumerate(paths.values()):
            self[np.flatnonzero(codes == code)].write(path)
        return {name: read(path) for name, path in paths.items()}

    def __setitem__(self, index: Any, value: Any) -> None:
        """Values of ``X``, which comes into memory for that; sparse stays sparse."""
        rows, columns = (
            np.atleast_1d(np.arange(size)[one])
            for size, one in zip(self.shape, self._normalize_indices(index), strict=True)
        )
        matrix = self.X.to_memory()
        kind = getattr(matrix, "format", None)
        matrix = matrix.copy() if kind is None else matrix.tolil()
        matrix[np.ix_(rows, columns)] = value
        self.X = matrix if kind is None else matrix.asformat(kind)

    def copy(self, to_memory: Any = False, *, filename: str | os.PathLike[str] | None = None) -> Any:
        """A copy that shares nothing but the values in the file.

        Parameters
        ----------
        to_memory
            Whether it is a plain :class:`anndata.AnnData` in memory.
        filename
            Where to write it; what is returned reads from there then.
        """
        if isinstance(to_memory, str | os.PathLike):
            # As anndata takes it.
            to_memory, filename = False, to_memory
        if to_memory:
            return self.to_adata()
        if filename is not None:
            return AnnDataOOM(super().copy(filename), chunk_size=self._chunk_size)
        new = super().copy()
        new._chunk_size = self._chunk_size
        return new

    def to_adata(self) -> ad.AnnData:
        """A plain :class:`anndata.AnnData` with everything in memory.

        Raises
        ------
        annstream.BudgetError
            If a matrix would take more than ``annstream.settings.memory``.
        """
        return self.to_memory()

    # ---------------------------------------------------------------------------------------------- looking at values

    def chunk_X(self, select: Any = None, replace: bool = False) -> Any:
        """Some rows of ``X`` in memory: those at some positions, or so many drawn at random.

        Parameters
        ----------
        select
            Positions, or how many are drawn with numpy's global generator; at most 1000 by default.
        replace
            Whether one may be drawn twice.
        """
        if select is None:
            select = min(1000, self.n_obs)
        if isinstance(select, int | np.integer):
            select = np.random.choice(self.n_obs, select, replace)
        return self.X[np.asarray(select)]

    def chunked_X(self, chunk_size: int | None = None) -> Iterator[tuple[int, int, Any]]:  # type: ignore[override]
        """Goes through the cells in order: ``(start, end, chunk)``, where anndata has ``(chunk, start, end)``.

        Parameters
        ----------
        chunk_size
            Cells at a time; 1000 by default.
        """
        return self.X.chunked(chunk_size or self._chunk_size)

    def obs_vector(self, k: str, *, layer: str | None = None) -> np.ndarray:
        """Values of one gene or one column of ``obs`` for all cells; see :meth:`annstream.AnnData.obs_vector`."""
        held, columns = self.__dict__.get("_cached", {}).get(layer, (None, None))
        if held is not None and held is self._lazy(layer) and k not in self.obs.columns and k in self.var_names:
            place = self.var_names.get_loc(k)
            if isinstance(place, int):
                column = columns[:, [place]]
                return (column.toarray() if sparse.issparse(column) else column).ravel()
        return super().obs_vector(k, layer=layer)

    def cache_X(self, layer: str | None = None, force: bool = False) -> None:
        """Brings ``X`` or a layer into memory by columns, from where :meth:`obs_vector` takes genes then.

        Parameters
        ----------
        layer
            The layer; ``X`` by default.
        force
            Whether it is read again if it is there.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``.
        """
        matrix = self._lazy(layer)
        cached = self.__dict__.setdefault("_cached", {})
        if matrix is None or (not force and cached.get(layer, (None,))[0] is matrix):
            return
        block = matrix.to_memory()
        cached[layer] = (matrix, block.tocsc() if sparse.issparse(block) else block)

    def clear_cache(self, layer: str | None = None) -> None:
        """Forgets what :meth:`cache_X` brought."""
        self.__dict__.get("_cached", {}).pop(layer, None)

    # --------------------------------------------------------------------------------------------------- its life

    def write_h5ad(self, filename: Any = None, **options: Any) -> None:
        """Writes a ``.h5ad``, or a zarr store if the name says so; lazy matrices stream, sparse ones stay sparse.

        Parameters
        ----------
        filename
            Where to; its own file by default, which is replaced when the new one is complete.
        options
            Those of :meth:`annstream.AnnData.write_h5ad`; ``compression`` may be a :class:`Compression`.
        """
        if filename is not None and os.fspath(filename).endswith(".zarr"):
            self.write_zarr(filename, **options)
            return
        name, _, level = str(options.get("compression", "")).partition(":")
        if level:
            options |= {"compression": name, "compression_opts": int(level)}
        super().write_h5ad(filename, **options)

    def write(self, path: Any = None, **options: Any) -> None:
        """The same as :meth:`write_h5ad`."""
        self.write_h5ad(path, **options)

    def close(self) -> None:
        """Ends the use of ``X`` through this object; what was opened with ``"r+"`` is written to its file first."""
        if self._mode == "r+" and not self._closed and not self.is_view:
            self.write_h5ad()
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            AnnData.close(self)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("_cached", "_mode")}

    def __repr__(self) -> str:
        return _repr.text(self)

    if TYPE_CHECKING:
        obs: pd.DataFrame
        var: pd.DataFrame
