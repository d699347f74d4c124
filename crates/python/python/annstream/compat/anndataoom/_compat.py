"""A decorator for functions that need all values in memory."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

import pandas as pd

from ._read import is_oom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

log = logging.getLogger("annstream")


def oom_guard(
    *,
    materialize: bool = True,
    result_keys_uns: Sequence[str] | None = None,
    result_keys_obs: Sequence[str] | None = None,
    result_keys_obsm: Sequence[str] | None = None,
    result_keys_obsp: Sequence[str] | None = None,
    result_keys_var: Sequence[str] | None = None,
    suggest: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Lets a function that needs an AnnData in memory be called with a lazy one.

    The function gets a copy in memory; what it adds under the names below is brought back. Nothing else is: not ``X``,
    and no other key.

    Parameters
    ----------
    materialize
        Whether that is done; else the call is a :class:`TypeError`.
    result_keys_uns, result_keys_obs, result_keys_obsm, result_keys_obsp, result_keys_var
        Keys and columns that are brought back; ``["*"]`` for all that are new.
    suggest
        What could be called instead; said in messages.
    """
    wanted = {
        "uns": result_keys_uns,
        "obs": result_keys_obs,
        "var": result_keys_var,
        "obsm": result_keys_obsm,
        "obsp": result_keys_obsp,
    }

    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(function, "__name__", "this function")
        hint = f"; {suggest!r} works without" if suggest else ""

        @functools.wraps(function)
        def wrapper(*args: Any, **options: Any) -> Any:
            adata = options.get("adata", args[0] if args else None)
            if adata is None or not is_oom(adata):
                return function(*args, **options)
            if not materialize:
                msg = f"{name}() needs the matrix in memory, call it with `adata.to_memory()`{hint}"
                raise TypeError(msg)
            log.info("%s() needs the matrix in memory, and gets a copy%s", name, hint)
            there = {slot: set(getattr(adata, slot).keys()) for slot in wanted}
            memory = adata.to_memory()
            if "adata" in options:
                result = function(*args, **(options | {"adata": memory}))
            else:
                result = function(memory, *args[1:], **options)
            for slot, keys in wanted.items():
                _bring_back(getattr(adata, slot), getattr(memory, slot), keys, there[slot])
            return result

        wrapper._oom_guarded = True  # type: ignore[attr-defined]
        return wrapper

    return decorator


def _bring_back(own: Any, new: Any, keys: Iterable[str] | None, there: set[str]) -> None:
    if keys is None:
        return
    if list(keys) == ["*"]:
        keys = [key for key in new if key not in there]
    for key in keys:
        if key not in new:
            continue
        value = new[key]
        if isinstance(own, pd.DataFrame) and not own.index.equals(new.index):
            # Some cells or genes are gone in the copy.
            value = value.reindex(own.index)
        own[key] = value
