"""From AnnData to files: big matrices as a stream, all else by anndata itself, and a name when all is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
from anndata.io import write_elem

from . import _annstream
from ._matrix import LazyMatrix
from ._slots import layer_names, set_own_x

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ._anndata import AnnData

_MAPPINGS = ("obsm", "varm", "obsp", "varp", "uns")


def write_h5ad(
    adata: AnnData,
    filename: str | os.PathLike[str] | None,
    *,
    convert_strings_to_categoricals: bool,
    compression: str | None,
    compression_opts: Any,
    as_dense: Sequence[str],
) -> None:
    """See :meth:`annstream.AnnData.write_h5ad`."""
    target = _target(adata, filename)
    dense = {"raw/X" if name == "raw.X" else name for name in ([as_dense] if isinstance(as_dense, str) else as_dense)}
    if dense - {"X", "raw/X"}:
        msg = "Currently, only `X` and `raw/X` are supported values in `as_dense`"
        raise NotImplementedError(msg)
    _categoricals(adata, convert_strings_to_categoricals)
    lazy = _lazy(adata)
    if compression == "source":
        codec = next((matrix._matrix.compression for matrix in lazy.values()), "none")
        small = _for_h5py(codec)
    else:
        codec = _codec(compression, compression_opts)
        known = codec.partition(":")[0] in ("none", "gzip", "lzf", "zstd")
        small = _for_h5py(codec) if known else {"compression": compression, "compression_opts": compression_opts}
    chosen = None if compression == "source" else codec
    with _beside(target, ".h5ad", _replace_file) as place:
        _annstream.write_matrices(place, [(name, one._matrix, name in dense, chosen) for name, one in lazy.items()])
        with h5py.File(place, "r+") as file:
            _rest(file, adata, lazy, dense, small)
            file.flush()
        _sync(place)
    _read_from(adata, target, lazy)


def write_zarr(
    adata: AnnData,
    store: str | os.PathLike[str],
    *,
    convert_strings_to_categoricals: bool,
    compression: str | None,
    zarr_format: int,
) -> None:
    """See :meth:`annstream.AnnData.write_zarr`."""
    import zarr

    target = _target(adata, store)
    if target.suffix != ".zarr":
        msg = f"{target}: a zarr store is written to a folder whose name ends with .zarr"
        raise ValueError(msg)
    if target.exists() and not any((target / name).exists() for name in ("zarr.json", ".zgroup", ".zattrs")):
        msg = f"{target}: is there, and is no zarr store"
        raise FileExistsError(msg)
    _categoricals(adata, convert_strings_to_categoricals)
    lazy = _lazy(adata)
    chosen = None if compression == "source" else _codec(compression, None)
    with _beside(target, ".zarr", _replace_folder) as place:
        _annstream.write_matrices(
            place, [(name, one._matrix, False, chosen) for name, one in lazy.items()], zarr_format=zarr_format
        )
        root = zarr.open_group(str(place), mode="r+", use_consolidated=False)
        _rest(root, adata, lazy, set(), {})
        zarr.consolidate_metadata(root.store)
    _read_from(adata, target, lazy)


def _target(adata: AnnData, name: str | os.PathLike[str] | None) -> Path:
    if name is None:
        if adata._source is None or "://" in str(adata._source):
            msg = "Provide a filename!"
            raise ValueError(msg)
        name = adata._source
    if not isinstance(name, str | os.PathLike):
        msg = f"a {type(name).__name__} to write to, expected a path"
        raise TypeError(msg)
    if "://" in os.fspath(name):
        msg = f"{os.fspath(name)}: outputs are written to this machine, not to URLs"
        raise ValueError(msg)
    target = Path(name)
    if not target.absolute().parent.is_dir():
        msg = f"{target}: its folder does not exist"
        raise FileNotFoundError(msg)
    return target


def _categoricals(adata: AnnData, wanted: bool) -> None:
    if wanted:
        adata.strings_to_categoricals()
        if adata.raw is not None:
            adata.strings_to_categoricals(adata.raw.var)


def _lazy(adata: AnnData) -> dict[str, LazyMatrix]:
    """The matrices that stream, by their place in the file."""
    all_matrices = {"X": adata.X} if adata._has_X() else {}
    all_matrices |= {f"layers/{key}": adata.layers[key] for key in layer_names(adata)}
    if adata.raw is not None:
        all_matrices["raw/X"] = adata.raw.X
    for name in ("obsm", "varm", "obsp", "varp"):
        mapping = getattr(adata, name)
        all_matrices |= {f"{name}/{key}": mapping[key] for key in mapping}
    return {name: value for name, value in all_matrices.items() if isinstance(value, LazyMatrix)}


def _codec(compression: str | None, level: Any) -> str:
    if compression is None:
        return "none"
    return f"{compression}:{level}" if isinstance(level, int) and compression in ("gzip", "zstd") else compression


def _for_h5py(codec: str) -> dict[str, Any]:
    """What h5py makes of a codec, for small elements; zstd it cannot write alone."""
    name, _, level = codec.removeprefix("shuffle+").partition(":")
    if name == "gzip":
        return {"compression": "gzip", "compression_opts": int(level or 4)}
    return {"compression": "lzf"} if name == "lzf" else {}


def _rest(root: Any, adata: AnnData, lazy: dict[str, LazyMatrix], dense: set[str], options: dict[str, Any]) -> None:
    """Everything that does not stream, as anndata writes it."""

    def write(name: str, value: Any) -> None:
        group, key = _place(root, name)
        write_elem(group, key, value, dataset_kwargs=options)

    root.attrs["encoding-type"] = "anndata"
    root.attrs["encoding-version"] = "0.1.0"
    if adata._has_X() and "X" not in lazy:
        _matrix(root, "X", adata.X, "X" in dense, options)
    write("obs", adata.obs)
    write("var", adata.var)
    for name in ("layers", *_MAPPINGS):
        mapping = {key: value for key, value in getattr(adata, name).items() if key is not None}
        if any(f"{name}/{key}" in lazy for key in mapping):
            group = root.require_group(name)
            group.attrs["encoding-type"] = "dict"
            group.attrs["encoding-version"] = "0.1.0"
            for key, value in mapping.items():
                if f"{name}/{key}" not in lazy:
                    write(f"{name}/{key}", value)
        else:
            write(name, mapping)
    raw = adata.raw
    if raw is None:
        return
    if "raw/X" not in lazy and "raw/X" not in dense:
        write("raw", raw)
        return
    group = root.require_group("raw")
    group.attrs["encoding-type"] = "raw"
    group.attrs["encoding-version"] = "0.1.0"
    if "raw/X" not in lazy:
        _matrix(root, "raw/X", raw.X, True, options)
    write("raw/var", raw.var)
    write("raw/varm", dict(raw.varm))


def _matrix(root: Any, name: str, value: Any, dense: bool, options: dict[str, Any]) -> None:
    value = value.toarray() if dense and hasattr(value, "toarray") else value
    group, key = _place(root, name)
    write_elem(group, key, value, dataset_kwargs=options)


def _place(root: Any, name: str) -> tuple[Any, str]:
    """The group of an element and its key there: anndata from 0.13 on takes no paths."""
    group, _, key = name.partition("/")
    return (root[group], key) if key else (root, name)


@contextmanager
def _beside(target: Path, suffix: str, replace: Callable[[Path, Path], None]) -> Iterator[Path]:
    """A place beside the target, which becomes the target at the end, or vanishes."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        place = folder / f"new{suffix}"
        yield place
        replace(place, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace_file(place: Path, target: Path) -> None:
    if target.exists():
        place.chmod(target.stat().st_mode & 0o7777)
    place.replace(target.resolve() if target.is_symlink() else target)


def _replace_folder(place: Path, target: Path) -> None:
    """A folder cannot replace another one at once: the old one steps aside first, and back if that was in vain."""
    real = target.resolve() if target.is_symlink() else target
    aside = place.parent / "old.zarr"
    if real.exists():
        real.rename(aside)
    try:
        place.rename(real)
    except OSError:
        if aside.exists():
            aside.rename(real)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_from(adata: AnnData, target: Path, lazy: dict[str, LazyMatrix]) -> None:
    """After a file was written onto itself, what was read from the old one is read from the new one."""
    if adata.is_view or not any(_same(path, target) for matrix in lazy.values() for path in matrix.paths):
        return
    fresh = {name: LazyMatrix.open(target, name) for name in lazy}
    if "X" in fresh:
        set_own_x(adata, fresh["X"])
    if "raw/X" in fresh:
        adata._raw._X = fresh["raw/X"]
    for name, matrix in fresh.items():
        mapping, _, key = name.partition("/")
        if key and mapping != "raw":
            getattr(adata, f"_{mapping}")[key] = matrix


def _same(path: Any, target: Path) -> bool:
    return "://" not in str(path) and Path(path).resolve() == target.resolve()
