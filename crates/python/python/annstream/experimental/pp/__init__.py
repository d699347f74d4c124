"""Analytic Pearson residuals, with the names, arguments and results of :mod:`scanpy.experimental.pp`."""

from ._residuals import highly_variable_genes, normalize_pearson_residuals

__all__ = ["highly_variable_genes", "normalize_pearson_residuals"]
