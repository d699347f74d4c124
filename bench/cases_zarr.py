"""`annstream concat` of zarr stores of format 3, as anndata writes them, with and without shards; and of both formats.

All compress with zstd at its default: that of zarr-python, which is level 3, and ours, which fits numbers; the table
says how large the results are. concat_on_disk refuses the case `mixed`, and the table says so; anndata.concat stands in
for it.
"""

from __future__ import annotations

from case import COPIES, DISK, MEMORY, OURS, Case, Family, Tool, in_memory, on_disk, on_disk_synced, ours


def concat(name: str, title: str, *datasets: str, shards: bool, rival: str = DISK) -> Case:
    """A case where the peers write as the inputs were written."""
    arguments = ["--shards"] if shards else []
    tools = (
        Tool(OURS, ours("concat", "--compression", "zstd")),
        on_disk(*arguments),
        on_disk_synced(*arguments),
        in_memory(*arguments),
        COPIES,
    )
    return Case(name, title, datasets, tools, suffix=".zarr", expected={rival: 3.0})


FAMILY = Family(
    "zarr",
    "Concatenation to zarr",
    (
        concat("zarr-plain", "zarr 3 without shards, same genes, inner", "zarr", shards=False),
        concat("zarr-shards", "zarr 3 with the shards of anndata, same genes, inner", "zarr-shards", shards=True),
        concat("zarr-diff", "zarr 3 with the shards of anndata, different genes, inner", "zarr-diff", shards=True),
        concat(
            "mixed", "gzip h5ad and zarr 3 in turns, same genes, inner", "same-gzip", "zarr", shards=False, rival=MEMORY
        ),
    ),
)
