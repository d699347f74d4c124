#!/usr/bin/env python3
"""Makes a set of files from another set, with anndata: the same data, stored in another way.

    python derive.py zarr|csc|tables|components FROM TO [--shards] [--files N] [--binary ANNSTREAM]

zarr: each file as a store of format 3; csc: the first N files as one with a CSC matrix; tables: each file without X;
components: what `annstream run --until pca` leaves of each file, with an X without values, which `run` asks for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import warnings
from pathlib import Path

import anndata
import h5py
import scipy.sparse
from measure import size_of


def zarr(options: argparse.Namespace, entries: list[dict]) -> list[dict]:
    """Each file as a store of format 3."""
    anndata.settings.zarr_write_format = 3
    anndata.settings.auto_shard_zarr_v3 = options.shards
    made = []
    for entry in entries:
        name = Path(entry["file"]).with_suffix(".zarr").name
        anndata.read_h5ad(options.source / entry["file"]).write_zarr(options.target / name)
        made.append({**entry, "file": name})
    return made


def csc(options: argparse.Namespace, entries: list[dict]) -> list[dict]:
    """The first files as one, with a CSC matrix."""
    taken = entries[: options.files]
    data = anndata.concat([anndata.read_h5ad(options.source / entry["file"]) for entry in taken])
    data.X = data.X.tocsc()
    data.write_h5ad(options.target / "all.h5ad")
    return [{"file": "all.h5ad", **{name: sum(entry[name] for entry in taken) for name in ("cells", "nnz")}}]


def tables(options: argparse.Namespace, entries: list[dict]) -> list[dict]:
    """Each file without X."""
    for entry in entries:
        with h5py.File(options.source / entry["file"]) as source, h5py.File(options.target / entry["file"], "w") as to:
            to.attrs.update(source.attrs)
            for name in source:
                if name != "X":
                    source.copy(name, to)
    return [{**entry, "nnz": 0} for entry in entries]


def components(options: argparse.Namespace, entries: list[dict]) -> list[dict]:
    """The scores of each file."""
    made = []
    for entry in entries:
        target = options.target / entry["file"]
        line = [str(options.binary), "run", str(options.source / entry["file"]), "-o", str(target)]
        line += ["--until", "pca", "--keep-x", "none", "--compression", "none", "-q"]
        subprocess.run(line, check=True)
        data = anndata.read_h5ad(target)
        data.X = scipy.sparse.csr_matrix(data.shape, dtype="f4")
        data.write_h5ad(target)
        made.append({**entry, "nnz": 0, "cells": data.n_obs})
    return made


JOBS = {"zarr": zarr, "csc": csc, "tables": tables, "components": components}


def main() -> None:
    """Makes the files, and their manifest last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--shards", action="store_true")
    parser.add_argument("--files", type=int)
    parser.add_argument("--binary", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    made = JOBS[options.job](options, json.loads((options.source / "manifest.json").read_text())["files"])
    for entry in made:
        entry["bytes"] = size_of(options.target / entry["file"])
    totals = {name: sum(entry[name] for entry in made) for name in ("cells", "nnz", "bytes")}
    (options.target / "manifest.json").write_text(json.dumps({"files": made, **totals}, indent=1))


if __name__ == "__main__":
    main()
