"""Valid inputs, small and large."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

N_OBS, N_VARS = 40, 12


def make_good(seed: int = 0, layout: str = "csr", n_obs: int = N_OBS, n_vars: int = N_VARS) -> anndata.AnnData:
    """A small object with something of everything."""
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.7, (n_obs, n_vars)).astype(np.float32)
    make = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray}[layout]
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n_obs), categories=["a", "b", "c"]),
            "maybe": pd.array(rng.choice([1, 2, None], n_obs), dtype="Int64"),
            "score": rng.normal(size=n_obs),
            "note": rng.choice(["x", "yy"], n_obs),
        },
        index=[f"cell{seed}-{i}" for i in range(n_obs)],
    )
    genes = pd.Index([f"gene{i}" for i in range(n_vars)])
    var = pd.DataFrame({"length": np.arange(n_vars)}, index=genes)
    adata = anndata.AnnData(make(dense), obs=obs, var=var)
    adata.layers["counts"] = make(dense * 2)
    adata.obsm["pca"] = rng.normal(size=(n_obs, 3))
    adata.obsp["near"] = sp.csr_matrix(np.eye(n_obs, dtype=np.float32))
    adata.uns["about"] = {"version": 1, "list": np.arange(3), "deep": {"text": "value"}}
    adata.raw = anndata.AnnData(make(dense), obs=obs[[]], var=var)
    return adata


def write_good(path: Path, **options: Any) -> Path:
    """Writes such an object."""
    compression = options.pop("compression", None)
    return write(make_good(**options), path, compression=compression)


def write(adata: anndata.AnnData, path: Path, **options: Any) -> Path:
    """Writes any object, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(path, **options)
    return path


def large_sparse(rows: int, columns: int, per_row: int, seed: int = 0) -> sp.csr_matrix:
    """A matrix with exactly `per_row` distinct columns in every row, made quickly."""
    rng = np.random.default_rng(seed)
    step = columns // per_row
    indices = rng.integers(0, step, (rows, per_row), dtype=np.int32) + np.arange(per_row, dtype=np.int32) * step
    data = rng.integers(1, 50, rows * per_row).astype(np.float32)
    indptr = np.arange(rows + 1, dtype=np.int64) * per_row
    return sp.csr_matrix((data, indices.ravel(), indptr), shape=(rows, columns))


def bare(x: Any, prefix: str = "c", genes: list[str] | None = None) -> anndata.AnnData:
    """An object that is little but its matrix."""
    obs = pd.DataFrame(index=np.char.add(prefix, np.arange(x.shape[0]).astype(str)))
    var = pd.DataFrame(index=genes or [f"g{i}" for i in range(x.shape[1])])
    return anndata.AnnData(x, obs=obs, var=var)
