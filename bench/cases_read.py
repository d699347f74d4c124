"""All of X into memory: the example `read_x` of the engine beside what Python reads arrays with.

Every tool prints how many values there are, and their sum. The peers hold the three arrays of one file at a time, ours
some blocks.
"""

from __future__ import annotations

from case import BENCH, OURS, PYTHON, Case, Family, Job, Tool


def streamed(job: Job) -> list[str]:
    """The command line of the example."""
    return [str(job.options.binary.parent / "examples/read_x"), *job.names]


def read(name: str, title: str, dataset: str, library: str) -> Case:
    """A case with one peer."""
    script = [PYTHON, str(BENCH / "peer_read.py"), library]
    tools = (Tool(OURS, streamed), Tool(library, lambda job: [*script, *job.names], library))
    return Case(name, title, (dataset,), tools, suffix=None)


FAMILY = Family(
    "read",
    "Reading X",
    (
        read("read-raw", "uncompressed h5ad", "same", "h5py"),
        read("read-gzip", "gzip h5ad", "same-gzip", "h5py"),
        read("read-zarr", "zarr 3 without shards", "zarr", "zarr"),
        read("read-zarr-shards", "zarr 3 with the shards of anndata", "zarr-shards", "zarr"),
    ),
)
