"""Zarr stores that are uploaded, in the forms that anndata writes."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import anndata
import zarr

from .inputs import large_sparse, make_good

FORMS = ["two", "three", "sharded", "plain"]
"""Format 2, format 3, format 3 with X in shards, and format 2 with an X of one large uncompressed chunk."""


def write_store(path: Path, form: str, seed: int = 0) -> Path:
    """Writes a store of this form, with consolidated metadata."""
    adata = make_good(seed, n_obs=3000, n_vars=400)
    adata.X = large_sparse(3000, 400, 40, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = anndata.settings.zarr_write_format
        anndata.settings.zarr_write_format = 2 if form in ("two", "plain") else 3
        try:
            adata.write_zarr(path)
            root = zarr.open_group(path, mode="r+", use_consolidated=False)
            if form == "sharded":
                replace_x(root, adata.X, chunks=(1000,), shards=(16_000,))
            if form == "plain":
                del root["X"]
                anndata.io.write_elem(
                    root,
                    "X",
                    large_sparse(3000, 4000, 1000, seed)[:, :400].toarray(),
                    dataset_kwargs={"chunks": (3000, 400), "compressor": None},
                )
            zarr.consolidate_metadata(path)
        finally:
            anndata.settings.zarr_write_format = kept
    return path


def replace_x(root: zarr.Group, matrix: Any, **options: Any) -> None:
    """Writes the values and column indices of X anew."""
    for name, values in (("data", matrix.data), ("indices", matrix.indices)):
        attributes = dict(root[f"X/{name}"].attrs)
        del root[f"X/{name}"]
        array = root["X"].create_array(name, shape=values.shape, dtype=values.dtype, **options)
        array[:] = values
        array.attrs.update(attributes)


def without_consolidated(store: Path, copy: Path) -> Path:
    """A copy whose metadata stands at the nodes only."""
    shutil.copytree(store, copy)
    (copy / ".zmetadata").unlink(missing_ok=True)
    for path in copy.rglob("zarr.json"):
        node = json.loads(path.read_text())
        if node.pop("consolidated_metadata", None) is not None:
            path.write_text(json.dumps(node))
    return copy
