"""Inputs of many blocks and chunks, within the least budget of memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from .reference import write_h5ad
from .runner import check_concat

ROWS, COLUMNS = 3000, 500


def make_input(rng: np.random.Generator, number: int, layout: str, axis: str) -> AnnData:
    """One input; labels of the other axis overlap, and are in another order in each."""
    rows, columns = ROWS + 700 * number, COLUMNS
    values = rng.poisson(0.2, (rows, columns)).astype(["float32", "int32"][number % 2])
    main = [f"{number}_{i}" for i in range(rows)]
    alt = [f"x{i}" for i in rng.permutation(int(columns * 1.2))[:columns]]
    if axis == "var":
        values = np.ascontiguousarray(values.T)
    x = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.array}[layout](values)
    frames = [pd.DataFrame({"n": np.arange(len(names))}, index=names) for names in (main, alt)]
    obs, var = frames[::-1] if axis == "var" else frames
    adata = AnnData(X=x, obs=obs, var=var)
    adata.layers["other"] = sparse.csr_matrix(values) * 2 if layout == "dense" else values
    graph = sparse.random(rows, rows, density=0.003, format="csr", random_state=rng, dtype="float32")
    getattr(adata, f"{axis}p")["graph"] = graph
    getattr(adata, f"{axis}m")["wide"] = rng.normal(size=(rows, 40 + number))
    return adata


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("axis", ["obs", "var"])
@pytest.mark.parametrize("layouts", [("csr", "csr"), ("csc", "csr"), ("dense", "dense")], ids=" ".join)
def test_many_blocks(layouts: tuple[str, ...], axis: str, join: str, tmp_path: Path) -> None:
    """The result does not depend on what fits into memory."""
    rng = np.random.default_rng([len(axis), len(join), *map(len, layouts)])
    paths, adatas = [], []
    for number, layout in enumerate(layouts):
        paths.append(tmp_path / f"{number}.h5ad")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write_h5ad(make_input(rng, number, layout, axis), paths[-1], compression=["gzip", None][number % 2])
            adatas.append(anndata.read_h5ad(paths[-1]))
    options = {"axis": axis, "join": join, "pairwise": True, "merge": "unique"}
    check_concat(paths, adatas, options, tmp_path, extra=["--memory=64M", "--threads=2"])
