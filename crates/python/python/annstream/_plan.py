"""What a job will take, before it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import anndata as ad

from . import _annstream
from ._concat import inputs_of
from ._matrix import LazyMatrix
from ._read import read
from ._settings import settings
from ._slots import layer_names


class Plan:
    """What a job will take: nothing of it was done. Its text is that of ``--plan`` on the command line.

    Attributes
    ----------
    details
        The same as plain data: shape, passes, and what else is known of the job.
    """

    def __init__(self, details: dict[str, Any], lines: list[str]) -> None:
        self.details = details
        self._lines = lines

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        rows, columns = self.details["shape"]
        return (rows, columns)

    @property
    def passes(self) -> int:
        """How often the matrices are read."""
        passes = self.details["passes"]
        return passes if isinstance(passes, int) else len(passes)

    def __repr__(self) -> str:
        return "\n".join(self._lines)


def plan(source: Any, *, recipe: Any = None, until: str | None = None, **concat_options: Any) -> Plan:
    """What a job will take: ``annstream ... --plan`` on the command line. Reads tables and pointers, but no values.

    Parameters
    ----------
    source
        An AnnData, or the path of one: what writing it will take, or a ``recipe`` on it. A list of paths, or a
        dictionary of them with keys: what :func:`concat_on_disk` will take.
    recipe
        What ``annstream run`` would do: ``"tutorial"``, or a TOML file or its text.
    until
        The last step of the recipe that is done.
    concat_options
        Of :func:`concat_on_disk`: ``axis``, ``join``, ``merge`` and so on.

    Examples
    --------
    >>> import annstream as ans
    >>> ans.plan(["a.h5ad", "b.h5ad"], join="outer")  # doctest: +SKIP
    >>> ans.plan("counts.h5ad", recipe="tutorial").passes  # doctest: +SKIP
    4
    """
    if isinstance(source, Mapping) or (isinstance(source, Collection) and not isinstance(source, str | os.PathLike)):
        if recipe is not None or until is not None:
            msg = "a recipe on several files; plan their concatenation first"
            raise TypeError(msg)
        return _of_concat(source, concat_options)
    if concat_options:
        msg = f"{min(concat_options)!r} goes with several files, found one"
        raise TypeError(msg)
    adata = source if isinstance(source, ad.AnnData) else read(source)
    return _of_writing(adata) if recipe is None and until is None else _of_recipe(adata, recipe, until)


def _of_concat(source: Any, given: dict[str, Any]) -> Plan:
    keys = given.pop("keys", None)
    if isinstance(source, Mapping):
        keys, source = list(source.keys()), list(source.values())
    axis = given.pop("axis", 0)
    options = {
        "join": "inner",
        "merge": None,
        "uns_merge": None,
        "label": None,
        "index_unique": None,
        "fill_value": None,
        "pairwise": False,
        "compression": None,
        "zarr_format": 3,
        "allow_external": False,
    }
    unknown = set(given) - set(options)
    if unknown:
        msg = f"concat_on_disk has no parameter {min(unknown)!r}"
        raise TypeError(msg)
    options |= given
    for name in ("merge", "uns_merge"):
        options[name] = "none" if options[name] is None or callable(options[name]) else options[name]
    text = _annstream.concat_files(
        inputs_of(source),
        None,
        axis=0 if axis in ("obs", 0) else 1,
        keys=None if keys is None else [str(key) for key in keys],
        **options,
    )
    found = json.loads(text)
    rows, columns = found["shape"]
    head = f"{len(found['inputs'])} inputs along {found['axis']} into {rows:,} x {columns:,}"
    lines = [f"{head}, compression {found['compression']}"]
    lines += [
        f"  {part['key']}  {part['shape'][0]:,} x {part['shape'][1]:,}  {part['path']}" for part in found["inputs"]
    ]
    width = min(40, max((len(element["path"]) for element in found["elements"]), default=0))
    lines += [f"  {one['action']:7} {one['path']:{width}}  {one['detail']}" for one in found["elements"]]
    lines += [f"  warning: {text}" for text in found["warnings"]]
    lines.append(
        f"passes over the data: {found['passes']}; peak memory: about {_bytes(found['memory'])} of "
        f"{_bytes(settings.memory)}; scratch: {_bytes(found['scratch'])}; output: up to {_bytes(found['output'])} "
        "before compression"
    )
    return Plan(found, lines)


def _of_recipe(adata: ad.AnnData, recipe: Any, until: str | None) -> Plan:
    text = None
    if recipe not in (None, "tutorial"):
        text = str(recipe)
        if "\n" not in text and "[" not in text:
            text = Path(recipe).read_text(encoding="utf-8")
    found = json.loads(_annstream.plan_recipe(text, until))
    before, after = found.pop("before"), found.pop("after")
    found |= {"shape": list(adata.shape), "passes": [*before, *after]}
    lines = [f"{adata.n_obs:,} cells x {adata.n_vars:,} genes"]
    lines += [f"  pass {i}: {name}" for i, name in enumerate(before, 1)]
    if found["in_memory"]:
        lines.append(f"  in memory, no pass: {', '.join(found['in_memory'])}")
    lines += [f"  pass {i}: {name}" for i, name in enumerate(after, len(before) + 1)]
    lines.append(f"passes over the data: {len(found['passes'])}")
    return Plan(found, lines)


def _of_writing(adata: ad.AnnData) -> Plan:
    raw = adata.raw
    matrices = {
        "X": None if adata.isbacked else adata.X,
        **{f"layers/{name}": adata.layers[name] for name in layer_names(adata)},
    }
    if raw is not None and not adata.isbacked:
        matrices["raw/X"] = raw.X
    if adata.isbacked:
        matrices["X"] = LazyMatrix.open(adata.filename)
    found: dict[str, Any] = {"shape": list(adata.shape), "matrices": {}, "passes": 0}
    lines = [f"{adata.n_obs:,} cells x {adata.n_vars:,} genes"]
    for name, matrix in matrices.items():
        if matrix is None:
            continue
        lazy = isinstance(matrix, LazyMatrix)
        kind = matrix.format if lazy else getattr(matrix, "format", "dense")
        size = matrix.nbytes if lazy else _size(matrix)
        entry = {"format": kind, "dtype": str(matrix.dtype), "bytes": size, "lazy": lazy}
        text = f"  {name}: {kind} {matrix.dtype}, {_bytes(size)} in memory"
        if lazy:
            found["passes"] = 1
            entry |= {"operators": matrix.ops, "files": [str(path) for path in matrix.paths]}
            text += f", streamed{' through ' + ', '.join(matrix.ops) if matrix.ops else ''}"
        found["matrices"][name] = entry
        lines.append(text)
    lines.append(
        f"passes over the data: {'1 for each matrix that is streamed' if found['passes'] else '0'}; "
        f"memory: up to {_bytes(settings.memory)}"
    )
    return Plan(found, lines)


def _size(matrix: Any) -> int:
    if hasattr(matrix, "indptr"):
        return matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    return matrix.nbytes


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
