"""Opening files, and telling what is lazy."""

from __future__ import annotations

from typing import Any

from ..._anndata import AnnData
from ..._read import read as _open
from ._core import AnnDataOOM

_BACKENDS = (None, "hdf5", "zarr")


def read(path: Any, backed: str | bool | None = "r", **options: Any) -> AnnDataOOM:
    """Opens a ``.h5ad`` or a zarr store without reading its big matrices.

    Parameters
    ----------
    path
        The file.
    backed
        ``"r"``; ``None`` means the same. With ``"r+"``, :meth:`AnnDataOOM.close` writes the object to its file, which
        is replaced when the new one is complete; until then the file does not change.
    options
        ``backend`` for the sake of ``anndataoom``, and those of :func:`annstream.read`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    annstream.FormatError
        If it is damaged, or no AnnData.
    ValueError
        If ``backed`` or ``backend`` is something else.
    """
    backend = options.pop("backend", None)
    if backend not in _BACKENDS:
        msg = f"backend={backend!r}, expected 'hdf5' or 'zarr'"
        raise ValueError(msg)
    writes = backed == "r+"
    adata = AnnDataOOM(_open(path, backed="r" if writes else backed, **options))
    if writes:
        adata._mode = "r+"
    return adata


def is_oom(obj: Any) -> bool:
    """Whether an object is an AnnData of annstream, whose matrices are read when somebody looks.

    Parameters
    ----------
    obj
        Anything.
    """
    return isinstance(obj, AnnData) or bool(getattr(obj, "_is_oom", False))
