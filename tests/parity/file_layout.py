"""The layout of a file or store that any reader relies on."""

from __future__ import annotations

import contextlib
from pathlib import Path

import h5py
import zarr

GROUPS = {
    "obs": "dataframe",
    "var": "dataframe",
    "layers": "dict",
    "obsm": "dict",
    "varm": "dict",
    "obsp": "dict",
    "varp": "dict",
    "uns": "dict",
}
BRANCHES = {"anndata", "dict", "raw", "dataframe"}


def assert_well_formed(path: Path) -> None:
    """Root and mappings are there, and every element carries its encoding."""
    with contextlib.closing(h5py.File(path, "r")) if path.is_file() else opened_zarr(path) as file:
        for name, encoding in GROUPS.items():
            assert name in file, f"/{name}: not in the file"
            found = file[name].attrs.get("encoding-type")
            assert found == encoding, f"/{name}: encoding-type {found!r}, expected {encoding!r}"
        assert_encoded(file, "")
        version = file.attrs["encoding-type"], file.attrs["encoding-version"]
        assert version == ("anndata", "0.1.0"), f"/: encoding {version}"


def opened_zarr(path: Path) -> contextlib.AbstractContextManager[zarr.Group]:
    """The root of a zarr store, whose consolidated metadata must agree with that of its nodes."""
    root = zarr.open_group(path, mode="r", use_consolidated=True)
    plain = zarr.open_group(path, mode="r", use_consolidated=False)
    names = [sorted(name for name, _ in group.members(max_depth=None)) for group in (root, plain)]
    assert names[0] == names[1], f"consolidated metadata names {names[0]}, the store has {names[1]}"
    return contextlib.nullcontext(root)


def assert_encoded(element: h5py.Group | h5py.Dataset | zarr.Group | zarr.Array, path: str) -> None:
    """`element` and everything below it has `encoding-type` and `encoding-version`."""
    for attribute in ("encoding-type", "encoding-version"):
        assert attribute in element.attrs, f"{path}/: no {attribute}"
    if element.attrs["encoding-type"] in BRANCHES:
        items = element.members() if isinstance(element, zarr.Group) else element.items()
        for name, child in items:
            assert_encoded(child, f"{path}/{name}")
