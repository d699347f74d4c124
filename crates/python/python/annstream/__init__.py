"""annstream: AnnData larger than memory.

:func:`read` opens a file; what it returns *is* an :class:`anndata.AnnData`, of which ``X``, the layers and ``raw``
stay in the file until somebody looks:

>>> import annstream as ans
>>> adata = ans.read("big.h5ad")  # doctest: +SKIP
>>> cells = adata[adata.obs["n_genes"] > 200]  # doctest: +SKIP
>>> cells.write_h5ad("cells.h5ad")  # doctest: +SKIP

The steps of an analysis are in :mod:`annstream.pp`, :mod:`annstream.tl`, :mod:`annstream.get`,
:mod:`annstream.external` and :mod:`annstream.experimental`, by the names that scanpy has for them.
Programs that were written for ``anndataoom`` run with :mod:`annstream.compat.anndataoom`; its names are here, too, as
far as they are not those of something else.

Tables and embeddings are pandas and numpy, as always. Matrices are :class:`LazyMatrix`: views of them cost nothing,
statistics stream, and ``.to_memory()`` gives scipy's. What jobs may use is set in :data:`settings`.
"""

from . import _register, compat, distributed, experimental, external, get, pp, tl
from ._anndata import AnnData
from ._annstream import BudgetError, FormatError, IncompatibleError, InternalError, LockedError, __version__
from ._concat import concat, concat_on_disk
from ._matrix import LazyMatrix
from ._plan import Plan, plan
from ._read import read
from ._settings import Settings, settings
from .compat.anndataoom import _names
from .compat.anndataoom._names import *  # noqa: F403

del _register

__all__ = [
    "AnnData",
    "BudgetError",
    "FormatError",
    "IncompatibleError",
    "InternalError",
    "LazyMatrix",
    "LockedError",
    "Plan",
    "Settings",
    "__version__",
    "compat",
    "concat",
    "concat_on_disk",
    "distributed",
    "experimental",
    "external",
    "get",
    "plan",
    "pp",
    "read",
    "settings",
    "tl",
]
__all__ += _names.__all__
