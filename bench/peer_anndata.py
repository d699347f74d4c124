#!/usr/bin/env python3
"""The jobs of anndata that `bench/run.py` measures, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

# All jobs import the same modules, so that the job `import` measures what every other one pays for them.
import anndata
from anndata.experimental import concat_on_disk


def read(path: Path) -> anndata.AnnData:
    """All of a file or store."""
    return anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)


def write(data: anndata.AnnData, options: argparse.Namespace) -> None:
    """A file or store, as the name says."""
    if options.output.suffix == ".zarr":
        data.write_zarr(options.output)
    else:
        data.write_h5ad(options.output, compression=options.compression)


def on_disk(options: argparse.Namespace) -> None:
    """`anndata.experimental.concat_on_disk`, with its own defaults."""
    concat_on_disk(options.inputs, options.output, join=options.join)


def in_memory(options: argparse.Namespace) -> None:
    """Read everything, `anndata.concat`, write."""
    parts = [read(path) for path in options.inputs]
    merged = anndata.concat(parts, join=options.join)
    del parts
    write(merged, options)


def convert(options: argparse.Namespace) -> None:
    """Read and write."""
    write(read(options.inputs[0]), options)


def to_csr(options: argparse.Namespace) -> None:
    """Read, change the layout of X, write."""
    data = read(options.inputs[0])
    data.X = data.X.tocsr()
    write(data, options)


def sync(path: Path) -> None:
    """Waits until a file, or all files below a folder, are on the disk, as ours are when it ends."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def versions(_: argparse.Namespace) -> None:
    """Prints the versions as JSON."""
    found = {name: version(name) for name in ("anndata", "h5py", "zarr", "numpy", "scipy", "pandas", "scanpy")}
    print(json.dumps({"python": platform.python_version(), **found}))


JOBS = {
    "import": lambda _: None,
    "concat_on_disk": on_disk,
    "anndata.concat": in_memory,
    "convert": convert,
    "tocsr": to_csr,
    "versions": versions,
}


def main() -> None:
    """Does one job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--join", default="inner")
    parser.add_argument("--compression")
    parser.add_argument("--sync", action="store_true", help="end when the output is on the disk")
    parser.add_argument("--shards", action="store_true", help="let zarr choose shards")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    anndata.settings.zarr_write_format = 3
    anndata.settings.auto_shard_zarr_v3 = options.shards
    JOBS[options.job](options)
    if options.sync:
        sync(options.output)


if __name__ == "__main__":
    main()
