"""The steps of a job, and what each took: written beside the output, as `annstream run --metrics` does."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

UNIT = 1 if sys.platform == "darwin" else 1024


class Steps:
    """Steps with their time, and the most memory held at their end."""

    def __init__(self) -> None:
        """None yet."""
        self.done: list[dict] = []

    def run(self, name: str, work: Callable[[], object]) -> object:
        """Runs one."""
        wall, cpu = time.perf_counter(), time.process_time()
        out = work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        self.done.append({"name": name, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_rss": peak})
        return out

    def write(self, output: Path) -> None:
        """Leaves them where those of annstream are."""
        report = {"report": {"stages": self.done}}
        output.with_name("metrics.json").write_text(json.dumps(report))


def told(stages: list[dict]) -> str:
    """Steps and what they took, in a line."""
    return "; ".join(
        f"{stage['name']} {stage['seconds']:.2f} s ({stage['cpu_seconds']:.2f} s CPU, "
        f"{(stage['peak_rss'] or 0) / 2**20:.0f} MiB so far)"
        for stage in stages
    )
