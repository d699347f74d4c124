"""annstream: AnnData larger than memory.

:func:`read` opens a file; what it returns *is* an :class:`anndata.AnnData`, of which ``X``, the layers and ``raw``
stay in the file until somebody looks:

>>> import annstream as ans
>>> adata = ans.read("big.h5ad")  # doctest: +SKIP
>>> cells = adata[adata.obs["n_genes"] > 200]  # doctest: +SKIP
>>> cells.write_h5ad("cells.h5ad")  # doctest: +SKIP

The steps of an analysis are in :mod:`annstream.pp` and :mod:`annstream.tl`, by the names that scanpy has for them.

Tables and embeddings are pandas and numpy, as always. Matrices are :class:`LazyMatrix`: views of them cost nothing,
statistics stream, and ``.to_memory()`` gives scipy's. What jobs may use is set in :data:`settings`.
"""

from . import _register, distributed, experimental, pp, tl
from ._anndata import AnnData
from ._annstream import BudgetError, FormatError, IncompatibleError, InternalError, LockedError, __version__
from ._concat import concat, concat_on_disk
from ._matrix import LazyMatrix
from ._read import read
from ._settings import Settings, settings

del _register

__all__ = [
    "AnnData",
    "BudgetError",
    "FormatError",
    "IncompatibleError",
    "InternalError",
    "LazyMatrix",
    "LockedError",
    "Settings",
    "__version__",
    "concat",
    "concat_on_disk",
    "distributed",
    "experimental",
    "pp",
    "read",
    "settings",
    "tl",
]
