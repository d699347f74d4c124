"""Preprocessing with the names, arguments and results of :mod:`scanpy.pp`, on matrices larger than memory.

Every function takes lazy AnnData, those in memory, and those that anndata opened with ``backed="r"``, whose file is
read and whose tables in memory get the results. Where scanpy changes ``X``, a lazy ``X`` gets an operator more: nothing
is read or written for it, and rows that are read later are what scanpy's ``X`` would hold.
"""

from ._components import pca
from ._genes import highly_variable_genes
from ._harmony import harmony_integrate
from ._neighbors import neighbors
from ._normalize import log1p, normalize_total
from ._quality import calculate_qc_metrics, filter_cells, filter_genes
from ._regress import regress_out
from ._sample import downsample_counts, sample, subsample
from ._scale import scale
from ._scrublet import scrublet

__all__ = [
    "calculate_qc_metrics",
    "downsample_counts",
    "filter_cells",
    "filter_genes",
    "harmony_integrate",
    "highly_variable_genes",
    "log1p",
    "neighbors",
    "normalize_total",
    "pca",
    "regress_out",
    "sample",
    "scale",
    "scrublet",
    "subsample",
]
