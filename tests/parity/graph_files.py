"""Files for steps that begin with a graph: the demo file after our own steps, and cells with nothing but a graph."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from .runner import ROOT, run


@cache
def demo() -> ad.AnnData:
    """The demo file after `run`, `neighbors` and `leiden`; not to be changed."""
    with tempfile.TemporaryDirectory() as folder:
        files = [ROOT / "demo" / "pbmc4k.h5ad", *(Path(folder) / f"{i}.h5ad" for i in range(3))]
        steps = [["run"], ["neighbors"], ["leiden", "--resolution=1.5"]]
        for step, source, target in zip(steps, files, files[1:], strict=False):
            done = run([step[0], str(source), "-o", str(target), "-q", *step[1:]])
            assert done.code == 0, str(done)
        return ad.read_h5ad(files[-1])


def of_graph(matrix: object) -> ad.AnnData:
    """Cells of which nothing is known but their graph, which is that of distances too."""
    matrix = sparse.csr_matrix(matrix)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(matrix.shape[0])]))
    adata.obsp["connectivities"] = matrix.astype(np.float32)
    adata.obsp["distances"] = matrix.astype(np.float64)
    params = {"n_neighbors": 15, "method": "umap"}
    adata.uns["neighbors"] = {
        "connectivities_key": "connectivities",
        "distances_key": "distances",
        "params": params,
    }
    return adata


def layout(path: Path, name: str) -> dict[str, tuple]:
    """Encoding, type and extents of a node of a file and of all below it."""
    found = {}

    def look(below: str, node: h5py.Group | h5py.Dataset) -> None:
        kind = (str(node.dtype), node.shape) if isinstance(node, h5py.Dataset) else ()
        encoding = tuple(str(node.attrs.get(f"encoding-{which}")) for which in ("type", "version"))
        found[below] = (*encoding, *kind)

    with h5py.File(path) as file:
        look("", file[name])
        if isinstance(file[name], h5py.Group):
            file[name].visititems(look)
    return found
