"""The public names of ``anndataoom`` 0.1.8 and of what came after it, with annstream behind them.

Change the import, and programs run as they are:

>>> import annstream.compat.anndataoom as oom
>>> adata = oom.read("big.h5ad")  # doctest: +SKIP
>>> oom.chunked_normalize_total(adata, target_sum=1e4)  # doctest: +SKIP

:class:`AnnDataOOM` *is* an :class:`annstream.AnnData`, and so an :class:`anndata.AnnData`; its ``X`` and layers are
:class:`BackedArray`, which are :class:`annstream.LazyMatrix` with other defaults. The functions call those of
:mod:`annstream.pp`, and give what scanpy gives. Everything here takes AnnData of annstream and of anndata as well.
"""

from ..._annstream import __version__
from . import _names
from ._backed_array import DEFAULT_CHUNK_SIZE
from ._concat import concat
from ._names import *  # noqa: F403
from ._read import read

__all__ = ["DEFAULT_CHUNK_SIZE", "__version__", "concat", "read"]
__all__ += _names.__all__
