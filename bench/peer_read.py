#!/usr/bin/env python3
"""Reads all of X of each file with h5py or zarr, and prints the number of its stored values and their sum.

    python peer_read.py h5py|zarr PATH...

Without paths it only pays for the import.
"""

import sys

import numpy as np

if sys.argv[1] == "h5py":
    import h5py

    opened = h5py.File
else:
    import zarr

    opened = zarr.open_group

for path in sys.argv[2:]:
    x = opened(path, mode="r")["X"]
    indptr, indices, data = (x[name][:] for name in ("indptr", "indices", "data"))
    if int(indptr[-1]) != len(indices) or len(indices) != len(data):
        sys.exit(f"{path}: the arrays of X disagree")
    print(len(data), data.sum(dtype=np.float64))
    del indptr, indices, data
