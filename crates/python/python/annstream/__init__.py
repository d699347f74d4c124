"""annstream: AnnData larger than memory.

:func:`read` opens a file; what it returns *is* an :class:`anndata.AnnData`, of which ``X``, the layers and ``raw``
stay in the file until somebody looks:

>>> import annstream as ans
>>> adata = ans.read("big.h5ad")  # doctest: +SKIP
>>> cells = adata[adata.obs["n_genes"] > 200]  # doctest: +SKIP
>>> cells.write_h5ad("cells.h5ad")  # doctest: +SKIP

The steps of an analysis are in :mod:`annstream.pp` and :mod:`annstream.tl`, by the names that scanpy has for them.
Programs that were written for ``anndataoom`` run with :mod:`annstream.compat.anndataoom`; its names are here, too, as
far as they are not those of something else.

Tables and embeddings are pandas and numpy, as always. Matrices are :class:`LazyMatrix`: views of them cost nothing,
statistics stream, and ``.to_memory()`` gives scipy's. What jobs may use is set in :data:`settings`.
"""

from . import _register, compat, distributed, experimental, pp, tl
from ._anndata import AnnData
from ._annstream import BudgetError, FormatError, IncompatibleError, InternalError, LockedError, __version__
from ._concat import concat, concat_on_disk
from ._matrix import LazyMatrix
from ._read import read
from ._settings import Settings, settings
from .compat.anndataoom import (
    AnnDataOOM,
    AnnDataSet,
    BackedArray,
    BackedLayers,
    CenteredSparseArray,
    Compression,
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
    is_oom,
    materialise_for_pca,
    oom_guard,
)

del _register

__all__ = [
    "AnnData",
    "AnnDataOOM",
    "AnnDataSet",
    "BackedArray",
    "BackedLayers",
    "BudgetError",
    "CenteredSparseArray",
    "Compression",
    "FormatError",
    "IncompatibleError",
    "InternalError",
    "LazyMatrix",
    "LockedError",
    "PearsonResidualBackedArray",
    "RegressedBackedArray",
    "ScaledBackedArray",
    "Settings",
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
    "compat",
    "concat",
    "concat_on_disk",
    "distributed",
    "experimental",
    "is_oom",
    "materialise_for_pca",
    "oom_guard",
    "pp",
    "read",
    "settings",
    "tl",
]
