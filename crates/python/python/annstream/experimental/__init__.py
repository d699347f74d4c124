"""What scanpy has in :mod:`scanpy.experimental`."""

from . import pp

__all__ = ["pp"]
