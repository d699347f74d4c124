#!/usr/bin/env python3
"""scanpy's side of the graphs of cells, and of the whole flow; what each step took is written beside the output.

    python peer_graph.py graph INPUT -o OUTPUT     neighbours, picture and communities of X_pca
    python peer_graph.py end INPUT -o OUTPUT       from counts to markers, in memory

Functions that numba compiles are called on a few cells first, so that their time is that of the work; what this takes
is the step `compiling`, and part of the process.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from steps import Steps

# From this many cells on scanpy asks pynndescent.
FEW = 8_192


def compiled() -> None:
    """Has numba compile what will be called."""
    import anndata
    import numpy as np
    import scanpy as sc

    cells = anndata.AnnData(obsm={"X_pca": np.random.default_rng(0).normal(size=(FEW + 1, 50)).astype("f4")})
    sc.pp.neighbors(cells, use_rep="X_pca")
    sc.tl.umap(cells, maxiter=2, init_pos="random")


def graph(data: object, steps: Steps) -> None:
    """Neighbours, picture and communities, as scanpy is told to do them fast."""
    import scanpy as sc

    steps.run("compiling", compiled)
    steps.run("neighbors", lambda: sc.pp.neighbors(data, use_rep="X_pca"))
    steps.run("umap", lambda: sc.tl.umap(data))
    steps.run("leiden", lambda: sc.tl.leiden(data, flavor="igraph", n_iterations=2, directed=False))


def of_components(source: Path, steps: Steps) -> object:
    """The graph of components that are there."""
    import anndata

    data = steps.run("reading", lambda: anndata.read_h5ad(source))
    graph(data, steps)
    return data


def to_end(source: Path, steps: Steps) -> object:
    """The tutorial and what follows, in memory."""
    import anndata
    import scanpy as sc
    from peer_pipeline import tutorial

    data = steps.run("reading", lambda: anndata.read_h5ad(source))
    tutorial(data, steps)
    graph(data, steps)
    steps.run("rank_genes_groups", lambda: sc.tl.rank_genes_groups(data, "leiden"))
    return data


JOBS = {"graph": of_components, "end": to_end}


def main() -> None:
    """Does one job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("input", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    steps = Steps()
    data = JOBS[options.job](options.input, steps)
    steps.run("writing", lambda: data.write_h5ad(options.output))
    steps.write(options.output)


if __name__ == "__main__":
    main()
