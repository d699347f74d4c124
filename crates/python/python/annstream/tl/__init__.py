"""Tools with the names, arguments and results of :mod:`scanpy.tl`, on matrices larger than memory."""

from ._dendrogram import dendrogram
from ._diffmap import diffmap
from ._leiden import leiden
from ._markers import rank_genes_groups
from ._paga import paga
from ._scores import score_genes, score_genes_cell_cycle
from ._umap import umap

__all__ = [
    "dendrogram",
    "diffmap",
    "leiden",
    "paga",
    "rank_genes_groups",
    "score_genes",
    "score_genes_cell_cycle",
    "umap",
]
