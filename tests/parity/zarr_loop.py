"""zarr-python without threads, for stores of many tiny arrays.

zarr-python hands every look at a store to an event loop in another thread, and from there every file to a third: some
two milliseconds each, of which reading is a fraction. The tests read and write hundreds of thousands of such files.
Here the loop turns in the thread that asks, and does at once what it would hand on. What is read and written is the
same. Where zarr-python is built otherwise than we know it, it stays as it is.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import zarr.core.sync as zarr_sync


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose threads are the caller."""

    def run_in_executor(self, executor: Any, func: Callable, *args: Any) -> asyncio.Future:
        """Calls the function now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def use_one_thread() -> None:
    """Replaces `zarr.core.sync.sync` wherever zarr-python has imported it."""
    threaded = getattr(zarr_sync, "sync", None)
    if threaded is None:
        return
    loop = Loop()

    def sync(coro: Coroutine, other: asyncio.AbstractEventLoop | None = None, timeout: float | None = None) -> Any:
        """What the coroutine returns."""
        if loop.is_running():
            return threaded(coro, other, timeout)
        return loop.run_until_complete(coro)

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "zarr" and getattr(module, "sync", None) is threaded:
            module.sync = sync
