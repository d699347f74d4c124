#!/usr/bin/env python3
"""The jobs that `bench/run.py` measures in processes of their own: what anndata does, and the comparison of outputs."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

# All jobs import the same modules, so that the job `import` measures what every other one pays for them.
import anndata
import h5py
import numpy as np
from anndata.experimental import concat_on_disk
from scipy import sparse

ROWS = 10_000


def on_disk(options: argparse.Namespace) -> None:
    """`anndata.experimental.concat_on_disk`, with its own defaults."""
    concat_on_disk(options.inputs, options.output, join=options.join, index_unique=options.index_unique)


def in_memory(options: argparse.Namespace) -> None:
    """Read everything, `anndata.concat`, write."""
    parts = [anndata.read_h5ad(path) for path in options.inputs]
    merged = anndata.concat(parts, join=options.join, index_unique=options.index_unique)
    del parts
    merged.write_h5ad(options.output, compression=options.compression)


def rows_of(group: h5py.Group, start: int, stop: int) -> sparse.csr_matrix:
    """Some rows of a CSR matrix, entries in order."""
    indptr = group["indptr"][start : stop + 1].astype(np.int64)
    entries = slice(indptr[0], indptr[-1])
    shape = (stop - start, int(group.attrs["shape"][1]))
    rows = sparse.csr_matrix((group["data"][entries], group["indices"][entries], indptr - indptr[0]), shape=shape)
    rows.sort_indices()
    return rows


def names_of(group: h5py.Group) -> np.ndarray:
    """The index of obs or var."""
    return group[group.attrs["_index"]].asstr()[:]


def equal(options: argparse.Namespace) -> None:
    """Fails unless two files have the same X, stored as CSR, and the same names of cells and genes."""
    first, second = (h5py.File(path, "r") for path in options.inputs)
    for axis in ("obs", "var"):
        if not np.array_equal(names_of(first[axis]), names_of(second[axis])):
            sys.exit(f"the names in {axis} differ")
    x, y = first["X"], second["X"]
    if x.attrs["encoding-type"] != "csr_matrix" or x.attrs["encoding-type"] != y.attrs["encoding-type"]:
        sys.exit("X is not CSR in both")
    if tuple(x.attrs["shape"]) != tuple(y.attrs["shape"]) or x["data"].dtype != y["data"].dtype:
        sys.exit("X differs in shape or dtype")
    for start in range(0, int(x.attrs["shape"][0]), ROWS):
        stop = min(start + ROWS, int(x.attrs["shape"][0]))
        a, b = rows_of(x, start, stop), rows_of(y, start, stop)
        for part in ("indptr", "indices", "data"):
            if not np.array_equal(getattr(a, part), getattr(b, part)):
                sys.exit(f"X differs in {part} between rows {start} and {stop}")


def versions(_: argparse.Namespace) -> None:
    """Prints the versions as JSON."""
    found = {name: version(name) for name in ("anndata", "h5py", "numpy", "scipy", "pandas")}
    print(json.dumps({"python": platform.python_version(), **found}))


JOBS = {
    "import": lambda _: None,
    "concat_on_disk": on_disk,
    "anndata.concat": in_memory,
    "equal": equal,
    "versions": versions,
}


def main() -> None:
    """Does one job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--join", default="inner")
    parser.add_argument("--index-unique")
    parser.add_argument("--compression")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    JOBS[options.job](options)


if __name__ == "__main__":
    main()
