"""Random conditions about a table: their text, and what pandas says of every row.

`random_condition(rng, frame)` gives a `Condition`. Logic has three values: pandas' nullable booleans have them too.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class Condition:
    """A condition as it is written, and its value for each row: true, false or missing."""

    text: str
    truth: pd.arrays.BooleanArray

    @property
    def rows(self) -> np.ndarray:
        """The positions of the rows it is true for."""
        return np.flatnonzero(self.truth.fillna(False).to_numpy(dtype=bool))


def random_condition(rng: np.random.Generator, frame: pd.DataFrame, axis: str = "obs", depth: int = 3) -> Condition:
    """A condition about the columns and the index of a frame."""
    if depth == 0 or rng.random() < 0.35:
        return leaf(rng, frame, axis)
    if rng.random() < 0.2:
        inner = random_condition(rng, frame, axis, depth - 1)
        return Condition(f"NOT ({inner.text})", ~inner.truth)
    left, right = (random_condition(rng, frame, axis, depth - 1) for _ in range(2))
    if rng.random() < 0.5:
        return Condition(f"({left.text}) AND ({right.text})", left.truth & right.truth)
    return Condition(f"({left.text}) OR ({right.text})", left.truth | right.truth)


def leaf(rng: np.random.Generator, frame: pd.DataFrame, axis: str) -> Condition:
    """A condition about one column, or the index."""
    names = [*frame.columns, None]
    name = names[rng.integers(0, len(names))]
    if name is None:
        own = "index" if "index" not in frame.columns and rng.random() < 0.5 else f"{axis}_names"
        return about_text(rng, own, [str(value) for value in frame.index])
    quoted = '"' + str(name).replace('"', '""') + '"'
    series = frame[name]
    values = [None if pd.isna(value) else plain(value) for value in series]
    if rng.random() < 0.15:
        word, wanted = [("IS NULL", True), ("IS NOT NULL", False)][rng.integers(0, 2)]
        return Condition(f"{quoted} {word}", truth(values, lambda value: (value is None) == wanted, missing=False))
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = [plain(value) for value in series.cat.categories]
        if series.cat.ordered and categories and rng.random() < 0.6:
            return about_order(rng, quoted, values, categories)
        if not categories:
            return about_null(quoted, values)
        held = categories
    else:
        held = [value for value in values if value is not None]
    kind = series.cat.categories.dtype if isinstance(series.dtype, pd.CategoricalDtype) else series.dtype
    if pd.api.types.is_bool_dtype(kind):
        return about_truth(rng, quoted, values)
    if pd.api.types.is_numeric_dtype(kind):
        return about_numbers(rng, quoted, values, held, narrow=str(kind) == "float32")
    ordered = isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered
    return about_text(rng, quoted, values, by_order=not ordered)


def plain(value: Any) -> Any:
    """A value of Python."""
    return value.item() if isinstance(value, np.generic) else value


def truth(values: list[Any], holds: Callable[[Any], bool], *, missing: bool = True) -> pd.arrays.BooleanArray:
    """The answers; for missing values missing, unless the question is about that."""
    return pd.array([pd.NA if missing and value is None else bool(holds(value)) for value in values], dtype="boolean")


def about_null(name: str, values: list[Any]) -> Condition:
    """Comparisons with NULL are never true."""
    return Condition(f"{name} = NULL", pd.array([pd.NA] * len(values), dtype="boolean"))


def about_order(rng: np.random.Generator, name: str, values: list[Any], categories: list[Any]) -> Condition:
    """An ordered categorical is compared by the places of its categories."""
    op = ["<", "<=", ">", ">="][rng.integers(0, 4)]
    bound = int(rng.integers(0, len(categories)))
    text = f"{name} {op} {literal(categories[bound])}"
    return Condition(text, truth(values, lambda value: OPERATORS[op](categories.index(value), bound)))


def about_truth(rng: np.random.Generator, name: str, values: list[Any]) -> Condition:
    """True and false."""
    match rng.integers(0, 4):
        case 0:
            return Condition(name, truth(values, bool))
        case 1:
            return Condition(f"{name} = FALSE", truth(values, lambda value: not value))
        case 2:
            return Condition(f"{name} IS NOT TRUE", truth(values, lambda value: value is not True, missing=False))
        case _:
            return Condition(f"{name} IS FALSE", truth(values, lambda value: value is False, missing=False))


def about_numbers(
    rng: np.random.Generator, name: str, values: list[Any], held: list[Any], *, narrow: bool
) -> Condition:
    """Numbers: comparisons, lists, ranges, arithmetic."""

    def number() -> Any:
        if held and rng.random() < 0.6:
            return held[rng.integers(0, len(held))]
        return int(rng.integers(-5, 60)) if rng.random() < 0.5 else round(float(rng.normal()), 3)

    def own(value: Any) -> Any:
        """A literal beside a column of 32-bit floats is one of them."""
        return float(np.float32(value)) if narrow else value

    match rng.integers(0, 4):
        case 0:
            few = [number() for _ in range(rng.integers(1, 5))]
            text = f"{name} IN ({', '.join(map(literal, few))})"
            return Condition(text, truth(values, lambda value: any(value == own(item) for item in few)))
        case 1:
            low, high = number(), number()
            text = f"{name} BETWEEN {literal(low)} AND {literal(high)}"
            return Condition(text, truth(values, lambda value: own(low) <= value <= own(high)))
        case 2:
            factor, op, bound = int(rng.integers(1, 4)), random_operator(rng), number()
            text = f"{name} * {factor} - 1 {op} {literal(bound)}"
            return Condition(text, truth(values, lambda value: OPERATORS[op](value * factor - 1, bound)))
        case _:
            op, bound = random_operator(rng), number()
            return Condition(
                f"{name} {op} {literal(bound)}", truth(values, lambda value: OPERATORS[op](value, own(bound)))
            )


def about_text(rng: np.random.Generator, name: str, values: list[Any], *, by_order: bool = True) -> Condition:
    """Text: comparisons, lists, patterns; not by order where categories have one of their own."""
    held = [value for value in values if value is not None] or ["x"]
    some = str(held[rng.integers(0, len(held))])
    match rng.integers(0, 4):
        case 0:
            few = [some, "no such", *(str(value) for value in held[:3])]
            words = ", ".join(map(literal, few))
            negated = rng.random() < 0.3
            text = f"{name} {'NOT ' if negated else ''}IN ({words})"
            return Condition(text, truth(values, lambda value: (value in few) != negated))
        case 1:
            pattern = "".join(rng.choice(np.array([char, "_", "%"]), p=[0.7, 0.15, 0.15]) for char in some) + "%"
            return Condition(f"{name} LIKE {literal(pattern)}", truth(values, lambda value: like(value, pattern)))
        case 2:
            pattern = f"%{some[:2].upper()}%"
            text = f"{name} ILIKE {literal(pattern)}"
            return Condition(text, truth(values, lambda value: like(value.lower(), pattern.lower())))
        case _:
            return compared(name, random_operator(rng) if by_order else "<>", some, values)


def compared(name: str, op: str, bound: str, values: list[Any]) -> Condition:
    """Text is ordered by code points."""
    return Condition(f"{name} {op} {literal(bound)}", truth(values, lambda value: OPERATORS[op](value, bound)))


def random_operator(rng: np.random.Generator) -> str:
    """A comparison."""
    return list(OPERATORS)[rng.integers(0, len(OPERATORS))]


def like(value: str, pattern: str) -> bool:
    """`LIKE` by a regular expression."""
    parts = [{"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def literal(value: Any) -> str:
    """A value as SQL writes it."""
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
