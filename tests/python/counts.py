"""Some hundred cells of real counts, lazy and in memory, for scanpy and for us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
from scipy import sparse

from .files import dense

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"


def some_cells(layout: str = "csr", dtype: Any = np.float32) -> ad.AnnData:
    """Cells and genes of which none is empty: some thousand genes, as time goes to components with the cube of them."""
    adata = ad.read_h5ad(DEMO)[:600:2].copy()
    values = sparse.csr_matrix(adata.X)
    values = values[:, values.getnnz(0) > 2][:, ::8]
    var = pd.DataFrame(index=[f"gene{i}" for i in range(values.shape[1])])
    var["mt"] = np.arange(len(var)) % 50 == 0
    obs = pd.DataFrame(index=adata.obs_names)
    obs["batch"] = pd.Categorical([f"b{i % 3}" for i in range(len(obs))])
    values = values.astype(dtype)
    values = values.toarray() if layout == "dense" else values.asformat(layout)
    return ad.AnnData(values, obs=obs, var=var)


def open_as(kind: str, adata: ad.AnnData, folder: Path) -> ad.AnnData:
    """The same as a copy in memory, or as an open file: lazily by us, or backed by anndata."""
    if kind == "memory":
        return adata.copy()
    path = folder / "counts.h5ad"
    adata.write_h5ad(path)
    return annstream.read(path) if kind == "lazy" else ad.read_h5ad(path, backed="r")


def same(found: ad.AnnData, expected: ad.AnnData, rtol: float = 1e-5, atol: float = 1e-7) -> None:
    """Tables have the same columns, of the same types, and equal values; X and uns, too."""
    for name in ("obs", "var"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), rtol=rtol, atol=1e-9)
    assert found.X.dtype == expected.X.dtype
    # scanpy's totals make CSR of CSC; ours leave it.
    assert getattr(found.X, "format", "dense") in ("csc", getattr(expected.X, "format", "dense"))
    np.testing.assert_allclose(dense(found.X), dense(expected.X), rtol=rtol, atol=atol)
    assert list(found.uns) == list(expected.uns)
