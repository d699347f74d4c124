"""Several AnnData as one: on disk, or lazily."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from . import _annstream
from ._anndata import AnnData
from ._engine import engine
from ._matrix import LazyMatrix
from ._read import read
from ._settings import settings

if TYPE_CHECKING:
    Strategy = Literal["same", "unique", "first", "only"] | Callable[[Collection[Mapping]], Mapping] | None

_STRATEGIES = (None, "same", "unique", "first", "only")


def concat(
    adatas: Collection[Any] | Mapping[str, Any],
    *,
    axis: Literal["obs", 0, "var", 1] = "obs",
    join: Literal["inner", "outer"] = "inner",
    merge: Strategy = None,
    uns_merge: Strategy = None,
    label: str | None = None,
    keys: Collection[str] | None = None,
    index_unique: str | None = None,
    fill_value: Any = None,
    pairwise: bool = False,
) -> AnnData:
    """Puts AnnData one below the other without copying their matrices.

    Tables and all that is small are joined by :func:`anndata.concat`; ``X``, layers and ``raw.X`` of the result are
    read from the inputs when somebody looks, aligned on their way. Parameters and results are those of
    :func:`anndata.concat`.

    Parameters
    ----------
    adatas
        AnnData of annstream or of anndata, or paths; a dictionary gives their keys.
    axis
        Only ``"obs"``; along ``"var"`` :func:`concat_on_disk` merges files.
    join
        Keep the genes that all have (``"inner"``), or that any has (``"outer"``).
    merge, uns_merge, label, keys, index_unique, fill_value, pairwise
        As in :func:`anndata.concat`.

    Returns
    -------
    AnnData
        The concatenation; matrices are CSR, or dense where all inputs are.
    """
    if axis not in ("obs", 0):
        msg = "lazy concatenation is along obs; `annstream.concat_on_disk(..., axis='var')` merges files along var"
        raise NotImplementedError(msg)
    if isinstance(adatas, Mapping):
        if keys is not None:
            msg = "Cannot specify categories in both mapping keys and using `keys`. Only specify this once."
            raise TypeError(msg)
        keys, adatas = list(adatas.keys()), list(adatas.values())
    parts = [read(one) if isinstance(one, str | os.PathLike) else one for one in adatas]
    options: dict[str, Any] = {
        "join": join,
        "merge": merge,
        "uns_merge": uns_merge,
        "label": label,
        "keys": keys,
        "index_unique": index_unique,
        "fill_value": fill_value,
        "pairwise": pairwise,
    }
    joined = ad.concat([_shell(part) for part in parts], axis="obs", **options)
    result = AnnData(
        obs=joined.obs,
        var=joined.var,
        uns=joined.uns,
        obsm=dict(joined.obsm),
        varm=dict(joined.varm),
        obsp=dict(joined.obsp),
        varp=dict(joined.varp),
        shape=joined.shape,
    )
    maps = [_columns(part.var_names, joined.var_names) for part in parts]
    held = [part._has_X() for part in parts]
    if any(held) and not all(held):
        msg = (
            "Some (but not all) of the AnnData's to be concatenated had no .X value.\n\nConcatenation is currently "
            "only implemented for cases where all or none of the AnnData's have .X assigned."
        )
        raise NotImplementedError(msg)
    if parts and all(held):
        result.X = _stacked([part.X for part in parts], parts, maps, joined.n_vars, fill_value)
    names = [list(part.layers) for part in parts]
    chosen = dict.fromkeys(name for own in names for name in own)
    if join == "inner":
        chosen = {name: None for name in chosen if all(name in own for own in names)}
    for name in chosen:
        layers = [part.layers.get(name) for part in parts]
        result.layers[name] = _stacked(layers, parts, maps, joined.n_vars, fill_value)
    _join_raw(result, parts, options)
    return result


def _shell(part: ad.AnnData) -> ad.AnnData:
    """All but the big matrices."""
    return ad.AnnData(
        obs=part.obs,
        var=part.var,
        uns=part.uns,
        obsm=dict(part.obsm),
        varm=dict(part.varm),
        obsp=dict(part.obsp),
        varp=dict(part.varp),
        shape=part.shape,
    )


def _join_raw(result: AnnData, parts: list[ad.AnnData], options: dict[str, Any]) -> None:
    held = [part.raw is not None for part in parts]
    if not any(held):
        return
    if not all(held):
        msg = "Only some AnnData objects have `.raw` attribute, not concatenating `.raw` attributes."
        warnings.warn(msg, UserWarning, stacklevel=3)
        return
    raws = [
        AnnData(X=part.raw.X, obs=pd.DataFrame(index=part.obs_names), var=part.raw.var, varm=dict(part.raw.varm))
        for part in parts
    ]
    # As in anndata, where columns of raw.var are not merged.
    keep = {name: options[name] for name in ("join", "label", "keys", "index_unique", "fill_value")}
    raw = concat(raws, **keep)
    raw.obs_names = result.obs_names
    result.raw = raw


def _columns(own: pd.Index, new: pd.Index) -> list[int] | None:
    """The new place of each column, -1 where it leaves; ``None`` if all stay as they are."""
    return None if own.equals(new) else new.get_indexer(own).tolist()


def _is_sparse(matrix: Any) -> bool:
    return matrix.format != "dense" if isinstance(matrix, LazyMatrix) else sparse.issparse(matrix)


def _dtype(matrix: Any, holes: bool, dense: bool, fill: Any) -> np.dtype:
    """Type of what anndata makes of a matrix that is aligned with others; ``None`` is one that is not there."""
    filled = np.asarray(fill).dtype
    if matrix is None:
        return np.dtype(float) if not dense and fill == 0 else filled
    dtype = np.dtype(matrix.dtype)
    if not holes or (not dense and fill == 0):
        return dtype
    if not dense:
        return np.promote_types(dtype, filled)
    # Holes of dense matrices: floats stay what they are.
    return dtype if dtype.kind in "fc" else np.promote_types(dtype, filled)


def _stacked(
    matrices: list[Any], parts: list[ad.AnnData], maps: list[list[int] | None], width: int, fill_value: Any
) -> LazyMatrix:
    there = [matrix for matrix in matrices if matrix is not None]
    dense = not any(map(_is_sparse, there))
    fill = fill_value if fill_value is not None else (np.nan if dense else 0)
    dtypes = [
        _dtype(matrix, places is not None and len(set(places) - {-1}) < width, dense, fill)
        for matrix, places in zip(matrices, maps, strict=True)
    ]
    dtype = np.result_type(*dtypes)
    stacked, places_of = [], []
    for matrix, part, places in zip(matrices, parts, maps, strict=True):
        if matrix is None:
            matrix, places = sparse.csr_matrix((part.n_obs, 0), dtype=dtype), []
        stacked.append(LazyMatrix.wrap(matrix)._matrix)
        places_of.append(places)
    hole = None if np.isnan(fill) else float(fill)
    return LazyMatrix(_annstream.Matrix.stack(stacked, places_of, width, dtype.name, dense, hole))


def concat_on_disk(
    in_files: Collection[Any] | Mapping[str, Any],
    out_file: Any,
    *,
    max_loaded_elems: int = 100_000_000,
    axis: Literal["obs", 0, "var", 1] = 0,
    join: Literal["inner", "outer"] = "inner",
    merge: Strategy = None,
    uns_merge: Strategy = None,
    label: str | None = None,
    keys: Collection[str] | None = None,
    index_unique: str | None = None,
    fill_value: Any = None,
    pairwise: bool = False,
    memory: int | str | None = None,
    threads: int | None = None,
    compression: str | None = None,
    zarr_format: int = 3,
    allow_external: bool = False,
) -> None:
    """Merges files on disk, as :func:`anndata.experimental.concat_on_disk` does, with its arguments.

    What is merged streams through memory, on all threads; the output gets its name when it is complete. The result is
    that of :func:`anndata.concat`, written.

    Parameters
    ----------
    in_files
        Paths, also URLs of zarr stores; a dictionary gives their keys.
    out_file
        A path ending with ``.h5ad`` or ``.zarr``; what stands there is replaced.
    max_loaded_elems
        For the sake of anndata; ``memory`` is what counts here.
    axis, join, label, keys, index_unique, fill_value, pairwise
        As in :func:`anndata.concat`.
    merge, uns_merge
        As in :func:`anndata.concat`. With a callable, what belongs to the other axis or to ``uns`` is merged by
        anndata, in memory; matrices stream all the same.
    memory, threads
        Instead of those of ``annstream.settings``.
    compression
        ``none``, ``gzip``, ``lzf``, ``zstd`` with a level such as ``gzip:4``; by default what the inputs have.
    zarr_format
        3 or 2, for a zarr output.
    allow_external
        Follow external links and virtual datasets of the inputs.
    """
    if isinstance(in_files, Mapping):
        if keys is not None:
            msg = "Cannot specify categories in both mapping keys and using `keys`. Only specify this once."
            raise TypeError(msg)
        keys, in_files = list(in_files.keys()), list(in_files.values())
    inputs = [_path(one) for one in in_files]
    if not inputs:
        msg = "No objects to concatenate."
        raise ValueError(msg)
    if axis not in ("obs", 0, "var", 1):
        msg = f"axis must be 0, 1, 'obs' or 'var', not {axis!r}"
        raise ValueError(msg)
    for name, strategy in (("merge", merge), ("uns_merge", uns_merge)):
        if not callable(strategy) and strategy not in _STRATEGIES:
            msg = f"{name} must be one of {_STRATEGIES} or a function, not {strategy!r}"
            raise ValueError(msg)
    target = Path(os.fspath(out_file))
    if any("://" not in str(one) and os.path.realpath(one) == os.path.realpath(target) for one in inputs):
        msg = f"{target}: the output is one of the inputs"
        raise ValueError(msg)
    own = {name: value for name, value in (("memory", memory), ("threads", threads)) if value is not None}
    by_anndata = callable(merge) or callable(uns_merge)
    along = 0 if axis in ("obs", 0) else 1
    with settings.override(**own):
        where = _Beside(target) if by_anndata else None
        try:
            said = engine().concat_files(
                inputs,
                where.place if where else target,
                axis=along,
                join=join,
                merge="none" if callable(merge) else merge or "none",
                uns_merge="none" if callable(uns_merge) else uns_merge or "none",
                label=label,
                keys=None if keys is None else [str(key) for key in keys],
                index_unique=index_unique,
                fill_value=fill_value,
                pairwise=pairwise,
                compression=compression,
                zarr_format=zarr_format,
                allow_external=allow_external,
            )
            if where:
                shells = [_shell(read(one, allow_external=allow_external)) for one in inputs]
                joined = ad.concat(
                    shells,
                    axis=axis,
                    join=join,
                    merge=merge,
                    uns_merge=uns_merge,
                    label=label,
                    keys=keys,
                    pairwise=False,
                )
                where.fill(joined, ("var", "varm", "varp", "uns") if along == 0 else ("obs", "obsm", "obsp", "uns"))
        finally:
            if where:
                where.clear()
    for message in said:
        warnings.warn(message, UserWarning, stacklevel=2)


def _path(one: Any) -> Any:
    if isinstance(one, str):
        return one
    if isinstance(one, os.PathLike):
        return os.fspath(one)
    msg = f"a {type(one).__name__} to merge, expected a path; anndata.experimental.concat_on_disk merges open groups"
    raise TypeError(msg)


class _Beside:
    """A merged file beside its place, to which elements are added before it gets there."""

    def __init__(self, target: Path) -> None:
        from ._write import _beside, _replace_file, _replace_folder

        self._zarr = target.suffix == ".zarr"
        replace = _replace_folder if self._zarr else _replace_file
        self._context = _beside(target, target.suffix, replace)
        self._done = False
        self.place = self._context.__enter__()

    def fill(self, joined: ad.AnnData, names: tuple[str, ...]) -> None:
        from anndata.io import write_elem

        def write(root: Any) -> None:
            for name in names:
                value = getattr(joined, name)
                if name in root:
                    del root[name]
                write_elem(root, name, value if isinstance(value, pd.DataFrame) else dict(value))

        if self._zarr:
            import zarr

            root = zarr.open_group(str(self.place), mode="r+", use_consolidated=False)
            write(root)
            zarr.consolidate_metadata(root.store)
        else:
            import h5py

            with h5py.File(self.place, "r+") as root:
                write(root)
        self._done = True

    def clear(self) -> None:
        if self._done:
            self._context.__exit__(None, None, None)
            return
        try:
            self._context.__exit__(RuntimeError, RuntimeError("not complete"), None)
        except RuntimeError:
            return
