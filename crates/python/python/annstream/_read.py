"""From files to AnnData: tables by anndata itself, big matrices lazily."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
from anndata._io.h5ad import read_dataframe
from anndata.experimental import read_dispatched

from ._anndata import AnnData
from ._annstream import FormatError
from ._matrix import LazyMatrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

log = logging.getLogger("annstream")

_PATH = str | os.PathLike


def read(
    path: Any,
    *,
    backed: Any = "r",
    allow_external: bool = False,
    **concat_options: Any,
) -> AnnData:
    """Opens a file, or several as one, without reading the big matrices.

    Parameters
    ----------
    path
        A ``.h5ad``, ``.zarr`` or ``.zarr.zip``, or the URL of a zarr store. A list of them, or a dictionary from keys
        to them, is read as their concatenation, see :func:`annstream.concat`.
    backed
        Taken for the sake of ``anndata.read_h5ad``: ``"r"``, ``True``, ``None`` and ``False`` all mean the same here.
        ``"r+"`` is refused: a file is changed by writing it anew, ``adata.write_h5ad(path)``, which may be its own.
    allow_external
        Follow external links and virtual datasets of HDF5.
    concat_options
        For several files: those of :func:`annstream.concat`.

    Returns
    -------
    AnnData
        An :class:`anndata.AnnData` in every respect; ``X``, ``layers`` and ``raw.X`` are
        :class:`annstream.LazyMatrix`, all else is in memory as anndata reads it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is damaged, or no AnnData.
    """
    if backed not in ("r", None, True, False):
        msg = f"backed={backed!r}: files are opened for reading; write changes with `adata.write_h5ad(path)`"
        raise ValueError(msg)
    if isinstance(path, Mapping):
        from ._concat import concat

        opened = {key: read(one, allow_external=allow_external) for key, one in path.items()}
        return concat(opened, **concat_options)
    if not isinstance(path, _PATH):
        from ._concat import concat

        return concat([read(one, allow_external=allow_external) for one in path], **concat_options)
    if concat_options:
        msg = f"read() got an unexpected keyword argument {next(iter(concat_options))!r} for a single file"
        raise TypeError(msg)
    return _read_one(path, allow_external)


def _read_one(path: str | os.PathLike[str], allow_external: bool) -> AnnData:
    name = os.fspath(path)
    local = "://" not in name
    if local and not Path(name).exists():
        msg = f"{name}: there is no such file"
        raise FileNotFoundError(msg)
    path = Path(name) if local else name
    if not local or Path(name).is_dir() or name.endswith(".zip"):
        return _from_group(_zarr_group(path), path, allow_external)
    try:
        file = h5py.File(name, "r")
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | BlockingIOError) or "lock" in str(error):
            raise
        msg = f"{name}: is not an HDF5 file, or is damaged: {error}"
        raise FormatError(msg) from error
    with file:
        return _from_group(file, path, allow_external)


def _zarr_group(path: Any) -> Any:
    try:
        import zarr
    except ImportError as error:
        msg = "reading zarr stores needs the package zarr: pip install zarr"
        raise ImportError(msg) from error
    try:
        if str(path).endswith(".zip"):
            return zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
        return zarr.open_group(str(path), mode="r")
    except (FileNotFoundError, ValueError) as error:
        msg = f"{path}: is a folder without zarr metadata, or damaged: {error}"
        raise FormatError(msg) from error


def _from_group(root: Any, path: Any, allow_external: bool) -> AnnData:
    """All of a store: by anndata's own readers, but for the matrices that stay where they are."""

    def lazy(element: str, node: Any, read_node: Any) -> Any:
        try:
            return LazyMatrix.open(path, element, allow_external=allow_external)
        except (FormatError, KeyError) as error:
            try:
                value = read_node(node)
            except Exception:
                raise error from None
            if value is not None:
                log.warning("%s: %s is read into memory: %s", path, element, error)
            return value

    def visit(read_node: Any, name: str, node: Any, iospec: Any) -> Any:
        place = name.strip("/")
        if place == "":
            return {key: read_dispatched(node[key], visit) for key in _known(node)}
        if place in ("obs", "var"):
            return read_dataframe(node) if isinstance(node, h5py.Group | h5py.Dataset) else read_node(node)
        if place == "X" or place.startswith("layers/"):
            return lazy(place, node, read_node)
        if place == "layers":
            return {key: read_dispatched(node[key], visit) for key in node}
        if place == "raw":
            parts = {key: read_dispatched(node[key], visit) for key in ("var", "varm") if key in node}
            if "X" in node:
                parts["X"] = lazy("raw/X", node["X"], lambda node: read_dispatched(node, _plain))
            return parts
        return read_node(node)

    elements = read_dispatched(root, visit)
    if not isinstance(elements, dict) or not {"obs", "var"} & set(elements):
        msg = f"{path}: is not AnnData: there is neither obs nor var"
        raise FormatError(msg)
    if "raw.X" in root:
        elements["raw"] = {
            "X": lazy("raw/X", root["raw.X"], lambda node: read_dispatched(node, _plain)),
            "var": read_dataframe(root["raw.var"]),
        }
        if "raw.varm" in root:
            elements["raw"]["varm"] = read_dispatched(root["raw.varm"], _plain)
    adata = AnnData(**elements)
    adata._source = path
    if not hasattr(root["obs"], "keys"):
        from anndata.compat import _clean_uns

        _clean_uns(adata)
    return adata


def _plain(read_node: Any, name: str, node: Any, iospec: Any) -> Any:
    return read_node(node)


def _known(root: Any) -> Iterator[str]:
    known: Iterable[str] = ("X", "obs", "var", "uns", "obsm", "varm", "obsp", "varp", "layers", "raw")
    return (key for key in known if key in root)
