"""`annstream run` to the end beside scanpy in memory: from raw counts to markers, on half of the cells.

One process each. scanpy's Leiden is that of igraph with two iterations, and ours does as many (end.toml: beside that
the default recipe, which iterates until nothing improves). The markers are those of t-tests.
"""

from __future__ import annotations

from case import BENCH, OURS, Case, Family, Tool, ours
from cases_graph import peer
from quality import claims, look, metrics_of, verdict

MEMORY_MIB = 768


def end() -> Tool:
    """Ours."""
    line = ours("run", "--recipe", str(BENCH / "end.toml"), memory_mib=MEMORY_MIB)
    return Tool(OURS, lambda job: [*line(job), "--metrics", str(metrics_of(job.output))])


FAMILY = Family(
    "end",
    "Counts to markers",
    (
        Case(
            "end",
            f"the whole flow, half of the cells, --memory {MEMORY_MIB}M",
            ("atlas",),
            (end(), peer("end", entry_bytes=40)),
            memory_mib=MEMORY_MIB,
            share=0.5,
            look=look,
            verdict=verdict,
        ),
    ),
    claims,
)
