"""Preprocessing with the names, arguments and results of :mod:`scanpy.pp`, on matrices larger than memory.

Every function takes lazy AnnData and those in memory. Where scanpy changes ``X``, a lazy ``X`` gets an operator more:
nothing is read or written for it, and rows that are read later are what scanpy's ``X`` would hold.
"""

from ._components import pca
from ._genes import highly_variable_genes
from ._neighbors import neighbors
from ._normalize import log1p, normalize_total
from ._quality import calculate_qc_metrics, filter_cells, filter_genes
from ._scale import scale

__all__ = [
    "calculate_qc_metrics",
    "filter_cells",
    "filter_genes",
    "highly_variable_genes",
    "log1p",
    "neighbors",
    "normalize_total",
    "pca",
    "scale",
]
