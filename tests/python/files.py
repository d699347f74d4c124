"""AnnData with elements of all kinds, and what it means that two are equal."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata.tests.helpers import assert_equal
from scipy import sparse

CELLS, GENES = 37, 23


def matrix(rng: np.random.Generator, rows: int, columns: int, layout: str, dtype: Any = np.float32) -> Any:
    """Counts in a layout."""
    values = rng.poisson(0.7, (rows, columns)).astype(dtype)
    if layout == "dense":
        return values
    return sparse.csr_matrix(values) if layout == "csr" else sparse.csc_matrix(values)


def example(rng: np.random.Generator, layout: str, cells: int = CELLS, genes: int = GENES) -> ad.AnnData:
    """An AnnData with every slot filled."""
    obs = pd.DataFrame(index=pd.Index([f"cell{i}" for i in range(cells)], name="barcode"))
    obs["group"] = pd.Categorical(rng.choice(["b", "a", "c"], cells), categories=["c", "a", "b"], ordered=True)
    obs["kind"] = pd.Categorical(rng.choice(["x", "y", "unused"][:2], cells), categories=["x", "y", "unused"])
    obs["number"] = rng.normal(size=cells)
    obs["count"] = pd.array(rng.integers(0, 9, cells), dtype="Int64")
    obs.loc[obs.index[0], "count"] = pd.NA
    obs["flag"] = rng.random(cells) < 0.5
    obs["maybe"] = pd.array(rng.random(cells) < 0.5, dtype="boolean")
    obs["text"] = [f"t{i % 30}" for i in range(cells)]
    var = pd.DataFrame({"mean": rng.normal(size=genes)}, index=[f"gene{i}" for i in range(genes)])
    adata = ad.AnnData(matrix(rng, cells, genes, layout), obs=obs, var=var)
    adata.layers["counts"] = matrix(rng, cells, genes, layout, np.int64)
    adata.layers["other"] = matrix(rng, cells, genes, "csr", np.float64)
    adata.obsm["X_pca"] = rng.normal(size=(cells, 3))
    adata.obsm["frame"] = pd.DataFrame({"a": rng.normal(size=cells), "b": list("xy" * cells)[:cells]}, index=obs.index)
    adata.varm["PCs"] = rng.normal(size=(genes, 3)).astype(np.float32)
    adata.obsp["graph"] = sparse.random(cells, cells, 0.1, format="csr", random_state=1)
    adata.varp["links"] = rng.normal(size=(genes, genes))
    adata.uns["kind_colors"] = np.array(["#ff0000", "#00ff00", "#0000ff"])
    adata.uns["nested"] = {"a": 1, "b": {"c": np.arange(3), "d": "text"}, "frame": pd.DataFrame({"z": [1, 2]})}
    adata.raw = ad.AnnData(
        matrix(rng, cells, genes + 4, layout),
        obs=pd.DataFrame(index=obs.index),
        var=pd.DataFrame({"r": np.arange(genes + 4)}, index=[f"raw{i}" for i in range(genes + 4)]),
        varm={"old": rng.normal(size=(genes + 4, 2))},
    )
    return adata


def dense(value: Any) -> np.ndarray:
    """The values of any matrix."""
    value = value.to_memory() if hasattr(value, "to_memory") else value
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


def same(found: ad.AnnData, expected: ad.AnnData, exact: bool = True) -> None:
    """All elements are equal, types included, once read."""
    found = found.to_memory()
    assert_equal(found, expected, exact=exact)
    for name, value in {"X": expected.X, **dict(expected.layers)}.items():
        own = found.X if name == "X" else found.layers[name]
        if value is not None:
            assert own.dtype == value.dtype
            assert getattr(own, "format", "dense") == getattr(value, "format", "dense")
    assert (found.raw is None) == (expected.raw is None)
    if expected.raw is not None:
        np.testing.assert_array_equal(dense(found.raw.X), dense(expected.raw.X))
        pd.testing.assert_frame_equal(found.raw.var, expected.raw.var)
        assert_equal(dict(found.raw.varm), dict(expected.raw.varm))
