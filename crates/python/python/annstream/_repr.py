"""How an AnnData looks in a notebook; reads no matrix."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ._slots import layer_names

if TYPE_CHECKING:
    from ._anndata import AnnData

_CELL = "style='text-align:left;vertical-align:top;padding:2px 12px 2px 0'"


def html(adata: AnnData) -> str:
    """A small table: what there is, of which shape, and where it stands.

    Parameters
    ----------
    adata
        What to show.
    """
    from ._matrix import LazyMatrix

    kind = "View of AnnData" if adata.is_view else "AnnData"
    rows = [("X", _matrix(adata.X) if adata._has_X() else "none")]
    rows += [(f"layers[{key!r}]", _matrix(adata.layers[key])) for key in layer_names(adata)]
    for name in ("obs", "var"):
        frame = getattr(adata, name)
        rows.append(
            (name, ", ".join(f"{column} <i>{escape(str(frame[column].dtype))}</i>" for column in map(str, frame)))
        )
    for name in ("obsm", "varm", "obsp", "varp"):
        mapping = getattr(adata, name)
        if len(mapping):
            rows.append((name, ", ".join(f"{escape(key)} {getattr(mapping[key], 'shape', '')}" for key in mapping)))
    if len(adata.uns):
        rows.append(("uns", escape(", ".join(map(str, adata.uns)))))
    if adata._raw is not None:
        rows.append(("raw.X", _matrix(adata._raw.X)))
    body = "".join(f"<tr><th {_CELL}>{escape(name)}</th><td {_CELL}>{text}</td></tr>" for name, text in rows)
    places = ", ".join(str(path) for path in adata.X.paths) if isinstance(adata.X, LazyMatrix) else ""
    place = f"<br><small>{escape(places)}</small>" if places else ""
    head = f"<b>{kind}</b> {adata.n_obs:,} × {adata.n_vars:,}{place}"
    return f"<div>{head}<table>{body}</table></div>"


def _matrix(value: Any) -> str:
    from ._matrix import LazyMatrix

    if isinstance(value, LazyMatrix):
        density = value._matrix.density
        share = "" if value.format == "dense" or density is None else f", {density:.1%} stored"
        ops = f", {' → '.join(value.ops)}" if value.ops else ""
        return f"lazy {value.format} {value.dtype}{share}{escape(ops)}"
    return escape(f"{type(value).__name__} {getattr(value, 'dtype', '')}")
