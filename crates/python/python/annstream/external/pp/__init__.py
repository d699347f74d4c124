"""What scanpy has in :mod:`scanpy.external.pp`."""

from ._harmony import harmony_integrate

__all__ = ["harmony_integrate"]
