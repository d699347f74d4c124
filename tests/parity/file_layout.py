"""The layout of an h5ad file that any reader relies on."""

from __future__ import annotations

from pathlib import Path

import h5py

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
    with h5py.File(path, "r") as file:
        for name, encoding in GROUPS.items():
            assert name in file, f"/{name}: not in the file"
            found = file[name].attrs.get("encoding-type")
            assert found == encoding, f"/{name}: encoding-type {found!r}, expected {encoding!r}"
        assert_encoded(file, "")
        version = file.attrs["encoding-type"], file.attrs["encoding-version"]
        assert version == ("anndata", "0.1.0"), f"/: encoding {version}"


def assert_encoded(element: h5py.Group | h5py.Dataset, path: str) -> None:
    """`element` and everything below it has `encoding-type` and `encoding-version`."""
    for attribute in ("encoding-type", "encoding-version"):
        assert attribute in element.attrs, f"{path}/: no {attribute}"
    if element.attrs["encoding-type"] in BRANCHES:
        for name, child in element.items():
            assert_encoded(child, f"{path}/{name}")
