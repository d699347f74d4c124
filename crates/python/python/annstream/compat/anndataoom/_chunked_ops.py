"""The chunked functions and lazy arrays under the name of the module that has them in ``anndataoom``."""

from ._components import chunked_pca, materialise_for_pca
from ._counts import chunked_gene_group_pct, chunked_identify_robust_genes, chunked_mean_var, chunked_qc_metrics
from ._genes import (
    chunked_highly_variable_features_pegasus,
    chunked_highly_variable_genes_dispersion,
    chunked_highly_variable_genes_pearson,
    chunked_pearson_residual_variance,
    chunked_scrublet_prepare,
)
from ._transforms import (
    PearsonResidualBackedArray,
    RegressedBackedArray,
    ScaledBackedArray,
    TransformedBackedArray,
)
from ._values import (
    chunked_log1p,
    chunked_normalize_pearson_residuals,
    chunked_normalize_total,
    chunked_regress,
    chunked_scale,
)

__all__ = [
    "PearsonResidualBackedArray",
    "RegressedBackedArray",
    "ScaledBackedArray",
    "TransformedBackedArray",
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
    "materialise_for_pca",
]
