"""The scanpy side of the pipeline tests: the same steps, in memory."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import scanpy as sc
from scipy import sparse

SETS = {"mt": ("MT-", "mt-"), "ribo": ("RPS", "RPL", "Rps", "Rpl")}


def mark(adata: ad.AnnData) -> None:
    for name, prefixes in SETS.items():
        adata.var[name] = adata.var_names.str.startswith(prefixes)
    adata.var["hb"] = adata.var_names.str.contains("^(?:HB|Hb)[^(Pp)]")


def tutorial(adata: ad.AnnData, *, n_top_genes: int = 2000, n_comps: int | None = None, pca: bool = True) -> ad.AnnData:
    """What `annstream run` does by default."""
    adata = adata.copy()
    mark(adata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.calculate_qc_metrics(adata, qc_vars=["mt", "ribo", "hb"], inplace=True)
        sc.pp.filter_cells(adata, min_genes=100)
        sc.pp.filter_genes(adata, min_cells=3)
        adata.layers["counts"] = adata.X.copy()
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, n_top_genes=n_top_genes)
        if pca:
            sc.pp.pca(adata, n_comps=n_comps)
    return adata


def dense(matrix: object) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def recipe(
    *, min_genes: int, min_cells: int, n_comps: int, flavor: str = "seurat", batch_key: str | None = None
) -> str:
    """All steps on a small matrix, as the text of a recipe."""
    batch = f'batch_key = "{batch_key}"' if batch_key else ""
    return f"""
[gene_sets]
mt = {{ prefix = ["MT-"] }}
[qc]
qc_vars = ["mt"]
percent_top = [10, 50]
[filter_cells]
min_genes = {min_genes}
[filter_genes]
min_cells = {min_cells}
[normalize_total]
target_sum = 1000
[log1p]
[highly_variable_genes]
flavor = "{flavor}"
n_top_genes = 60
{batch}
[scale]
max_value = 4
[pca]
n_comps = {n_comps}
"""
