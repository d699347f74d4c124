"""What scanpy has in :mod:`scanpy.get`. Its ``obs_df``, ``var_df`` and ``rank_genes_groups_df`` take lazy AnnData."""

from ._aggregate import aggregate

__all__ = ["aggregate"]
