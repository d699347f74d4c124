"""A notebook's flow beside the same in scanpy and anndataoom: read, the steps of the tutorial, components, fifty genes.

All write tables and components, and no matrix. What Python and its imports hold counts. ANNSTREAM_BENCH_PACKAGE names
the folder that holds the package, if it is not the one that `make bench` fills.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import partial

import cases_pipeline
from case import OURS, PYTHON, Case, Family, Tool
from cases_pipeline import command, peers, verdict
from datasets import ROOT
from steps import told

PACKAGE = os.environ.get("ANNSTREAM_BENCH_PACKAGE", str(ROOT / "build/bench-package"))
# Where processes find it; and this one, which asks whether it is there.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PACKAGE, os.environ.get("PYTHONPATH"))))
sys.path.insert(0, PACKAGE)


def notebook() -> Tool:
    """Ours."""
    line = command(PYTHON, "annstream", "--without-x")
    if importlib.util.find_spec("annstream") is None:
        return Tool(OURS, line, absent=f"absent: there is no package annstream in {PACKAGE}")
    return Tool(OURS, line, "annstream")


def flow(name: str, title: str, share: float, memory_mib: int) -> Case:
    """The flow on so much of the cells."""
    tools = (notebook(), *peers("--without-x"))
    look = partial(cases_pipeline.look, exact=False)
    return Case(name, title, ("atlas",), tools, memory_mib=memory_mib, share=share, look=look, verdict=verdict)


def claims(results: dict[str, dict]) -> list[str]:
    """What each step took, and the CPU of the incumbent beside ours."""
    lines = []
    for name, case in results.items():
        for tool, report in case.get("stages", {}).items():
            lines.append(f"{name}: {tool}, steps of the first run: {told(report['stages'])}.")
    return lines


FAMILY = Family(
    "python",
    "A notebook: read to components",
    (
        flow("notebook-small", "a notebook to components and 50 genes, 7,700 cells", 0.0385, 238),
        flow("notebook-part", "the same, a quarter of the cells", 0.25, 381),
        flow("notebook", "the same, all cells", 1.0, 381),
    ),
    claims,
)
