"""Files that say the same in other ways: as old or foreign writers do.

`disguise(rng, path)` rewrites parts of an h5ad file in place. What anndata reads from it afterwards is the input.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

FILTERS = [
    hdf5plugin.Zstd(clevel=3),
    hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=hdf5plugin.Blosc.SHUFFLE),
    hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE),
    hdf5plugin.Blosc(cname="blosclz", clevel=5, shuffle=hdf5plugin.Blosc.NOSHUFFLE),
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
]
OPTIONAL = ["layers", "obsm", "varm", "obsp", "varp", "uns"]


def disguise(rng: np.random.Generator, path: Path) -> None:
    """Changes how a file is written, not what it says."""
    if rng.random() < 0.6:
        return
    with h5py.File(path, "r+") as file:
        for change in (drop_empty_groups, fix_text, turn_bytes, recompress, old_categories, nullable_index):
            if rng.random() < 0.35:
                change(rng, file)


def drop_empty_groups(rng: np.random.Generator, file: h5py.File) -> None:
    """The specification makes them optional."""
    for name in OPTIONAL:
        if not len(file[name]) and rng.random() < 0.8:
            del file[name]


def replace(dataset: h5py.Dataset, values: np.ndarray, **layout: object) -> None:
    """Writes a dataset anew with its attributes."""
    parent, name, attributes = dataset.parent, dataset.name.rsplit("/", 1)[1], dict(dataset.attrs)
    del parent[name]
    new = parent.create_dataset(name, data=values, **layout)
    new.attrs.update(attributes)


def datasets(group: h5py.Group) -> list[h5py.Dataset]:
    """All datasets below a group."""
    found: list[h5py.Dataset] = []
    group.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


def fix_text(rng: np.random.Generator, file: h5py.File) -> None:
    """Text of fixed length."""
    for frame in ("obs", "var"):
        for dataset in datasets(file[frame]):
            info = h5py.check_string_dtype(dataset.dtype)
            if info is None or info.length is not None or not dataset.size or rng.random() < 0.3:
                continue
            encoded = [text.encode() for text in dataset.asstr()[()]]
            width = max(1, *(len(text) for text in encoded))
            replace(dataset, np.array(encoded, dtype=h5py.string_dtype("utf-8", width)))


def turn_bytes(rng: np.random.Generator, file: h5py.File) -> None:
    """Dense arrays of big-endian numbers."""
    for name in ("X", "layers", "obsm", "varm"):
        item = file.get(name)
        arrays = [item] if name == "X" else [*item.values()] if item is not None else []
        for dataset in arrays:
            if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "iuf" and rng.random() < 0.7:
                replace(dataset, dataset[()].astype(dataset.dtype.newbyteorder(">")))


def recompress(rng: np.random.Generator, file: h5py.File) -> None:
    """Other filters, chunks of other sizes."""
    for dataset in datasets(file):
        if dataset.ndim and dataset.size and dataset.dtype.kind in "iuf" and rng.random() < 0.7:
            chunks = tuple(int(rng.integers(1, extent + 1)) for extent in dataset.shape)
            replace(dataset, dataset[()], chunks=chunks, **FILTERS[rng.integers(0, len(FILTERS))])


def old_categories(rng: np.random.Generator, file: h5py.File) -> None:
    """Categories as anndata 0.7 wrote them: codes that refer to a dataset in `__categories`."""
    frame = file[str(rng.choice(["obs", "var"]))]
    frame.attrs["encoding-version"] = "0.1.0"
    for name in [name for name, item in frame.items() if item.attrs["encoding-type"] == "categorical"]:
        old = frame[name]
        if not isinstance(old["categories"], h5py.Dataset):
            continue
        codes, ordered = old["codes"][()], bool(old.attrs["ordered"])
        frame.require_group("__categories")
        frame.copy(old["categories"], frame["__categories"], name=name)
        categories = frame["__categories"][name]
        for attribute in list(categories.attrs):
            del categories.attrs[attribute]
        categories.attrs["ordered"] = ordered
        del frame[name]
        frame[name] = codes
        frame[name].attrs["categories"] = categories.ref


def nullable_index(rng: np.random.Generator, file: h5py.File) -> None:
    """The index as anndata 0.13 with pandas 3 writes it, in all tables of an axis."""
    for axis in ("obs", "var"):
        if file[axis].attrs["encoding-version"] == "0.1.0":
            continue
        aligned = file.get(f"{axis}m", {}).values()
        for frame in [file[axis], *aligned]:
            if frame.attrs["encoding-type"] == "dataframe":
                make_index_nullable(frame)


def make_index_nullable(frame: h5py.Group) -> None:
    """Replaces the index by a group of values and mask, unless it is one."""
    name = frame.attrs["_index"]
    if isinstance(frame[name], h5py.Group):
        return
    values = frame[name].asstr()[()]
    del frame[name]
    group = frame.create_group(name)
    group.attrs.update({"encoding-type": "nullable-string-array", "encoding-version": "0.1.0", "na-value": "NaN"})
    group.create_dataset("values", data=np.array(values, dtype=object), dtype=h5py.string_dtype())
    group["values"].attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    group["mask"] = np.zeros(len(values), dtype=bool)
    group["mask"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
