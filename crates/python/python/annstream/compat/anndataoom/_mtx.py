"""Matrix Market files: text of any length, in any order, as a matrix of rows."""

from __future__ import annotations

import gzip
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from ..._annstream import FormatError
from ..._scratch import write_scratch
from ..._settings import settings
from ._core import AnnDataOOM
from ._read import read

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS = {"integer": np.int64, "real": np.float64, "pattern": np.int64}
_SYMMETRIES = {"general": 0, "symmetric": 1, "skew-symmetric": -1}
# Lines that are taken at a time.
_LINES = 1 << 19
# Bytes that an entry takes, all in all, while a stretch of rows is put in order.
_BYTES = 160


def read_mtx(
    mtx_file: str | os.PathLike[str],
    *,
    obs_names: str | os.PathLike[str] | None = None,
    var_names: str | os.PathLike[str] | None = None,
    file: str | os.PathLike[str] | None = None,
    backend: str | None = None,
    sorted: bool = False,
) -> AnnDataOOM:
    """Reads a Matrix Market file, whose rows become cells: one of 10x, of genes by cells, is read as it stands.

    The text is read once. Its entries go through scratch space in ``annstream.settings.tmpdir``, 24 bytes each, and are
    put in order within ``annstream.settings.memory``. Whole numbers are ``int64``, others ``float64``, and 1 where a
    file says only which are there; what stands there twice is added up, as in scipy.

    Parameters
    ----------
    mtx_file
        The file: coordinates, maybe compressed as ``.gz``.
    obs_names, var_names
        Text files, maybe ``.gz``, whose lines begin with the names of cells and genes, up to a tab; else they are
        numbers.
    file
        Where to write it, ``.h5ad`` or ``.zarr``; what is returned reads from there then, and else from scratch space.
    backend
        For the sake of ``anndataoom``; the name of the file tells.
    sorted
        For the sake of ``anndataoom``.

    Raises
    ------
    annstream.FormatError
        If it is no Matrix Market file of coordinates, or does not hold what it says.
    ValueError
        If there are too few names, or too many.
    """
    path = Path(mtx_file)
    with tempfile.TemporaryDirectory(prefix="annstream-", dir=settings.tmpdir) as folder:
        with _opened(path) as text:
            shape, count, dtype, sign = _header(text, path)
            tables = [_names(names, extent) for names, extent in zip((obs_names, var_names), shape, strict=True)]
            entry = np.dtype([("row", np.int64), ("column", np.int64), ("value", dtype)])
            spill = Path(folder) / "entries"
            lengths = np.zeros(shape[0], np.int64)
            with spill.open("wb") as out:
                for part in _entries(text, path, shape, count, entry, sign):
                    lengths += np.bincount(part["row"], minlength=shape[0])
                    part.tofile(out)
        matrix = write_scratch(_blocks(spill, lengths, shape[1], entry), shape, sparse.csr_matrix((0, 0), dtype=dtype))
    adata = AnnDataOOM(matrix, obs=tables[0], var=tables[1])
    if file is None:
        return adata
    adata.write(file)
    return read(file)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if not zipped:
            yield plain
            return
        with gzip.GzipFile(fileobj=plain) as text:
            try:
                yield text
            except (EOFError, gzip.BadGzipFile) as error:
                msg = f"{path}: {error}"
                raise FormatError(msg) from error


def _header(text: IO[bytes], path: Path) -> tuple[tuple[int, int], int, Any, int]:
    """Shape, number of entries, type of values, and what an entry says of its mirror image."""
    words = text.readline().decode("utf-8", "replace").lower().split()
    if words[:3] != ["%%matrixmarket", "matrix", "coordinate"] or len(words) != 5:
        msg = f"{path}: expected a first line of '%%MatrixMarket matrix coordinate …', found {' '.join(words)[:80]!r}"
        raise FormatError(msg)
    if words[3] not in _FIELDS or words[4] not in _SYMMETRIES:
        expected = f"{', '.join(_FIELDS)} and {', '.join(_SYMMETRIES)}"
        msg = f"{path}: found values that are {words[3]} and {words[4]}, expected one of {expected}"
        raise FormatError(msg)
    line = text.readline()
    while line.startswith(b"%") or (line and not line.strip()):
        line = text.readline()
    sizes = line.split()
    if len(sizes) != 3 or not all(size.isdigit() for size in sizes):
        msg = f"{path}: found {line[:80]!r}, expected numbers of rows, columns and entries"
        raise FormatError(msg)
    rows, columns, count = map(int, sizes)
    if words[4] != "general" and rows != columns:
        msg = f"{path}: found {rows} rows and {columns} columns, expected as many in a matrix that is {words[4]}"
        raise FormatError(msg)
    return (rows, columns), count, _FIELDS[words[3]], _SYMMETRIES[words[4]]


