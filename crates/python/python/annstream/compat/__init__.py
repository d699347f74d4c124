"""Other packages' names for what annstream does: change the import, and nothing else.

:mod:`annstream.compat.anndataoom` has those of the package ``anndataoom``.
"""

from . import anndataoom

__all__ = ["anndataoom"]
