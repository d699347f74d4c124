"""Tools with the names, arguments and results of :mod:`scanpy.tl`, on matrices larger than memory."""

from ._leiden import leiden
from ._markers import rank_genes_groups
from ._umap import umap

__all__ = ["leiden", "rank_genes_groups", "umap"]
