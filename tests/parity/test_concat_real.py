"""Real files: the tool writes what `anndata.concat` gives, for every sensible combination."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import real_data
from .runner import check_concat

STRATEGIES = [None, "same", "unique", "first", "only"]
JOINS = ["inner", "outer"]
SMALL_SETS = {
    "mouse": real_data.MOUSE,
    "mouse_reversed": real_data.MOUSE[::-1],
    "anndata_0.7": real_data.ANNDATA_07,
    "archives": real_data.ARCHIVES,
    "archives_with_x": real_data.ARCHIVES[:3],
    "bpcells": real_data.BPCELLS,
    "zoo": real_data.ZOO,
    "twice": [real_data.ZOO[0]] * 2,
}
LARGE_SETS = {
    "human": real_data.HUMAN,
    "human_reversed": real_data.HUMAN[::-1],
    "pbmc": real_data.HUMAN[:2],
    "kang": real_data.KANG,
    "dense_pair": real_data.HUMAN[3:5],
}
SHARING_OBS = {
    "bpcells_same": real_data.BPCELLS_SAME,
    "bpcells": real_data.BPCELLS,
    "anndata_0.7": real_data.ANNDATA_07,
    "csc_twice": [real_data.KANG[0]] * 2,
    "csc_and_dense": real_data.KANG,
    "anndataR_twice": [real_data.ZOO[0]] * 2,
    "mouse": real_data.MOUSE,
}


def check(names: list[str], folder: Path, **options: Any) -> None:
    """Concatenates real files and compares."""
    paths = [real_data.path_of(name) for name in names]
    check_concat(paths, [real_data.read(path) for path in paths], options, folder)


SMALL_CASES = [
    (name, join, strategy)
    for name in SMALL_SETS
    for join in JOINS
    for strategy in STRATEGIES
    # An outer join of the zoo is large: 11 744 genes, and graphs of them.
    if (name, join) != ("zoo", "outer") or strategy in {None, "unique"}
]


@pytest.mark.parametrize(("name", "join", "strategy"), SMALL_CASES)
def test_small_set(name: str, join: str, strategy: str | None, tmp_path: Path) -> None:
    """Every strategy, with a label and unique names."""
    options = {"merge": strategy, "uns_merge": strategy, "label": "batch", "index_unique": "-"}
    check(SMALL_SETS[name], tmp_path, join=join, pairwise=strategy == "unique", **options)


@pytest.mark.parametrize(("join", "strategy"), [("inner", "same"), ("outer", "first"), ("outer", None)])
@pytest.mark.parametrize("name", LARGE_SETS)
def test_large_set(name: str, join: str, strategy: str | None, tmp_path: Path) -> None:
    """Human sets with different genes, containers and dtypes."""
    keys = [f"donor {i}" for i in range(len(LARGE_SETS[name]))]
    check(LARGE_SETS[name], tmp_path, join=join, merge=strategy, uns_merge=strategy, keys=keys, label="donor")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("name", SHARING_OBS)
def test_along_var(name: str, join: str, strategy: str | None, tmp_path: Path) -> None:
    """axis=var, where the inputs share observations (or, for the mouse set, none)."""
    check(SHARING_OBS[name], tmp_path, axis="var", join=join, merge=strategy, uns_merge=strategy, label="part")


@pytest.mark.parametrize("fill_value", [0, 2.5, -1, float("nan")])
@pytest.mark.parametrize("name", ["mouse", "bpcells", "archives_with_x"])
def test_fill_value(name: str, fill_value: float, tmp_path: Path) -> None:
    """An outer join with another fill value."""
    check(SMALL_SETS[name], tmp_path, join="outer", fill_value=fill_value)
