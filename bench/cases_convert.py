"""`annstream convert` beside the obvious script: read, change, write."""

from __future__ import annotations

from itertools import pairwise

from case import COPIES, OURS, Case, Family, Tool, ours, peer

MEMORY_MIB = 256
# How much longer twice the cells may take.
MOST = 2.2
SCRIPT = "anndata script"


def to_zarr(name: str, title: str, dataset: str) -> Case:
    """One h5ad file to zarr 3."""
    tools = (
        Tool(OURS, ours("convert", "--compression", "zstd")),
        Tool(SCRIPT, peer("convert", "--shards"), "anndata", entry_bytes=16),
        COPIES,
    )
    return Case(name, title, (dataset,), tools, suffix=".zarr", files=1)


def to_csr(quarters: int) -> Case:
    """CSC to CSR, of so many quarters of all cells."""
    share = {1: "a quarter of the cells", 2: "half of the cells", 4: "all cells"}[quarters]
    tools = (
        Tool(OURS, ours("convert", "--layout", "csr", "--compression", "none", memory_mib=MEMORY_MIB)),
        Tool(SCRIPT, peer("tocsr"), "anndata", entry_bytes=24),
        COPIES,
    )
    title = f"CSC to CSR, h5ad, {share}, --memory {MEMORY_MIB}M"
    return Case(f"csc-csr-{quarters}", title, (f"csc-{quarters}",), tools, memory_mib=MEMORY_MIB)


def claims(results: dict[str, dict]) -> list[str]:
    """Whether the time of CSC to CSR is linear."""
    lines = []
    found = [results[name] for name in ("csc-csr-1", "csc-csr-2", "csc-csr-4") if name in results]
    for tool in (OURS, SCRIPT):
        measured = [(case["cells"], case["tools"][tool]) for case in found if "wall" in case["tools"].get(tool, {})]
        for (cells, few), (more_cells, many) in pairwise(measured):
            ratio = many["wall"] / few["wall"]
            verdict = ""
            if tool == OURS:
                verdict = f" (at most {MOST} allowed: {'kept' if ratio <= MOST else 'NOT kept'})"
            lines.append(
                f"CSC to CSR, {tool}: from {cells:,} to {more_cells:,} cells, {ratio:.2f} times as long{verdict}."
            )
    return lines


FAMILY = Family(
    "convert",
    "Conversion",
    (
        to_zarr("to-zarr", "uncompressed h5ad to zarr 3, zstd", "same"),
        to_zarr("gzip-to-zarr", "gzip h5ad to zarr 3, zstd", "same-gzip"),
        *(to_csr(quarters) for quarters in (1, 2, 4)),
    ),
    claims,
)
