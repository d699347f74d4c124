"""Which combinations of a test's parameters run: few that hold every pair of values, or all.

`ANNSTREAM_WIDE=1` runs all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import combinations, product
from typing import Any

WIDE = bool(os.environ.get("ANNSTREAM_WIDE"))


def covering(*factors: Iterable[Any], strength: int = 2, wide: bool = WIDE) -> list[tuple[Any, ...]]:
    """Combinations of one value of each factor, such that any `strength` values of different factors meet in one.

    Greedy: of all combinations, always the first that has most that is new.
    """
    everything = list(product(*map(list, factors)))
    if wide or strength >= len(factors):
        return everything
    places = list(combinations(range(len(factors)), strength))

    # What each combination brings together.
    meetings = [{(at, *(values[i] for i in at)) for at in places} for values in everything]
    left = set().union(*meetings)
    chosen = []
    while left:
        best = max(range(len(everything)), key=lambda number: len(left & meetings[number]))
        left -= meetings[best]
        chosen.append(everything[best])
    return chosen
