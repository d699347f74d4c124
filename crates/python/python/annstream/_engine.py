"""Who takes the passes of a step: this process, or a cluster."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from . import _annstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENGINE: ContextVar[Any] = ContextVar("annstream_engine", default=_annstream)


def engine() -> Any:
    """What has the functions of the engine that take passes: the extension, unless :func:`use` says otherwise."""
    return _ENGINE.get()


@contextmanager
def use(other: Any) -> Iterator[None]:
    """Lets somebody else take the passes for a while.

    Parameters
    ----------
    other
        An object with the functions of the extension that steps in ``pp`` call.
    """
    token = _ENGINE.set(other)
    try:
        yield
    finally:
        _ENGINE.reset(token)
