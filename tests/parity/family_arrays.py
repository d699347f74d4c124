"""Random matrices: dense and sparse, every dtype, canonical and not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from .family_columns import make_columns, make_frame

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "int32", "int64", "uint32", "uint64", "float32", "float64"]
COMMON = ["float32", "float32", "float32", "float64", "int32", "int64"]


def dense(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Counts, or halves for floats; half of them zero; now and then NaN."""
    values = rng.integers(0, 12, shape) * (rng.random(shape) < 0.5)
    if np.dtype(dtype).kind == "f":
        values = values / 2
        if rng.random() < 0.2:
            values[rng.random(shape) < 0.1] = np.nan
    elif np.dtype(dtype).kind == "i" and rng.random() < 0.3:
        values = -values
    return values.astype(dtype)


def sparse_matrix(rng: np.random.Generator, shape: tuple[int, int], dtype: str, layout: str) -> Any:
    """csr or csc: with empty rows, explicit zeros, unsorted and duplicate entries now and then."""
    values = dense(rng, shape, dtype)
    values[rng.random(shape[0]) < 0.2] = 0
    if layout == "csc":
        return sparse_matrix_from(rng, values.T).T.tocsc()
    return sparse_matrix_from(rng, values)


def sparse_matrix_from(rng: np.random.Generator, values: np.ndarray) -> sparse.csr_matrix:
    """A csr matrix with the given values, possibly not in canonical form."""
    explicit_zeros = rng.random() < 0.3
    duplicates = rng.random() < 0.15 and values.dtype != bool
    shuffled = rng.random() < 0.3
    data, indices, indptr = [], [], [0]
    for row in values:
        entries = []
        for position, value in enumerate(row):
            if value != 0 or (explicit_zeros and rng.random() < 0.1):
                entries.append((position, value))
                if duplicates and rng.random() < 0.1:
                    entries.append((position, values.dtype.type(1)))
        if shuffled:
            rng.shuffle(entries)
            entries = [(int(position), value) for position, value in entries]
        indices.extend(position for position, _ in entries)
        data.extend(value for _, value in entries)
        indptr.append(len(indices))
    index_dtype = "int64" if rng.random() < 0.2 else "int32"
    matrix = sparse.csr_matrix(values.shape, dtype=values.dtype)
    matrix.data = np.array(data, dtype=values.dtype)
    matrix.indices = np.array(indices, dtype=index_dtype)
    matrix.indptr = np.array(indptr, dtype=index_dtype)
    return matrix


def make_dtypes(rng: np.random.Generator, n_inputs: int) -> list[str]:
    """One dtype for all, or one for each."""
    pool = COMMON if rng.random() < 0.5 else DTYPES
    if rng.random() < 0.65:
        return [str(rng.choice(pool))] * n_inputs
    return [str(rng.choice(pool)) for _ in range(n_inputs)]


def make_layouts(rng: np.random.Generator, n_inputs: int) -> list[str]:
    """csr, csc, dense or a mixture."""
    if rng.random() < 0.7:
        return [str(rng.choice(["csr", "csr", "csc", "dense"]))] * n_inputs
    return [str(rng.choice(["csr", "csc", "dense"])) for _ in range(n_inputs)]


def matrix(rng: np.random.Generator, shape: tuple[int, int], dtype: str, layout: str) -> Any:
    """A dense or sparse matrix."""
    return dense(rng, shape, dtype) if layout == "dense" else sparse_matrix(rng, shape, dtype, layout)


def make_matrices(rng: np.random.Generator, shapes: list[tuple[int, int]], *, may_lack: bool) -> list[Any]:
    """One matrix for each shape, of related dtypes and layouts; None where the input lacks it."""
    dtypes, layouts = make_dtypes(rng, len(shapes)), make_layouts(rng, len(shapes))
    if all(layout == "dense" for layout in layouts) and rng.random() < 0.08:
        dtypes = ["float16"] * len(shapes)
    lack = 0.25 if may_lack and rng.random() < 0.6 else 0.0
    parts = zip(shapes, dtypes, layouts, strict=True)
    return [None if rng.random() < lack else matrix(rng, *part) for part in parts]


def make_embeddings(rng: np.random.Generator, indices: list[pd.Index]) -> list[Any]:
    """One member of obsm (or varm) for each input: matrices of any width, 3-d arrays, or dataframes."""
    sizes = [len(index) for index in indices]
    form = rng.choice(["matrix", "matrix", "cube", "frame", "frame"])
    if form == "matrix":
        same_width = rng.random() < 0.5
        widths = [int(rng.integers(1, 5))] * len(sizes) if same_width else rng.integers(0, 5, len(sizes)).tolist()
        return make_matrices(rng, list(zip(sizes, widths, strict=True)), may_lack=True)
    if form == "cube":
        depth = int(rng.integers(1, 4))
        lacking = 0.1 if rng.random() < 0.3 else 0.0
        shapes = [(size, int(rng.integers(1, 4)), depth) for size in sizes]
        return [None if rng.random() < lacking else dense(rng, shape, "float32") for shape in shapes]
    plans = make_columns(rng, len(sizes))
    lacking = 0.25 if rng.random() < 0.5 else 0.0
    frames = [make_frame(rng, plan, index) for plan, index in zip(plans, indices, strict=True)]
    return [None if rng.random() < lacking else frame for frame in frames]
