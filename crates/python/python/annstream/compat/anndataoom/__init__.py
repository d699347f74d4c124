"""The public names of ``anndataoom`` 0.1.8 and of what came after it, with annstream behind them.

Change the import, and programs run as they are:

>>> import annstream.compat.anndataoom as oom
>>> adata = oom.read("big.h5ad")  # doctest: +SKIP
>>> oom.chunked_normalize_total(adata, target_sum=1e4)  # doctest: +SKIP

:class:`AnnDataOOM` *is* an :class:`annstream.AnnData`, and so an :class:`anndata.AnnData`; its ``X`` and layers are
:class:`BackedArray`, which are :class:`annstream.LazyMatrix` with other defaults. The functions call those of
:mod:`annstream.pp`, and give what scanpy gives. Everything here takes AnnData of annstream and of anndata as well.
"""

from ..._annstream import __version__
from ._backed_array import DEFAULT_CHUNK_SIZE, BackedArray
from ._backed_layers import BackedLayers
from ._centered_sparse import CenteredSparseArray
from ._chunked_ops import (
    PearsonResidualBackedArray,
    RegressedBackedArray,
    ScaledBackedArray,
    TransformedBackedArray,
    chunked_gene_group_pct,
    chunked_highly_variable_features_pegasus,
    chunked_highly_variable_genes_dispersion,
    chunked_highly_variable_genes_pearson,
    chunked_identify_robust_genes,
    chunked_log1p,
    chunked_mean_var,
    chunked_normalize_pearson_residuals,
    chunked_normalize_total,
    chunked_pca,
    chunked_pearson_residual_variance,
    chunked_qc_metrics,
    chunked_regress,
    chunked_scale,
    chunked_scrublet_prepare,
    materialise_for_pca,
)
from ._compat import oom_guard
from ._concat import AnnDataSet, Compression, concat
from ._core import AnnDataOOM
from ._read import is_oom, read

__all__ = [
    "DEFAULT_CHUNK_SIZE",
    "AnnDataOOM",
    "AnnDataSet",
    "BackedArray",
    "BackedLayers",
    "CenteredSparseArray",
    "Compression",
    "PearsonResidualBackedArray",
    "RegressedBackedArray",
    "ScaledBackedArray",
    "TransformedBackedArray",
    "__version__",
    "chunked_gene_group_pct",
    "chunked_highly_variable_features_pegasus",
    "chunked_highly_variable_genes_dispersion",
    "chunked_highly_variable_genes_pearson",
    "chunked_identify_robust_genes",
    "chunked_log1p",
    "chunked_mean_var",
    "chunked_normalize_pearson_residuals",
    "chunked_normalize_total",
    "chunked_pca",
    "chunked_pearson_residual_variance",
    "chunked_qc_metrics",
    "chunked_regress",
    "chunked_scale",
    "chunked_scrublet_prepare",
    "concat",
    "is_oom",
    "materialise_for_pca",
    "oom_guard",
    "read",
]
