"""The names of ``anndataoom`` that are at the top of annstream, too: all but those that are something else there.

They are listed here and in ``_chunked_ops``, and nowhere else.
"""

from . import _chunked_ops
from ._backed_array import BackedArray
from ._backed_layers import BackedLayers
from ._centered_sparse import CenteredSparseArray
from ._chunked_ops import *  # noqa: F403
from ._compat import oom_guard
from ._concat import AnnDataSet, Compression
from ._core import AnnDataOOM
from ._mtx import read_mtx
from ._read import is_oom

__all__ = [
    "AnnDataOOM",
    "AnnDataSet",
    "BackedArray",
    "BackedLayers",
    "CenteredSparseArray",
    "Compression",
    "is_oom",
    "oom_guard",
    "read_mtx",
]
__all__ += _chunked_ops.__all__
