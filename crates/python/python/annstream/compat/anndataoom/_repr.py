"""How an :class:`AnnDataOOM` looks on a terminal; reads no matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._slots import own_x
from ._backed_array import DEFAULT_CHUNK_SIZE, BackedArray

if TYPE_CHECKING:
    from ._core import AnnDataOOM

_WIDTH = 74


def text(adata: AnnDataOOM) -> str:
    """A box of what there is, then names of columns and keys.

    Parameters
    ----------
    adata
        What to show.
    """
    title, kind = "AnnDataOOM", "[annstream · lazy]"
    lines = [
        title + kind.rjust(_WIDTH - len(title)),
        f"Dimensions:  n_obs: {adata.n_obs:,}    n_vars: {adata.n_vars:,}",
        "",
        *_box(_storage(adata)),
        "",
    ]
    for name in ("obs", "var", "obsm", "varm", "obsp", "varp", "layers"):
        lines.append(_keys(name, list(getattr(adata, name).keys())))
    raw = adata.raw
    lines.append(f"▸ {'raw':<7} (–)" if raw is None else f"▸ {'raw':<7} {raw.shape[0]:,} × {raw.shape[1]:,}")
    return "\n".join(lines)


def _storage(adata: AnnDataOOM) -> list[tuple[str, str]]:
    rows = []
    if adata.filename is not None:
        place = Path(adata.filename)
        size = f"  ({_size(place.stat().st_size)} on disk)" if place.is_file() else ""
        rows.append(("File", f"{place.name}{size}"))
    # What was closed can still be shown.
    matrix: Any = adata.X if adata.is_view else own_x(adata)
    if not isinstance(matrix, BackedArray):
        return [*rows, ("X", "none")]
    density = matrix._matrix.density
    share = "" if matrix.format == "dense" or density is None else f" · {density:.1%} density"
    rows.append(("X", f"{matrix.format} · {matrix.dtype}{share}"))
    if matrix.ops:
        rows.append(("Chain", " → ".join(matrix.ops)))
    some = min(DEFAULT_CHUNK_SIZE, matrix.shape[0])
    rows.append(
        ("Chunk I/O", f"~{_size(matrix._bytes(*matrix.shape) * some // max(1, matrix.shape[0]))} per {some:,} rows")
    )
    return rows


def _box(rows: list[tuple[str, str]]) -> list[str]:
    left = max(len(name) for name, _ in rows)
    right = max(len(value) for _, value in rows)
    edge = ["─" * (left + 2), "─" * (right + 2)]
    body = [f"│ {name:<{left}} │ {value:<{right}} │" for name, value in rows]
    return [f"┌{'┬'.join(edge)}┐", *body, f"└{'┴'.join(edge)}┘"]


def _keys(name: str, keys: list[Any]) -> str:
    line = f"▸ {name:<7} " + (f"({len(keys)})" if keys else "(–)").ljust(6)
    for i, key in enumerate(keys):
        more = f"{' · ' if i else ''}{key}"
        if len(line) + len(more) > _WIDTH - 6:
            return f"{line}  +{len(keys) - i}"
        line += more
    return line.rstrip()


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
