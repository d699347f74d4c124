"""Files that reach outside themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from .damage import Case
from .inputs import N_OBS, N_VARS
from .support import INVALID, IO, OK

ENCODING = {"encoding-type": "array", "encoding-version": "0.2.0"}
VALUES = np.arange(N_OBS * N_VARS, dtype="f4").reshape(N_OBS, N_VARS)


def outside(change: Callable[[h5py.File, Path], None]) -> Callable[[Path, Path], None]:
    """A valid file without X, and a neighbour that holds a matrix."""

    def make(good: Path, bad: Path) -> None:
        shutil.copy(good, bad)
        neighbour = bad.parent / "neighbour.h5"
        with h5py.File(neighbour, "w") as file:
            file.create_dataset("values", data=VALUES).attrs.update(ENCODING)
        with h5py.File(bad, "r+") as file:
            del file["X"]
            change(file, bad.parent)

    return make


def external_link(file: h5py.File, folder: Path) -> None:
    """X in another file."""
    file["X"] = h5py.ExternalLink("neighbour.h5", "/values")


def dangling_external_link(file: h5py.File, folder: Path) -> None:
    """X in a file that does not exist."""
    file["X"] = h5py.ExternalLink("absent.h5", "/values")


def external_storage(file: h5py.File, folder: Path) -> None:
    """The bytes of X in another file."""
    VALUES.tofile(folder / "values.bin")
    x = file.create_dataset("X", VALUES.shape, "f4", external=[(str(folder / "values.bin"), 0, VALUES.nbytes)])
    x.attrs.update(ENCODING)


def password_file(file: h5py.File, folder: Path) -> None:
    """The bytes of X in a file of the system."""
    x = file.create_dataset("X", VALUES.shape, "u1", external=[("/etc/passwd", 0, VALUES.size)])
    x.attrs.update(ENCODING)


def virtual(file: h5py.File, folder: Path) -> None:
    """X as a view of another file."""
    layout = h5py.VirtualLayout(VALUES.shape, "f4")
    layout[:] = h5py.VirtualSource("neighbour.h5", "values", shape=VALUES.shape)
    file.create_virtual_dataset("X", layout).attrs.update(ENCODING)


def external_uns(file: h5py.File, folder: Path) -> None:
    """An entry of uns in another file."""
    file.create_dataset("X", data=VALUES).attrs.update(ENCODING)
    file["uns/leak"] = h5py.ExternalLink("neighbour.h5", "/values")


CASES = [
    Case("external link", outside(external_link), ("X: ", "external link", "neighbour.h5"), allowed=(OK,)),
    Case("dangling external link", outside(dangling_external_link), ("X: ", "absent.h5"), allowed=(INVALID, IO)),
    Case("external storage", outside(external_storage), ("X: ", "external", "values.bin"), allowed=(OK,)),
    Case("password file", outside(password_file), ("X: ", "external", "/etc/passwd"), allowed=(OK,)),
    Case("virtual dataset", outside(virtual), ("X: ", "virtual"), allowed=(OK,)),
    Case(
        "external link in uns",
        outside(external_uns),
        ("uns/leak: ", "neighbour.h5"),
        arguments=("--uns-merge=first",),
        allowed=(OK,),
    ),
]
