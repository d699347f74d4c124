#!/usr/bin/env python3
"""Prints, as JSON, what the names and the X of an AnnData file or store are: equal files print equal lines.

The order of the entries within a row, the types of positions and how things are stored do not count.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

ROWS = 10_000


def opened(path: Path):
    """The root group."""
    if path.is_dir():
        import zarr

        return zarr.open_group(path, mode="r")
    import h5py

    return h5py.File(path, "r")


def hash_of_names(group) -> str:
    """Of the index of obs or var."""
    names = group[group.attrs["_index"]]
    names = names.asstr()[:] if hasattr(names, "asstr") else names[:]
    return hashlib.sha256("\0".join(map(str, names)).encode()).hexdigest()


def digest(path: Path) -> dict:
    """The names, and a CSR matrix by its parts."""
    root = opened(path)
    x = root["X"]
    if x.attrs["encoding-type"] != "csr_matrix":
        sys.exit(f"X is {x.attrs['encoding-type']}, not CSR")
    rows, columns = (int(extent) for extent in x.attrs["shape"])
    indptr = x["indptr"][:].astype(np.int64)
    hashes = {part: hashlib.sha256() for part in ("indices", "data")}
    for start in range(0, rows, ROWS):
        pointers = indptr[start : min(start + ROWS, rows) + 1]
        entries = slice(int(pointers[0]), int(pointers[-1]))
        shape = (len(pointers) - 1, columns)
        block = sparse.csr_matrix((x["data"][entries], x["indices"][entries], pointers - pointers[0]), shape=shape)
        block.sort_indices()
        hashes["data"].update(block.data.tobytes())
        hashes["indices"].update(block.indices.astype(np.int64).tobytes())
    return {
        "names of obs": hash_of_names(root["obs"]),
        "names of var": hash_of_names(root["var"]),
        "shape": [rows, columns],
        "type": str(x["data"].dtype),
        "indptr": hashlib.sha256(indptr.tobytes()).hexdigest(),
        **{part: found.hexdigest() for part, found in hashes.items()},
    }


if __name__ == "__main__":
    print(json.dumps(digest(Path(sys.argv[1]))))
