"""Real zarr stores, in folders and archives, and real files written as zarr."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import anndata
import pytest

from . import real_data
from .family_zarr import read
from .runner import check_concat

STORES = ["kang_ctrl.v2.zarr", "kang_stim.v3.zarr", "misc/blobs_table.v2.zarr", "misc/blobs_table.v3.zarr"]
ARCHIVES = ["legacy/anndata_v0.7.0.zarr.zip", "legacy/anndata_v0.7.8.zarr.zip", "legacy/anndata_v0.11.4.zarr.zip"]
OUTPUTS = [("out.h5ad", []), ("out.zarr", ["--zarr-format=2"]), ("out.zarr", ["--zarr-format=3"])]
ALONE = {"merge": "first", "uns_merge": "first", "pairwise": True}


@pytest.mark.parametrize(("name", "flags"), OUTPUTS)
@pytest.mark.parametrize("store", STORES)
def test_one_real_store(store: str, name: str, flags: list[str], tmp_path: Path) -> None:
    """Everything of one store arrives in every format."""
    path = real_data.path_of(store)
    check_concat([path], [read(path)], ALONE, tmp_path, flags, name)


@pytest.mark.parametrize(("name", "flags"), OUTPUTS)
@pytest.mark.parametrize("archive", ARCHIVES)
def test_one_real_archive(archive: str, name: str, flags: list[str], tmp_path: Path) -> None:
    """An archive is read where it stands. What it holds is what anndata finds in it when it is unpacked."""
    path = real_data.path_of(archive)
    unpacked = tmp_path / "unpacked.zarr"
    with warnings.catch_warnings(), zipfile.ZipFile(path) as file:
        warnings.simplefilter("ignore")
        file.extractall(unpacked)
    check_concat([path], [read(unpacked)], ALONE, tmp_path, flags, name)


@pytest.mark.parametrize(("name", "flags"), OUTPUTS)
@pytest.mark.parametrize("join", ["inner", "outer"])
def test_stores_and_files_mixed(join: str, name: str, flags: list[str], tmp_path: Path) -> None:
    """Stores of both formats beside a file."""
    paths = [real_data.path_of(item) for item in [*STORES[:2], "kang_ctrl_csc_int32.h5ad"]]
    adatas = [read(path) for path in paths]
    check_concat(paths, adatas, {"join": join, "label": "part", "index_unique": "-"}, tmp_path, flags, name)


@pytest.mark.parametrize(("name", "flags"), OUTPUTS[1:])
@pytest.mark.parametrize("item", [*real_data.ZOO, *real_data.MOUSE, *real_data.ARCHIVES, *real_data.BPCELLS])
def test_real_file_as_zarr(item: str, name: str, flags: list[str], tmp_path: Path) -> None:
    """A real file, written as zarr."""
    path = real_data.path_of(item)
    check_concat([path], [anndata.AnnData.copy(real_data.read(path))], ALONE, tmp_path, flags, name)
