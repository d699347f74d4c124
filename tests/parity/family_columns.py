"""Random columns of obs and var: every kind that anndata can store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .newer import PANDAS

INTS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
NULLABLE_INTS = ["Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"]
CATEGORICALS = ["category_str", "category_int", "ordered", "ordered_same"]
KINDS = [*INTS, "float32", "float64", "bool", "boolean", "str", "string", *NULLABLE_INTS, *CATEGORICALS * 3]
RELATED = [
    [*INTS, "float32", "float64", "bool"],
    [*NULLABLE_INTS, *INTS],
    ["bool", "boolean"],
    ["str", "string"],
    ["category_str", "ordered", "ordered_same", "category_str"],
    ["category_str", "str"],
    ["category_int", "int32"],
]
if PANDAS >= (3, 0):
    KINDS += ["native_str"] * 3
    RELATED += [["str", "string", "native_str"], ["category_str", "native_str"]]
WORDS = ["x1", "x2", "x10", "X3", "alpha", "β", "細胞", "", "with space", "a,b", "🧬", "ﬀ", "10", "9", "1.5"]


def text(rng: np.random.Generator, n: int) -> np.ndarray:
    """`n` words, some of them not ASCII, some empty."""
    return np.array([WORDS[i] for i in rng.integers(0, len(WORDS), n)], dtype=object)


def integers(rng: np.random.Generator, dtype: str, n: int) -> np.ndarray:
    """`n` whole numbers; now and then the limits of the dtype."""
    values = rng.integers(0, 100, n).astype(dtype)
    if rng.random() < 0.15 and n:
        limits = np.iinfo(dtype)
        values[rng.integers(0, n)] = rng.choice(np.array([limits.min, limits.max], dtype=dtype))
    return values


def categorical(rng: np.random.Generator, kind: str, n: int) -> pd.Categorical:
    """A categorical with unused categories and, often, missing codes."""
    if kind == "category_int":
        categories: Any = np.sort(rng.choice(20, rng.integers(1, 6), replace=False)).astype("int64")
    elif kind == "ordered_same":
        categories = ["low", "mid", "high"] if rng.random() < 0.9 else ["high", "mid", "low"]
    else:
        categories = list(rng.choice(WORDS, rng.integers(0, 7), replace=False))
    lowest = -1 if rng.random() < 0.5 or not len(categories) else 0
    codes = rng.integers(lowest, max(len(categories), lowest + 1), n)
    return pd.Categorical.from_codes(codes, categories=categories, ordered=kind.startswith("ordered"))


def column(rng: np.random.Generator, kind: str, n: int) -> Any:
    """`n` values of `kind`."""
    holes = rng.random(n) < rng.choice([0.0, 0.3, 1.0], p=[0.3, 0.6, 0.1])
    if kind in INTS:
        return integers(rng, kind, n)
    if kind in {"float32", "float64"}:
        values = rng.normal(size=n).astype(kind)
        values[holes] = np.nan
        return values
    if kind == "bool":
        return rng.random(n) < 0.5
    if kind == "str":
        return text(rng, n)
    if kind == "string":
        return pd.array(np.where(holes, None, text(rng, n)), dtype="string")
    if kind == "native_str":
        return pd.array(np.where(holes, None, text(rng, n)), dtype=pd.StringDtype(na_value=np.nan))
    if kind == "boolean":
        return pd.array(np.where(holes, None, rng.random(n) < 0.5), dtype="boolean")
    if kind in NULLABLE_INTS:
        values = integers(rng, kind.lower(), n)
        return pd.arrays.IntegerArray(np.where(holes, 0, values).astype(values.dtype), holes)
    return categorical(rng, kind, n)


def drifted(rng: np.random.Generator, kind: str, rate: float) -> str:
    """Now and then another kind that can be concatenated with `kind`; rarely any kind at all."""
    if rng.random() >= rate:
        return kind
    if rng.random() < 0.05:
        return str(rng.choice(KINDS))
    groups = [group for group in RELATED if kind in group]
    return str(rng.choice(groups[rng.integers(0, len(groups))])) if groups else kind


def make_columns(rng: np.random.Generator, n_inputs: int) -> list[dict[str, str]]:
    """For every input the kind of each of its columns: shared, lacking here and there, drifting."""
    names = [f"c{i}" for i in range(rng.integers(0, 5))] + (["spaß col"] if rng.random() < 0.2 else [])
    kinds = {name: str(rng.choice(KINDS)) for name in names}
    rate = rng.choice([0.0, 0.2, 0.6], p=[0.5, 0.35, 0.15])
    plans = []
    for _ in range(n_inputs):
        held = [name for name in names if rng.random() < 0.8]
        if rng.random() < 0.3:
            rng.shuffle(held)
        plans.append({name: drifted(rng, kinds[name], rate) for name in held})
    return plans


def make_frame(rng: np.random.Generator, plan: dict[str, str], index: pd.Index) -> pd.DataFrame:
    """A frame with the planned columns."""
    values = {name: column(rng, kind, len(index)) for name, kind in plan.items()}
    return pd.DataFrame(values, index=index)


def make_lookup(rng: np.random.Generator, plan: dict[str, str], labels: list[str]) -> pd.DataFrame:
    """A frame over all labels, from which inputs take rows: their annotation agrees."""
    return make_frame(rng, plan, pd.Index(labels, dtype=object))
