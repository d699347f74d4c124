"""`annstream concat` of h5ad files to h5ad."""

from __future__ import annotations

from case import COPIES, OURS, SYNCED_COPIES, Case, Family, Tool, in_memory, on_disk, on_disk_synced, ours


def concat(
    name: str, title: str, dataset: str, join: str = "inner", compression: str = "none", disk: bool = True
) -> Case:
    """A case with all peers that can do it."""
    written = () if compression == "none" else ("--compression", compression)
    return Case(
        name,
        title,
        (dataset,),
        (
            Tool(OURS, ours("concat", "--join", join, "--compression", compression)),
            *([on_disk("--join", join), on_disk_synced("--join", join)] if disk else []),
            in_memory("--join", join, *written),
            COPIES,
            SYNCED_COPIES,
        ),
    )


def bounded(name: str, title: str, times: int) -> Case:
    """A case of ours alone, within 256 MiB."""
    unique = ["--index-unique=-"] if times > 1 else []
    arguments = ["--join", "outer", "--compression", "none", *unique]
    tools = (Tool(OURS, ours("concat", *arguments, memory_mib=256)),)
    return Case(name, title, ("diff",), tools, times=times, memory_mib=256)


FAMILY = Family(
    "concat",
    "Concatenation of h5ad files",
    (
        concat("raw-same", "uncompressed, same genes, inner", "same"),
        concat("raw-diff", "uncompressed, different genes, inner", "diff"),
        concat("raw-diff-outer", "uncompressed, different genes, outer", "diff", "outer"),
        concat("gzip-same", "gzip in, uncompressed out, same genes, inner", "same-gzip"),
        concat("gzip-diff", "gzip in, uncompressed out, different genes, inner", "diff-gzip"),
        # concat_on_disk cannot compress what it writes, and refuses CSC.
        concat("gzip-gzip", "gzip in, gzip out, different genes, inner", "diff-gzip", "inner", "gzip", disk=False),
        concat("csc", "CSC in, CSR out, different genes, inner", "diff-csc", disk=False),
        bounded("memory", "uncompressed, different genes, outer, --memory 256M", times=1),
        bounded("doubled", "the case memory with every file twice", times=2),
    ),
)
