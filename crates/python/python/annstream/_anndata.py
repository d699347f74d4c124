"""AnnData of which the big matrices stay in their file."""

from __future__ import annotations

import gc
import logging
import warnings
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata import ImplicitModificationWarning
from anndata._core.index import _subset

from ._matrix import LazyMatrix
from ._repr import html
from ._slots import BESIDE, layer_names, own_x

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from types import TracebackType

log = logging.getLogger("annstream")

# Cells and genes of which copied tables are worth looking for garbage.
_MANY = 100_000

# What anndata 0.13 takes between brackets beside cells and genes.
try:
    from anndata.acc import AdRef, LayerAcc, MapAcc, RefAcc
except ImportError:
    _REFERENCES: tuple[type, ...] = ()
else:
    _REFERENCES = (AdRef, MapAcc, RefAcc)


def _gene(reference: Any) -> tuple[str, str | None] | None:
    """The gene and the layer that a reference names if it is one to the values of a gene, as plots make them."""
    if not isinstance(reference, AdRef) or not isinstance(reference.acc, LayerAcc):
        return None
    return (reference.idx[1], reference.acc.k) if isinstance(reference.idx[1], str) else None


class AnnData(ad.AnnData):
    """An :class:`anndata.AnnData` whose ``X``, layers and ``raw.X`` may be :class:`annstream.LazyMatrix`.

    Everything that anndata does with it is done by anndata: names, masks, slices, views, copies on modification,
    checks of shapes. Views and copies of lazy matrices cost nothing; they keep their files open as long as they live.
    Writing streams.

    It is made by :func:`annstream.read` and :func:`annstream.concat`; the arguments are those of
    :class:`anndata.AnnData`.
    """

    _source: Any = None
    _closed: bool = False

    # -------------------------------------------------------------------------------------------- what it holds

    def __getitem__(self, index: Any) -> AnnData:
        """A view of some cells and genes: names, label slices, masks, positions, in any order."""
        if isinstance(index, _REFERENCES):
            values = self._column(*gene) if (gene := _gene(index)) else None
            return super().__getitem__(index) if values is None else values
        obs, var = self._normalize_indices(index)
        return type(self)(self, oidx=obs, vidx=var, asview=True)

    @property
    def X(self) -> Any:
        """The matrix of cells and genes."""
        if not self.is_view:
            if self._closed:
                msg = "this AnnData was closed; views and copies of it live on"
                raise ValueError(msg)
            return own_x(self)
        whole = own_x(self._adata_ref)
        if not isinstance(whole, LazyMatrix):
            return ad.AnnData.X.fget(self)
        seen = self.__dict__.get("_seen")
        if seen is None or seen[0] is not whole:
            seen = self._seen = (whole, _subset(whole, (self._oidx, self._vidx)))
        return seen[1]

    @X.setter
    def X(self, value: Any) -> None:
        of_lazy = self.is_view and isinstance(own_x(self._adata_ref), LazyMatrix)
        if isinstance(value, LazyMatrix) or (of_lazy and value is not None and not np.isscalar(value)):
            shape = getattr(value, "shape", None)
            if shape != self.shape:
                msg = f"Data matrix has wrong shape {shape}, need to be {self.shape}."
                raise ValueError(msg)
        if of_lazy:
            if np.isscalar(value):
                value = np.full(self.shape, value)
            msg = "Setting element `.X` of view, initializing view as actual."
            warnings.warn(msg, ImplicitModificationWarning, stacklevel=2)
            self._init_as_actual(self._with_x(value))
            return
        ad.AnnData.X.fset(self, value)

    @X.deleter
    def X(self) -> None:
        self.X = None

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(own_x(self._adata_ref if self.is_view else self), LazyMatrix):
            msg = (
                "values of a lazy X cannot be assigned one by one; bring them into memory first: `adata.X = adata.X[:]`"
            )
            raise NotImplementedError(msg)
        super().__setitem__(index, value)

    def _mutated_copy(self, **changed: Any) -> AnnData:
        """A copy with other elements, as anndata makes it up to 0.12."""
        new = super()._mutated_copy(**changed)
        new.__class__ = type(self)
        return new

    def _copy(self, **changed: Any) -> AnnData:
        """The same from 0.13 on."""
        new = super()._copy(**changed)
        new.__class__ = type(self)
        return new

    def _inplace_subset_obs(self, index: Any) -> None:
        super()._inplace_subset_obs(index)
        self._forget()

    def _inplace_subset_var(self, index: Any) -> None:
        super()._inplace_subset_var(index)
        self._forget()

    def _forget(self) -> None:
        """Frees the tables that anndata copied for a subset: they refer to each other, and would stay for long."""
        if self.n_obs + self.n_vars > _MANY:
            gc.collect()

    def _with_x(self, value: Any) -> AnnData:
        return self._mutated_copy(X=value) if BESIDE else self._copy(X=value)

    def copy(self, filename: str | os.PathLike[str] | None = None) -> AnnData:
        """A copy that shares nothing but the values in the file.

        Parameters
        ----------
        filename
            Where to write it; what is returned reads from there then.
        """
        if filename is None:
            lazy = self.is_view and isinstance(own_x(self._adata_ref), LazyMatrix)
            new = self._with_x(self.X) if lazy else super().copy()
            new._source = self._source
            return new
        from ._read import read

        self.write_h5ad(filename)
        return read(filename)

    def _has_X(self) -> bool:
        return own_x(self._adata_ref if self.is_view else self) is not None

    def to_memory(self, *, copy: bool = False) -> ad.AnnData:
        """A plain :class:`anndata.AnnData` with everything in memory.

        Parameters
        ----------
        copy
            Whether what is in memory already is copied.

        Raises
        ------
        annstream.BudgetError
            If a matrix would take more than ``annstream.settings.memory``.
        """
        return super().to_memory(copy=copy)

    # ---------------------------------------------------------------------------------------------- looking at values

    def to_df(self, layer: str | None = None) -> pd.DataFrame:
        """Values of all cells and genes as a data frame, dense and in memory.

        Parameters
        ----------
        layer
            The layer; ``X`` by default.

        Raises
        ------
        annstream.BudgetError
            If it would take more than ``annstream.settings.memory``.
        """
        matrix = self._lazy(layer)
        if matrix is None:
            return super().to_df(layer)
        return pd.DataFrame(matrix.toarray(), index=self.obs_names, columns=self.var_names)

    def obs_vector(self, k: str, *, layer: str | None = None) -> np.ndarray:
        """Values of one gene or one column of ``obs`` for all cells; what was read is remembered.

        A gene of a CSC matrix is read where it stands; one of a CSR matrix takes a pass, see :meth:`obs_vectors` for
        many.

        Parameters
        ----------
        k
            Name of a gene, or of a column of ``obs``.
        layer
            The layer; ``X`` by default.
        """
        values = None if k in self.obs.columns else self._column(k, layer)
        return super().obs_vector(k, layer=layer) if values is None else values

    def _column(self, gene: str, layer: str | None) -> np.ndarray | None:
        """Values of a gene, if the matrix is lazy and has it once."""
        matrix = self._lazy(layer)
        place = self.var_names.get_loc(gene) if matrix is not None and gene in self.var_names else None
        return matrix.columns([place])[:, 0].copy() if isinstance(place, int) else None

    def obs_vectors(self, keys: Sequence[str], *, layer: str | None = None, use_raw: bool = False) -> pd.DataFrame:
        """Values of genes and of columns of ``obs`` for all cells, in one pass over the matrix.

        Parameters
        ----------
        keys
            Names of genes, or of columns of ``obs``.
        layer
            The layer; ``X`` by default.
        use_raw
            Take genes from ``raw``.

        Returns
        -------
        pandas.DataFrame
            A column for each key, in order.
        """
        names = self.raw.var_names if use_raw else self.var_names
        keys = list(dict.fromkeys(keys))
        genes = [key for key in keys if key not in self.obs.columns]
        places = names.get_indexer(genes)
        if (places < 0).any():
            missing = [gene for gene, place in zip(genes, places, strict=True) if place < 0]
            msg = f"Could not find keys {missing} in columns of `obs` or in `{'raw.' if use_raw else ''}var_names`."
            raise KeyError(msg)
        source = self.raw.X if use_raw else self._values(layer)
        if isinstance(source, LazyMatrix):
            values = source.columns(places)
        else:
            values = source[:, places]
            values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        # The array itself, which may be large, and not a copy.
        frame = pd.DataFrame(values, index=self.obs_names, columns=genes, copy=False)
        for place, key in enumerate(keys):
            if key in self.obs.columns:
                frame.insert(place, key, self.obs[key])
        return frame

    def _values(self, layer: str | None) -> Any:
        return self.X if layer is None else self.layers[layer]

    def _lazy(self, layer: str | None) -> LazyMatrix | None:
        if layer is not None and layer not in self.layers:
            return None
        matrix = self.X if layer is None else self.layers[layer]
        return matrix if isinstance(matrix, LazyMatrix) else None

    def chunks(self, n: int = 10_000, *, layer: str | None = None) -> Iterator[tuple[slice, Any]]:
        """Goes through the cells in order: a slice of them and their values, in memory.

        Parameters
        ----------
        n
            Cells at a time.
        layer
            The layer; ``X`` by default.
        """
        matrix = self._values(layer)
        if isinstance(matrix, LazyMatrix):
            yield from matrix.chunks(n)
            return
        for start in range(0, self.n_obs, n):
            rows = slice(start, min(start + n, self.n_obs))
            yield rows, matrix[rows]

    def chunked_X(self, chunk_size: int | None = None) -> Iterator[tuple[Any, int, int]]:
        """As in anndata: ``(chunk, start, stop)`` for the cells in order.

        Parameters
        ----------
        chunk_size
            Cells at a time; 6000 by default.
        """
        for rows, block in self.chunks(chunk_size or 6000):
            yield block, rows.start, rows.stop

    # --------------------------------------------------------------------------------------------------- writing

    def write_h5ad(
        self,
        filename: str | os.PathLike[str] | None = None,
        *,
        convert_strings_to_categoricals: bool = True,
        compression: str | None = "source",
        compression_opts: Any = None,
        as_dense: Sequence[str] = (),
    ) -> None:
        """Writes a ``.h5ad``; lazy matrices stream through memory. The file gets its name when it is complete.

        Parameters
        ----------
        filename
            Where to; the file that was read from by default. That one may be named, too: it is replaced when the new
            one is complete.
        convert_strings_to_categoricals
            As in anndata.
        compression
            ``None``, ``"gzip"``, ``"lzf"``; ``"source"``, the default, keeps that of the matrices.
        compression_opts
            The level of gzip.
        as_dense
            ``"X"`` or ``"raw/X"`` to write them dense.
        """
        from ._write import write_h5ad

        write_h5ad(
            self,
            filename,
            convert_strings_to_categoricals=convert_strings_to_categoricals,
            compression=compression,
            compression_opts=compression_opts,
            as_dense=as_dense,
        )

    write = write_h5ad

    def write_zarr(
        self,
        store: str | os.PathLike[str],
        *,
        chunks: tuple[int, ...] | None = None,
        convert_strings_to_categoricals: bool = True,
        compression: str | None = "source",
        zarr_format: int = 3,
    ) -> None:
        """Writes a zarr store; lazy matrices stream through memory. The folder gets its name when it is complete.

        Parameters
        ----------
        store
            Where to: a folder ending with ``.zarr``.
        chunks
            For the sake of anndata; annstream chooses its own chunks for the matrices that it streams.
        convert_strings_to_categoricals
            As in anndata.
        compression
            Of the matrices that stream: ``None``, ``"gzip"``, ``"lzf"``, ``"zstd"``, or ``"source"`` for what they
            have.
        zarr_format
            3, with many chunks in a file, or 2.
        """
        from ._write import write_zarr

        write_zarr(
            self,
            store,
            convert_strings_to_categoricals=convert_strings_to_categoricals,
            compression=compression,
            zarr_format=zarr_format,
        )

    def write_loom(self, filename: Any, **options: Any) -> None:
        """Writes a loom file, through memory; see :meth:`anndata.AnnData.write_loom`.

        Parameters
        ----------
        filename
            Where to.
        options
            As in anndata.
        """
        self.to_memory().write_loom(filename, **options)

    def write_csvs(self, dirname: Any, **options: Any) -> None:
        """Writes tables as text, through memory; see :meth:`anndata.AnnData.write_csvs`.

        Parameters
        ----------
        dirname
            The folder.
        options
            As in anndata.
        """
        self.to_memory().write_csvs(dirname, **options)

    # ------------------------------------------------------------------------------------------------- its life

    def close(self) -> None:
        """Ends the use of ``X`` through this object. Views and copies live on, and keep the file open while they do."""
        if not self.is_view:
            self._closed = True

    def __enter__(self) -> AnnData:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A view is pickled as what it shows, not as its parent.
        return (self.copy() if self.is_view else super()).__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_seen"}

    def _gen_repr(self, n_obs: int, n_vars: int) -> str:
        text = super()._gen_repr(n_obs, n_vars)
        lazy = self._lazy_names()
        return f"{text}\n    lazy: {', '.join(lazy)}" if lazy else text

    def _lazy_names(self) -> list[str]:
        """The matrices that stay in their file, with what they are; reads nothing."""
        whole = self._adata_ref if self.is_view else self
        matrices = {"X": own_x(whole), **{f"layers[{key!r}]": whole._layers[key] for key in layer_names(whole)}}
        if self._raw is not None:
            matrices["raw.X"] = self._raw.X
        return [
            f"{name} ({value.format} {value.dtype})"
            for name, value in matrices.items()
            if isinstance(value, LazyMatrix)
        ]

    def _repr_html_(self) -> str:
        return html(self)
