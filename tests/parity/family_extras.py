"""What some families have besides: awkward, structured and text arrays, and categories of numbers.

They are drawn from a generator of their own, so that the rest of a family does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward
import numpy as np
import pandas as pd
from anndata import AnnData

Make = Callable[[np.random.Generator, int], Any]

AWKWARD: list[str] = ["lists", "lists", "option_lists", "nested", "records", "records", "list_of_records", "strings"]
CATEGORIES = ["category_float", "category_bool", "category_int", "missing"]
ODD_KINDS = [*CATEGORIES, "bool", "int32", "int8", "float64", "float32"]


def add_extras(seed: int, adatas: list[AnnData], options: dict[str, Any]) -> None:
    """Adds to the inputs of a seed."""
    rng = np.random.default_rng([seed, 3])
    main, alt = ("var", "obs") if options["axis"] == "var" else ("obs", "var")
    if rng.random() < 0.12:
        add(rng, adatas, main, "awkward", awkward_maker(rng))
    if rng.random() < 0.06:
        add(rng, adatas, alt, "awkward", awkward_maker(rng))
    if rng.random() < 0.08:
        add(rng, adatas, main, "records", records)
    if rng.random() < 0.05:
        add(rng, adatas, main, "words", words)
    for axis in (main, alt):
        if rng.random() < 0.15:
            add_column(rng, adatas, axis)


def add(rng: np.random.Generator, adatas: list[AnnData], axis: str, key: str, make: Make) -> None:
    """A member of obsm or varm, which is lacking in some inputs now and then."""
    lacking = rng.choice([0.0, 0.3])
    for adata in adatas:
        value = make(rng, adata.n_obs if axis == "obs" else adata.n_vars)
        if rng.random() >= lacking:
            getattr(adata, f"{axis}m")[key] = value


def awkward_maker(rng: np.random.Generator) -> Make:
    """One form for all inputs, or rarely one for each."""
    form = str(rng.choice(AWKWARD))
    drifting = rng.random() < 0.1

    def make(rng: np.random.Generator, n: int) -> Any:
        return awkward_array(rng, str(rng.choice(AWKWARD)) if drifting else form, n)

    return make


def awkward_array(rng: np.random.Generator, form: str, n: int) -> Any:
    """`n` entries; the type does not depend on them."""
    dtype = str(rng.choice(["int64", "int64", "float32"]))
    numbers = lambda: rng.integers(0, 9, rng.integers(0, 4)).tolist()  # noqa: E731
    if form in {"records", "list_of_records"}:
        fields = ["a", "b", "c"] if rng.random() < 0.7 else ["b", "a"]
        record = lambda: {name: (numbers() if name == "b" else int(rng.integers(0, 9))) for name in fields}  # noqa: E731
        one = record if form == "records" else lambda: [record() for _ in range(rng.integers(0, 3))]
        full = dict.fromkeys(fields, 0) | {"b": [0]}
        pattern = full if form == "records" else [full]
        return awkward.Array([*(one() for _ in range(n)), pattern])[:n]
    if form == "strings":
        return awkward.Array([*(["", "β", "x10"][i] for i in rng.integers(0, 3, n)), "x"])[:n]
    if form == "nested":
        return awkward.Array([*([numbers() for _ in range(rng.integers(0, 3))] for _ in range(n)), [[0]]])[:n]
    if form == "option_lists":
        values = [None if rng.random() < 0.3 else [*numbers(), None] for _ in range(n)]
        return awkward.Array([*values, None, [0, None]])[:n]
    return awkward.values_astype(awkward.Array([*(numbers() for _ in range(n)), [0]])[:n], dtype)


def records(rng: np.random.Generator, n: int) -> np.ndarray:
    """A structured array of one column."""
    number = str(rng.choice(["int32", "int32", "float32", "int64"]))
    values = np.zeros((n, 1), dtype=[("count", number), ("name", "O"), ("score", "float64")])
    values["count"] = rng.integers(0, 9, (n, 1))
    values["name"] = np.array(["", "é", "x"], dtype=object)[rng.integers(0, 3, (n, 1))]
    values["score"] = rng.normal(size=(n, 1))
    return values


def words(rng: np.random.Generator, n: int) -> np.ndarray:
    """A matrix of text."""
    return np.array(["", "细胞", "a"], dtype=object)[rng.integers(0, 3, (n, 2))]


def add_column(rng: np.random.Generator, adatas: list[AnnData], axis: str) -> None:
    """A column of numbers, and categories of numbers."""
    kinds = rng.choice(ODD_KINDS, 2, replace=False)
    for adata in adatas:
        if rng.random() < 0.85:
            frame = getattr(adata, axis)
            frame["odd"] = odd_column(rng, str(rng.choice(kinds)), len(frame))


def odd_column(rng: np.random.Generator, kind: str, n: int) -> Any:
    """`n` values."""
    if not kind.startswith("category") and kind != "missing":
        return rng.integers(0, 2, n).astype(kind)
    categories: Any = {
        "category_float": np.array([0.5, 1.0, 2.5], dtype=str(rng.choice(["float32", "float64"]))),
        "category_bool": np.array([False, True][: rng.integers(1, 3)]),
        "category_int": np.array([0, 1, 7], dtype=str(rng.choice(["int8", "int64"]))),
        "missing": np.array([[False, True], [1, 2], ["a", "b"]][rng.integers(0, 3)]),
    }[kind]
    lowest = -1 if rng.random() < 0.4 else 0
    codes = np.full(n, -1) if kind == "missing" else rng.integers(lowest, len(categories), n)
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories), ordered=bool(rng.random() < 0.1))
