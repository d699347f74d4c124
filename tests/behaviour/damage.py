"""A damaged input: how it is made, and how the tool has to answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from .support import INVALID

Change = Callable[[h5py.File], None]


@dataclass
class Case:
    """One damaged file.

    `make` gets the path of a valid file and a path to write the damaged one to. `words` must all be in the message,
    besides the name of the file. `allowed` are the exit codes with `--allow-external`.
    """

    name: str
    make: Callable[[Path, Path], object]
    words: tuple[str, ...] = ()
    codes: tuple[int, ...] = (INVALID,)
    arguments: tuple[str, ...] = ()
    allowed: tuple[int, ...] = field(default=())


def changed(name: str, change: Change, *words: str, **options: object) -> Case:
    """A valid file with one change made by h5py."""

    def make(good: Path, bad: Path) -> None:
        shutil.copy(good, bad)
        with h5py.File(bad, "r+") as file:
            change(file)

    return Case(name, make, words, **options)


def rebytes(name: str, change: Callable[[bytes], bytes], *words: str, **options: object) -> Case:
    """A valid file with its bytes changed."""
    return Case(name, lambda good, bad: bad.write_bytes(change(good.read_bytes())), words, **options)


def replace(file: h5py.File, path: str, values: object, **options: object) -> h5py.Dataset:
    """Puts a dataset in the place of another, with the same attributes."""
    attributes = dict(file[path].attrs)
    del file[path]
    dataset = file.create_dataset(path, data=values, **options)
    dataset.attrs.update(attributes)
    return dataset


def declare(file: h5py.File, path: str, shape: tuple[int, ...], dtype: str, **options: object) -> h5py.Dataset:
    """Puts a dataset of any size in the place of another, without writing values."""
    attributes = dict(file[path].attrs)
    del file[path]
    dataset = file.create_dataset(path, shape=shape, dtype=dtype, **options)
    dataset.attrs.update(attributes)
    return dataset


def set_item(path: str, position: int, value: object) -> Change:
    """Changes one value."""

    def change(file: h5py.File) -> None:
        file[path][position] = value

    return change


def dense_x(file: h5py.File, **options: object) -> h5py.Dataset:
    """Makes X dense."""
    shape = tuple(file["X"].attrs["shape"])
    del file["X"]
    x = file.create_dataset("X", data=np.arange(np.prod(shape), dtype="f4").reshape(shape), **options)
    x.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    return x


def chunk_place(path: Path, dataset: str, number: int = 0) -> tuple[int, int]:
    """Where a chunk stands in a file: offset and size."""
    with h5py.File(path) as file:
        info = file[dataset].id.get_chunk_info(number)
        return info.byte_offset, info.size
