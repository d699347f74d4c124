#!/usr/bin/env python3
"""How good neighbours, pictures and communities are.

python check_graph.py OUTPUT [--labels KEPT.npy]     JSON on standard output

Neighbours of a sample of cells are compared with exact ones, the
trustworthiness is that of another sample, and the modularity that of the labels on the graph that they were found in.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import anndata
import numpy as np
from scipy import sparse
from sklearn.manifold import trustworthiness

NEIGHBORS = 15
SAMPLE, PICTURED = 1_000, 3_000
ROWS = 50


def recall(components: np.ndarray, distances: sparse.csr_matrix) -> float:
    """The share of the nearest neighbours of a sample that were found; equal distances count as found."""
    rng = np.random.default_rng(0)
    sample = rng.choice(len(components), min(SAMPLE, len(components)), replace=False)
    components = components.astype(np.float64)
    squares = (components**2).sum(axis=1)
    found = wanted = 0
    for at in range(0, len(sample), ROWS):
        rows = sample[at : at + ROWS]
        away = squares[rows, None] + squares[None, :] - 2 * components[rows] @ components.T
        away[np.arange(len(rows)), rows] = np.inf
        for row, own in zip(rows, away, strict=True):
            ids = distances.indices[distances.indptr[row] : distances.indptr[row + 1]]
            ids = ids[ids != row][: NEIGHBORS - 1]
            limit = np.partition(own, NEIGHBORS - 2)[NEIGHBORS - 2]
            found += int((own[ids] <= limit * (1 + 1e-5)).sum())
            wanted += NEIGHBORS - 1
    return found / wanted


def pictured(components: np.ndarray, picture: np.ndarray) -> float:
    """The trustworthiness of a sample."""
    rng = np.random.default_rng(1)
    sample = rng.choice(len(components), min(PICTURED, len(components)), replace=False)
    return float(trustworthiness(components[sample], picture[sample], n_neighbors=NEIGHBORS))


def modularity(graph: sparse.csr_matrix, labels: np.ndarray) -> float:
    """By its definition, at resolution 1."""
    graph = sparse.coo_matrix(graph, dtype=np.float64)
    total = graph.data.sum()
    inner = graph.data[labels[graph.row] == labels[graph.col]].sum()
    degrees = np.bincount(labels, np.asarray(graph.sum(axis=1)).ravel())
    return float((inner - (degrees**2).sum() / total) / total)


def main() -> None:
    """Prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--labels", type=Path)
    options = parser.parse_args()
    data = anndata.read_h5ad(options.output, backed="r")
    components = np.asarray(data.obsm["X_pca"])
    labels = data.obs["leiden"].cat.codes.to_numpy()
    if options.labels:
        np.save(options.labels, labels)
    found = {
        "recall": recall(components, data.obsp["distances"]),
        "trustworthiness": pictured(components, np.asarray(data.obsm["X_umap"])),
        "modularity": modularity(data.obsp["connectivities"], labels),
        "communities": int(labels.max()) + 1,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
