"""What scanpy has in :mod:`scanpy.external`."""

from . import pp

__all__ = ["pp"]