def _names(path: str | os.PathLike[str] | None, extent: int) -> pd.DataFrame:
    if path is None:
        return pd.DataFrame(index=np.arange(extent).astype(str))
    with _opened(Path(path)) as text:
        names = [line.decode().rstrip("\r\n").partition("\t")[0] for line in text]
    if len(names) != extent:
        msg = f"{os.fspath(path)}: found {len(names)} names, expected {extent}"
        raise ValueError(msg)
    return pd.DataFrame(index=pd.Index(names, dtype=object))


def _entries(
    text: IO[bytes], path: Path, shape: tuple[int, int], count: int, entry: np.dtype, sign: int
) -> Iterator[np.ndarray]:
    """Entries as they come, many at a time, counted from 0; the mirror images behind them."""
    seen = 0
    for table in _tables(text, path, entry):
        part = np.ones(len(table), entry)
        for name, column in zip(entry.names, table.columns, strict=False):
            part[name] = table[column]
        for name, extent in zip(("row", "column"), shape, strict=True):
            part[name] -= 1
            wrong = np.flatnonzero((part[name] < 0) | (part[name] >= extent))
            if len(wrong):
                found = part[name][wrong[0]] + 1
                msg = f"{path}: entry {seen + wrong[0] + 1}: found {name} {found}, expected 1 to {extent}"
                raise FormatError(msg)
        seen += len(part)
        yield part
        if sign:
            mirrored = part[part["row"] != part["column"]]
            mirrored["row"], mirrored["column"] = mirrored["column"], mirrored["row"].copy()
            mirrored["value"] *= sign
            yield mirrored
    if seen != count:
        msg = f"{path}: found {seen} entries, expected {count}"
        raise FormatError(msg)


def _tables(text: IO[bytes], path: Path, entry: np.dtype) -> Iterator[pd.DataFrame]:
    """Lines as tables of numbers."""
    first = text.readline()
    while first and not first.strip():
        first = text.readline()
    columns = len(first.split())
    if not first:
        return
    if columns not in (2, 3):
        msg = f"{path}: found {first[:80]!r}, expected a row, a column and a value"
        raise FormatError(msg)
    kinds = dict(enumerate([np.int64, np.int64, entry["value"]][:columns]))
    try:
        yield pd.DataFrame({i: np.array([word], kinds[i]) for i, word in enumerate(first.decode().split())})
        yield from pd.read_csv(
            text, sep=r"\s+", header=None, names=list(kinds), dtype=kinds, chunksize=_LINES, index_col=False
        )
    except pd.errors.EmptyDataError:
        return
    except (ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        msg = f"{path}: {error}"
        raise FormatError(msg) from error


def _blocks(spill: Path, lengths: np.ndarray, columns: int, entry: np.dtype) -> Iterator[Any]:
    """Stretches of rows in order, each as large as fits."""
    most = max(1, settings.memory // _BYTES)
    bounds = _stretches(lengths, most)
    parts = [spill]
    if len(bounds) > 2:
        parts = [spill.with_name(f"rows-{start}") for start in bounds[:-1]]
        with spill.open("rb") as entries:
            while len(some := np.fromfile(entries, entry, _LINES)):
                places = np.searchsorted(bounds, some["row"], side="right") - 1
                for place in np.unique(places):
                    with parts[place].open("ab") as out:
                        some[places == place].tofile(out)
        spill.unlink()
    for part, start, end in zip(parts, bounds[:-1], bounds[1:], strict=True):
        own = np.fromfile(part, entry) if part.exists() else np.empty(0, entry)
        part.unlink(missing_ok=True)
        yield sparse.coo_matrix((own["value"], (own["row"] - start, own["column"])), (end - start, columns)).tocsr()


def _stretches(lengths: np.ndarray, most: int) -> list[int]:
    """Where stretches of rows begin, and where the last one ends: of so many entries, or a row of more."""
    ends = np.cumsum(lengths)
    bounds = [0]
    while bounds[-1] < len(lengths):
        before = ends[bounds[-1] - 1] if bounds[-1] else 0
        bounds.append(max(bounds[-1] + 1, int(np.searchsorted(ends, before + most, side="right"))))
    return bounds
