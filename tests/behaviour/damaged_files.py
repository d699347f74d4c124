"""Files that are damaged as files, and storage that is damaged or unknown."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from .damage import Case, Change, changed, chunk_place, declare, dense_x, rebytes, replace
from .inputs import N_OBS
from .support import INVALID, IO, MEMORY

HUGE = 1_250_000_000_000
CHUNKED = {"chunks": (8, 4)}


def truncated_in_chunk(good: Path, bad: Path) -> None:
    """A file cut in the middle of its last chunk, whose superblock says that this is its whole length."""
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        values = np.random.default_rng(0).normal(size=(N_OBS, 12)).astype("f4")
        del file["X"]
        x = file.create_dataset("X", data=values, chunks=(N_OBS, 12), compression="gzip")
        x.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    offset, size = chunk_place(bad, "X")
    content = bytearray(bad.read_bytes()[: offset + size // 2])
    assert content[8] == 0, "the superblock has the oldest format"
    content[40:48] = len(content).to_bytes(8, "little")
    bad.write_bytes(content)


def garbage_chunk(good: Path, bad: Path) -> None:
    """A chunk that does not inflate."""
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        x = dense_x(file, chunks=(8, 4), compression="gzip")
        x.id.write_direct_chunk((16, 4), b"\x78\x9c" + bytes(range(60)))


def short_chunk(good: Path, bad: Path) -> None:
    """A chunk that inflates to fewer bytes than it has to."""
    import zlib

    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        x = dense_x(file, chunks=(8, 4), compression="gzip")
        x.id.write_direct_chunk((8, 0), zlib.compress(bytes(12)))


def bomb_chunk(good: Path, bad: Path) -> None:
    """A chunk that inflates to a thousand times more than it has to."""
    import zlib

    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        x = dense_x(file, chunks=(8, 4), compression="gzip")
        x.id.write_direct_chunk((8, 0), zlib.compress(bytes(1 << 24)))


def wrong_checksum(good: Path, bad: Path) -> None:
    """A chunk whose fletcher32 does not agree."""
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        dense_x(file, chunks=(8, 4), fletcher32=True)
    offset, _ = chunk_place(bad, "X", 4)
    content = bytearray(bad.read_bytes())
    content[offset + 5] ^= 0x40
    bad.write_bytes(content)


def damaged_lzf(good: Path, bad: Path) -> None:
    """A chunk that is no LZF stream."""
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        dense_x(file, chunks=(8, 4), compression="lzf").id.write_direct_chunk((0, 0), b"\xff" * 40)


def compressed_by(**options: object) -> Change:
    """X compressed by a filter."""
    return lambda file: drop(dense_x(file, chunks=(8, 4), **options))


def drop(_: object) -> None:
    """Nothing."""


def huge_dense(file: h5py.File) -> None:
    """A dense X of 10 TB in a few kilobytes."""
    dense_x(file)
    declare(file, "X", (N_OBS, HUGE), "f4", chunks=(1, 1 << 20), compression="gzip")


def huge_dense_with_names(file: h5py.File) -> None:
    """The same, with indexes as long as the matrix."""
    dense_x(file)
    declare(file, "X", (N_OBS, HUGE), "f4", chunks=(1, 1 << 20), compression="gzip")
    name = file["var"].attrs["_index"]
    declare(file, f"var/{name}", (HUGE,), "S8", chunks=(1 << 16,), compression="gzip")
    declare(file, "var/length", (HUGE,), "i8", chunks=(1 << 16,), compression="gzip")


def huge_sparse(ends: bool) -> Change:
    """Sparse members of 10 TB that nothing was written to."""

    def change(file: h5py.File) -> None:
        for member, kind in (("data", "f4"), ("indices", "i4")):
            declare(file, f"X/{member}", (HUGE,), kind, chunks=(1 << 16,), compression="gzip")
        if ends:
            pointers = np.full(N_OBS + 1, HUGE, dtype="i8")
            pointers[0] = 0
            replace(file, "X/indptr", pointers)

    return change


def huge_index(file: h5py.File) -> None:
    """An obs index of 10 TB, and an indptr to match."""
    name = file["obs"].attrs["_index"]
    declare(file, f"obs/{name}", (HUGE,), "S8", chunks=(1 << 16,), compression="gzip")


def contiguous_overlong(good: Path, bad: Path) -> None:
    """A contiguous dataset that claims more rows than the file has bytes."""
    shutil.copy(good, bad)
    marker = 0x7A7A7A
    with h5py.File(bad, "r+") as file:
        del file["X/data"]
        file["X"].create_dataset("data", data=np.zeros(marker // 4096, "f4"), track_times=False)
        length = file["X/data"].shape[0]
    content = bad.read_bytes()
    word, larger = length.to_bytes(8, "little"), (1 << 32).to_bytes(8, "little")
    assert word in content
    # Both the extent and the byte count of the layout.
    content = content.replace(word, larger).replace((length * 4).to_bytes(8, "little"), (1 << 34).to_bytes(8, "little"))
    bad.write_bytes(content)


def huge_axis(file: h5py.File) -> None:
    """A matrix with 2^40 cells that nothing was written to, in a table without columns."""
    dense_x(file)
    declare(file, "X", (1 << 40, 12), "f4", chunks=(1 << 16, 12), compression="gzip")
    for name in ("layers", "obsm", "obsp", "raw"):
        del file[name]
    index = file["obs"].attrs["_index"]
    for name in list(file["obs"]):
        if name != index:
            del file["obs"][name]
    file["obs"].attrs["column-order"] = np.array([], dtype="S1")
    declare(file, f"obs/{index}", (1 << 40,), "S8", chunks=(1 << 16,), compression="gzip")


def absurd_sparse(file: h5py.File) -> None:
    """Rows with so many values that their bytes do not fit 64 bits."""
    for member, kind in (("data", "f4"), ("indices", "i4")):
        declare(file, f"X/{member}", (1 << 60,), kind, chunks=(1 << 16,), compression="gzip")
    replace(file, "X/indptr", np.array([0] + [1 << 60] * N_OBS, dtype="i8"))


CASES = [
    Case("missing file", lambda good, bad: None, ("no such file",), (IO,)),
    Case("folder", lambda good, bad: bad.mkdir(), ("folder",)),
    Case("empty file", lambda good, bad: bad.touch(), ("empty",)),
    Case("text file", lambda good, bad: bad.write_text("cells,genes\n" * 99), ("not an HDF5 file",)),
    Case("named pipe", lambda good, bad: os.mkfifo(bad), ("not a regular file",), (INVALID, IO)),
    rebytes("wrong magic", lambda content: b"\x89HDX" + content[4:], "not an HDF5 file"),
    *(
        rebytes(f"truncated to {part} %", lambda content, part=part: content[: len(content) * part // 100], "truncated")
        for part in (1, 10, 50, 90, 99)
    ),
    rebytes("truncated by one byte", lambda content: content[:-1], "truncated"),
    rebytes("truncated superblock", lambda content: content[:20]),
    rebytes("only a superblock", lambda content: content[:96], "truncated"),
    rebytes("zeros after the superblock", lambda content: content[:96] + bytes(len(content) - 96)),
    rebytes("wiped in the middle", lambda content: content[:2048] + bytes(len(content) // 2) + content[-2048:]),
    Case("truncated inside a chunk", truncated_in_chunk, ("X: chunk at [0, 0]",)),
    Case("garbage chunk", garbage_chunk, ("X: chunk at [16, 4]",)),
    Case("short chunk", short_chunk, ("X: chunk at [8, 0]",)),
    Case("chunk that is a bomb", bomb_chunk, ("X: chunk at [8, 0]",)),
    Case("wrong fletcher32", wrong_checksum, ("X: chunk at [", "checksum")),
    Case("damaged lzf", damaged_lzf, ("X: chunk at [0, 0]",)),
    changed("bitshuffle", compressed_by(**hdf5plugin.Bitshuffle()), "X: ", "32008", "bitshuffle"),
    changed("lz4", compressed_by(**hdf5plugin.LZ4()), "X: ", "32004", "lz4"),
    changed("unknown filter", compressed_by(**hdf5plugin.Zfp()), "X: ", "32013"),
    changed("huge dense", huge_dense, "X: "),
    changed("huge dense with names", huge_dense_with_names, "var", codes=(INVALID, MEMORY)),
    changed("huge sparse", huge_sparse(False), "X: ", "indptr"),
    changed("huge sparse rows", huge_sparse(True), "X: ", codes=(INVALID, MEMORY)),
    changed("absurd sparse rows", absurd_sparse, "X: ", codes=(INVALID, MEMORY)),
    changed("huge axis", huge_axis, "obs: ", "a column of the result", codes=(MEMORY,)),
    changed("huge index", huge_index, "obs"),
    Case("contiguous beyond the end", contiguous_overlong, ("X/data: ",)),
]
