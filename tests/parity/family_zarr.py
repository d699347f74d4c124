"""The same inputs as zarr stores: formats, codecs, orders, shards.

`rewrite(rng, adata, path)` writes an input as zarr in a way chosen at random, and reads it back.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import anndata
import numcodecs
import numpy as np
import zarr
import zarr.codecs
from anndata.experimental import write_dispatched

CODECS_2 = [
    numcodecs.Blosc(cname="zstd", clevel=3, shuffle=numcodecs.Blosc.BITSHUFFLE),
    numcodecs.Blosc(cname="lz4hc", clevel=9, shuffle=numcodecs.Blosc.NOSHUFFLE),
    numcodecs.Blosc(cname="zlib", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE),
    numcodecs.LZ4(),
    numcodecs.Zlib(level=6),
    numcodecs.GZip(level=1),
    numcodecs.Zstd(level=3),
    None,
]
CODECS_3 = [
    [zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")],
    [zarr.codecs.GzipCodec(level=3)],
    [zarr.codecs.ZstdCodec(level=1), zarr.codecs.Crc32cCodec()],
    [zarr.codecs.Crc32cCodec()],
    [],
]


def rewrite(rng: np.random.Generator, adata: anndata.AnnData, path: Path) -> anndata.AnnData:
    """Writes `adata` as zarr to `path`; what anndata then reads is the input."""
    zarr_format = int(rng.choice([2, 3]))
    keywords: dict[str, Any] = {}
    if rng.random() < 0.6 and zarr_format == 2:
        keywords["compressor"] = CODECS_2[rng.integers(0, len(CODECS_2))]
    elif rng.random() < 0.6:
        keywords["compressors"] = CODECS_3[rng.integers(0, len(CODECS_3))] if zarr_format == 3 else "auto"
    arrays = ["plain", "chunks", "shards" if zarr_format == 3 else "columns"][rng.integers(0, 3)]

    def layout(element: Any) -> dict[str, Any]:
        """Chunks, shards or the order of one element."""
        if isinstance(element, np.ndarray) and element.dtype.names is None and element.ndim in {1, 2}:
            chunk = [16] if element.ndim == 1 else [5, 3]
        elif type(element).__name__.startswith(("csr", "csc")):
            chunk = [16]
        else:
            return {}
        if arrays == "columns":
            return {"order": "F"}
        result = {"chunks": tuple(chunk)} if arrays != "plain" else {}
        if arrays == "shards" and getattr(element, "dtype", None) != np.dtype(object):
            result["shards"] = tuple(4 * extent for extent in chunk)
        return result

    def write(writer: Any, group: Any, key: str, element: Any, dataset_kwargs: Any, iospec: Any) -> None:
        """One element; where zarr-python cannot take the layout, without it."""
        try:
            writer(group, key, element, dataset_kwargs={**dataset_kwargs, **keywords, **layout(element)})
        except (TypeError, ValueError, NotImplementedError):
            writer(group, key, element, dataset_kwargs=dataset_kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        write_dispatched(group, "/", adata, write)
        if rng.random() < 0.5:
            zarr.consolidate_metadata(group.store)
        if rng.random() < 0.2:
            packed = shutil.make_archive(str(path), "zip", path)
            shutil.move(packed, path.with_suffix(".zarr.zip"))
        return anndata.read_zarr(path)


def read(path: Path) -> anndata.AnnData:
    """A file or a store, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path) if path.suffix == ".h5ad" else anndata.read_zarr(path)
