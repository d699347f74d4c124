"""Random uns: nested, with every kind of value, equal in some inputs and conflicting in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward
import numpy as np
import pandas as pd
from scipy import sparse

from .newer import PANDAS


def records(variant: int) -> np.ndarray:
    """A record array as scanpy's rank_genes_groups writes them."""
    names = [("CD3E", "x10"), ("é", "MS4A1")]
    return np.rec.fromarrays([np.array(names[0], dtype=object), np.arange(2.0) + variant], names=["a", "b"])


def frame(variant: int) -> pd.DataFrame:
    """A dataframe with a category, a hole and a string."""
    columns = {"n": np.arange(3) + variant, "f": [0.5, np.nan, 1], "c": pd.Categorical(["u", None, "v"])}
    return pd.DataFrame(columns, index=["r0", "r1", "r2"])


LEAVES: dict[str, Callable[[int], Any]] = {
    "whole": lambda v: 7 + v,
    "fraction": lambda v: 0.5 + v,
    "flag": lambda v: v == 0,
    "words": lambda v: ["leiden", "UMAP ☃"][v],
    "none": lambda v: None,
    "whole_or_fraction": lambda v: [1, 1.0][v],
    "nan": lambda v: float("nan"),
    "ints": lambda v: np.arange(4, dtype=["int32", "int64"][v]),
    "floats": lambda v: np.array([1.5, np.nan, v]),
    "grid": lambda v: np.ones((2, 3 + v), dtype="float32"),
    "flags": lambda v: np.array([True, v == 0]),
    "strings": lambda v: np.array(["", "β", f"x{v}"], dtype=object),
    "records": records,
    "frame": frame,
    "sparse": lambda v: sparse.csr_matrix(np.array([[0, 1 + v, 0], [2, 0, 0]], dtype="float32")),
    "sparse_csc": lambda v: sparse.csc_matrix(np.array([[0, 1], [2 * v, 0]], dtype="int64")),
    "awkward": lambda v: awkward.Array([[1, 2], [], [3 + v]]),
    "empty": lambda v: {},
    "empty_array": lambda v: np.zeros((0, 2), dtype="float32"),
    "categorical": lambda v: pd.Categorical(["a", "b", "a"], categories=["b", "a", "c"][: 2 + v]),
    "nullable": lambda v: pd.array([1, None, 3 + v], dtype="Int32"),
    "leaf_or_mapping": lambda v: [{"inside": 1}, 5][v],
}
if PANDAS >= (3, 0):
    LEAVES["native_text"] = lambda v: pd.array(["a", None, "β"][v:], dtype=pd.StringDtype(na_value=np.nan))
    LEAVES["nullable_text"] = lambda v: pd.array(["a", None, "β"][v:], dtype="string")


def make_uns(rng: np.random.Generator, n_inputs: int) -> list[dict[str, Any]]:
    """One uns for each input."""
    if rng.random() < 0.3:
        return [{} for _ in range(n_inputs)]
    unequal = rng.choice([0.0, 0.3])

    def level(depth: int) -> list[dict[str, Any]]:
        chosen = rng.choice(list(LEAVES), rng.integers(0, 5), replace=False).tolist()
        result: list[dict[str, Any]] = [{} for _ in range(n_inputs)]
        for name in chosen:
            for uns in result:
                if rng.random() < 0.75:
                    uns[name] = LEAVES[name](int(rng.random() < unequal))
        if depth < 2 and rng.random() < 0.5:
            for uns, nested in zip(result, level(depth + 1), strict=True):
                if rng.random() < 0.85:
                    uns["nested"] = nested
        return result

    return level(0)
