"""Neighbours, pictures and communities beside scanpy, from the same components in the same run.

scanpy asks pynndescent, umap-learn and igraph (Leiden of flavor igraph, two iterations); ours does as many iterations,
in two starts of which the better counts. Components are those of the simulated atlas, 50 of 2,000 genes, made once by
`annstream run --until pca`.

A tenth and a half of the cells: 20,000 and 100,000 by default. scanpy takes long beyond, and the atlas takes long to be
made: ANNSTREAM_BENCH_LARGE=1 adds a case with five halves, 500,000. `--cells` chooses another whole, `--without scanpy`
leaves the peer out, and `--cases graph-large` runs that case only.
"""

from __future__ import annotations

import os

from case import BENCH, OURS, PYTHON, Case, Family, Job, Tool, ours
from quality import claims, look, metrics_of, verdict

SCANPY = "scanpy"
SCRIPT = str(BENCH / "peer_graph.py")
RECIPE = BENCH / "graph.toml"


def steps() -> Tool:
    """Ours: one process, as for the peer."""
    line = ours("run", "--recipe", str(RECIPE), "--keep-x", "none")
    return Tool(OURS, lambda job: [*line(job), "--metrics", str(metrics_of(job.output))])


def peer(task: str, name: str = SCANPY, entry_bytes: int = 0) -> Tool:
    """A task of `peer_graph.py`."""

    def command(job: Job) -> list[str]:
        return [PYTHON, SCRIPT, task, *job.names, "-o", str(job.output)]

    return Tool(name, command, "scanpy", entry_bytes=entry_bytes)


def case(name: str, title: str, share: float) -> Case:
    """So much of the cells."""
    tools = (steps(), peer("graph"))
    return Case(
        name, f"{title}: neighbors, umap, leiden", ("components",), tools, share=share, look=look, verdict=verdict
    )


def large() -> tuple[Case, ...]:
    """More cells, if asked for."""
    if not os.environ.get("ANNSTREAM_BENCH_LARGE"):
        return ()
    return (case("graph-large", "five halves of the cells", 2.5),)


FAMILY = Family(
    "graph",
    "Components to clusters",
    (case("graph-small", "a tenth of the cells", 0.1), case("graph", "half of the cells", 0.5), *large()),
    claims,
)
