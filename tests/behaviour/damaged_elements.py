"""Matrices, tables and trees that break the rules of AnnData, and files that are something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np

from .damage import Case, Change, changed, declare, dense_x, replace, set_item
from .inputs import N_OBS, N_VARS
from .support import INCOMPATIBLE, INVALID

UNS = {"arguments": ("--uns-merge=same",)}
TEXT = h5py.string_dtype()


def shape_attribute(*shape: int, path: str = "X") -> Change:
    """Changes the shape that a sparse matrix declares."""
    return lambda file: file[path].attrs.__setitem__("shape", np.array(shape))


def shorter(path: str, by: int = 1) -> Change:
    """Drops the last values."""
    return lambda file: drop(replace(file, path, file[path][:-by]))


def drop(_: object) -> None:
    """Nothing."""


def missing(path: str) -> Change:
    """Removes something."""
    return lambda file: file.__delitem__(path)


def without_attribute(path: str, name: str) -> Change:
    """Removes an attribute."""
    return lambda file: file[path].attrs.__delitem__(name)


def attribute(path: str, name: str, value: object) -> Change:
    """Sets an attribute."""
    return lambda file: file[path].attrs.__setitem__(name, value)


def nonmonotone(file: h5py.File) -> None:
    """Two pointers that fall."""
    pointers = file["X/indptr"][:]
    pointers[7] = pointers[-1]
    file["X/indptr"][:] = pointers


def text_x(file: h5py.File) -> None:
    """X as an array of text."""
    del file["X"]
    x = file.create_dataset("X", data=np.full((N_OBS, N_VARS), "a", dtype=object), dtype=TEXT)
    x.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def deep(file: h5py.File) -> None:
    """Groups nested deeper than anybody needs."""
    group = file["uns"]
    for _ in range(200):
        group = group.create_group("a")
        group.attrs.update({"encoding-type": "dict", "encoding-version": "0.1.0"})


def soft_cycle(file: h5py.File) -> None:
    """Two soft links that point at each other."""
    file["uns/one"] = h5py.SoftLink("/uns/two")
    file["uns/two"] = h5py.SoftLink("/uns/one")


def dangling(file: h5py.File) -> None:
    """A soft link to nothing."""
    file["uns/gone"] = h5py.SoftLink("/nowhere")


def soft_loop(file: h5py.File) -> None:
    """A soft link to the group that it stands in."""
    file["uns/loop"] = h5py.SoftLink("/uns")


def hard_cycle(file: h5py.File) -> None:
    """A group that contains itself."""
    file["uns/about/loop"] = file["uns"]


def odd_name(name: bytes) -> Change:
    """An entry of uns whose name is not UTF-8."""
    return lambda file: drop(h5py.h5g.create(file["uns"].id, name))


def odd_text(value: bytes) -> Change:
    """A label that is not UTF-8."""

    def change(file: h5py.File) -> None:
        path = f"obs/{file['obs'].attrs['_index']}"
        labels = [label.encode() for label in file[path].asstr()[:]]
        labels[3] = value
        replace(file, path, np.array(labels, dtype=h5py.string_dtype("utf-8", 12)))

    return change


def duplicate_genes(file: h5py.File) -> None:
    """Two genes of one name."""
    path = f"var/{file['var'].attrs['_index']}"
    file[path][5] = file[path][4]


def other_file(*groups: str) -> object:
    """A file of another kind."""

    def make(good: Path, bad: Path) -> None:
        with h5py.File(bad, "w") as file:
            for group in groups:
                file.create_group(group) if group.endswith("/") else file.create_dataset(group, data=[1, 2])

    return make


def mudata(good: Path, bad: Path) -> None:
    """Two modalities."""
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        file.attrs.update({"encoding-type": "MuData", "encoding-version": "0.1.0"})
        file.create_group("mod/rna")


MATRICES = [
    changed("index too large", set_item("X/indices", 30, 99), "X", "row ", "99 is outside 0..12"),
    changed("index is the extent", set_item("X/indices", -1, N_VARS), "X", "row ", "12 is outside 0..12"),
    changed("index negative", set_item("X/indices", 30, -1), "X", "row ", "-1 is outside 0..12"),
    changed("layer index too large", set_item("layers/counts/indices", 2, 7000), "layers/counts", "row "),
    changed("raw index too large", set_item("raw/X/indices", 2, 7000), "raw/X", "row "),
    changed("indptr falls", nonmonotone, "X", "row 8", "indptr"),
    changed("indptr negative", set_item("X/indptr", 5, -4), "X", "row 5", "indptr"),
    changed("indptr starts late", set_item("X/indptr", 0, 1), "X", "indptr starts at 1"),
    changed("indptr ends early", set_item("X/indptr", -1, 100_000), "X", "indptr"),
    changed("indptr ends late", shorter("X/indptr"), "X", "indptr"),
    changed("indices too short", shorter("X/indices"), "X", "indices"),
    changed("data too short", shorter("X/data"), "X", "indices"),
    changed("data is text", lambda file: drop(replace(file, "X/data", ["a"] * len(file["X/data"]))), "X", "data"),
    changed("indices are floats", lambda f: drop(replace(f, "X/indices", f["X/indices"][:] * 0.5)), "X", "indices"),
    changed("no indices", missing("X/indices"), "X", "indices"),
    changed("shape has too many rows", shape_attribute(N_OBS + 1, N_VARS), "X", str(N_OBS + 1)),
    changed("shape has too many columns", shape_attribute(N_OBS, N_VARS + 1), "X", str(N_VARS + 1)),
    changed("shape negative", shape_attribute(-1, N_VARS), "X", "shape"),
    changed("shape overflows", shape_attribute(2**62, 2**62), "X", "shape"),
    changed("shape of one number", shape_attribute(N_OBS), "X", "shape"),
    changed("no shape", without_attribute("X", "shape"), "X", "shape"),
    changed("dense shape", lambda file: drop((dense_x(file), declare(file, "X", (3, 3), "f4"))), "X", "[3, 3]"),
    changed("X is a vector", lambda file: drop((dense_x(file), declare(file, "X", (N_OBS,), "f4"))), "X", "shape"),
    changed("obsm too short", shorter("obsm/pca"), "obsm/pca", "39"),
    changed("obsp not square", shape_attribute(N_OBS, 3, path="obsp/near"), "obsp/near"),
    changed("encoding of the future", attribute("X", "encoding-version", "9.9.9"), "X", "9.9.9"),
    changed("unknown encoding", attribute("X", "encoding-type", "quantum_matrix"), "X", "quantum_matrix"),
    changed("X is text", text_x, "X", "text", codes=(INVALID, INCOMPATIBLE)),
]

TABLES = [
    changed("column too short", shorter("obs/score"), "obs", "score"),
    changed("index too short", lambda file: shorter(f"obs/{file['obs'].attrs['_index']}")(file), "obs"),
    changed("code out of range", set_item("obs/kind/codes", 3, 99), "obs/kind", "row 3", "99"),
    changed("code below -1", set_item("obs/kind/codes", 3, -2), "obs/kind", "row 3", "-2"),
    changed("mask too short", shorter("obs/maybe/mask"), "obs/maybe", "mask"),
    changed("no mask", missing("obs/maybe/mask"), "obs/maybe", "mask"),
    changed("no categories", missing("obs/kind/categories"), "obs/kind"),
    changed("index column missing", lambda file: file["obs"].__delitem__(file["obs"].attrs["_index"]), "obs"),
    changed("no _index attribute", without_attribute("obs", "_index"), "obs", "_index"),
    changed("listed column missing", missing("obs/score"), "obs", "score"),
    changed("no obs", missing("obs"), "obs"),
    changed("no var", missing("var"), "var"),
    changed("column of the future", attribute("obs/kind", "encoding-version", "7.0"), "obs/kind", "7.0"),
    changed("label is not UTF-8", odd_text(b"\xff\xfe\x80"), "obs", "UTF-8"),
    changed("duplicate genes", duplicate_genes, "var", "gene4", codes=(INVALID, INCOMPATIBLE)),
]

TREES = [
    changed("deep nesting", deep, "uns", "deep", **UNS),
    changed("hard link cycle", hard_cycle, "uns/about/loop", "contains itself", **UNS),
    changed("soft link cycle", soft_cycle, "uns/one", "circle", **UNS),
    changed("soft link to its group", soft_loop, "uns/loop", "contains itself", **UNS),
    changed("dangling soft link", dangling, "uns/gone", **UNS),
    changed("name is not UTF-8", odd_name(b"\xff\xfebad"), "uns", "UTF-8", **UNS),
]

OTHERS = [
    Case("10x", other_file("matrix/data", "matrix/barcodes", "matrix/shape"), ("10x",)),
    Case("loom", other_file("matrix", "row_attrs/", "col_attrs/", "layers/"), ("loom",)),
    Case("MuData", mudata, ("MuData",)),
    Case("nothing inside", other_file(), ("obs",)),
    Case("obs is an array of numbers", other_file("obs", "var"), ("obs",)),
]

CASES = [*MATRICES, *TABLES, *TREES, *OTHERS]
