#!/usr/bin/env python3
"""Makes the demo's two files from raw counts of 10x Genomics PBMC samples: some cells, all genes, a few columns.

    python demo/make_files.py PBMC4K.h5ad DONOR_A.h5ad

Deterministic: the same inputs give the same cells. demo/README.md tells where the counts come from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

HERE = Path(__file__).resolve().parent
CELLS = 650
SEED = 7
URL = "https://www.10xgenomics.com/datasets"


def subset(source: Path, title: str, seed: int) -> anndata.AnnData:
    """Some cells of a file, in the file's order, with columns that both files of the demo have."""
    whole = anndata.read_h5ad(source)
    rows = np.sort(np.random.default_rng(seed).choice(whole.n_obs, CELLS, replace=False))
    counts = sparse.csr_matrix(whole.X)[rows].astype(np.float32)
    counts.sort_indices()
    mitochondrial = whole.var_names.str.startswith("MT-")
    total = np.asarray(counts.sum(1)).ravel()
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(whole.obs["cell_type"].astype(str).to_numpy()[rows]),
            "total_counts": total,
            "n_genes": np.diff(counts.indptr).astype(np.int32),
            "pct_mito": (100 * np.asarray(counts[:, mitochondrial].sum(1)).ravel() / total).astype(np.float32),
        },
        index=pd.Index(whole.obs_names[rows].astype(str), name="barcode"),
    )
    ribosomal = whole.var_names.str.match("^RP[SL]")
    kind = np.select([mitochondrial, ribosomal], ["mitochondrial", "ribosomal"], "other")
    var = pd.DataFrame(
        {
            "kind": pd.Categorical(kind),
            "n_cells": np.bincount(counts.indices, minlength=counts.shape[1]).astype(np.int32),
        },
        index=pd.Index(whole.var_names.astype(str), name="gene"),
    )
    uns = {"source": {"title": title, "publisher": "10x Genomics", "url": URL, "licence": "CC BY 4.0"}}
    return anndata.AnnData(counts, obs=obs, var=var, uns=uns)


def main() -> None:
    """Writes both files beside this script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pbmc4k", type=Path, help="raw counts of the sample pbmc4k")
    parser.add_argument("donor_a", type=Path, help="raw counts of the sample Frozen PBMCs (Donor A)")
    options = parser.parse_args()

    first = subset(options.pbmc4k, "4k PBMCs from a Healthy Donor", SEED)
    second = subset(options.donor_a, "Frozen PBMCs (Donor A)", SEED + 1)
    # What only one file has shows what a join does with it.
    first.obs["chemistry"] = pd.Categorical(["v2"] * CELLS)
    second.obs["was_frozen"] = np.ones(CELLS, bool)
    for name, adata in (("pbmc4k", first), ("donor_a", second)):
        path = HERE / f"{name}.h5ad"
        adata.write_h5ad(path, compression="gzip", compression_opts=9)
        print(f"{path.name}: {adata.n_obs} cells x {adata.n_vars} genes, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
