"""The passes of the engine on the workers of a cluster.

A pass falls into stretches of some 100 MB of values, cut by constants of the program. The sums of one process are
defined as those of its stretches, added up in their order; so a worker takes a stretch with all that the engine has,
sends back a few arrays, and the client adds them up. Which worker took which, and when, does not change a bit.
"""

from __future__ import annotations

import json
import pickle
import uuid
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import _annstream
from ._dask import Handle, fit_worker
from ._matrix import LazyMatrix
from ._write import _beside, _replace_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._annstream import Matrix

_CELLS = ("nonzero", "positive", "total", "sets", "top")
_GENES = ("gene_nonzero", "gene_positive", "gene_total")


class Cluster:
    """The functions of the extension that take passes, by a client of ``dask.distributed``.

    Parameters
    ----------
    client
        The client.
    shard
        Bytes of a shard of a merged store.
    """

    def __init__(self, client: Any, shard: int = 32 << 20) -> None:
        self._client = client
        self._shard = shard

    def qc_metrics(self, matrix: Matrix, options: str, sets: list[list[bool]]) -> Any:
        """See the extension."""
        if 0 in matrix.shape:
            return _annstream.qc_metrics(matrix, options, sets)
        ranks = sorted(json.loads(options)["percent_top"])
        return _annstream.qc_table(matrix, options, self._counts(matrix, sets, ranks))

    def filter_counts(self, matrix: Matrix) -> Any:
        """See the extension."""
        if 0 in matrix.shape:
            return _annstream.filter_counts(matrix)
        return _annstream.filter_table(matrix, self._counts(matrix, [], []))

    def _counts(self, matrix: Matrix, sets: list[list[bool]], ranks: list[int]) -> dict[str, np.ndarray]:
        cells: dict[str, list[np.ndarray]] = {name: [] for name in _CELLS}
        genes: dict[str, np.ndarray] = {}
        for part in self._pass(matrix, _counts, True, sets, ranks):
            for name in _CELLS:
                cells[name].append(part[name])
            _add(genes, {name: part[name] for name in _GENES})
        return {name: np.concatenate(parts) for name, parts in cells.items()} | genes

    def normalize_total(self, matrix: Matrix, options: str) -> Any:
        """See the extension."""
        if 0 in matrix.shape:
            return _annstream.normalize_total(matrix, options)
        if json.loads(options).get("exclude_highly_expressed"):
            msg = "exclude_highly_expressed on a cluster; `annstream.pp.normalize_total` has it"
            raise NotImplementedError(msg)
        totals = np.concatenate(list(self._pass(matrix, _totals, True)))
        return _annstream.totals_factors(matrix, options, totals)

    def highly_variable_genes(
        self,
        matrix: Matrix,
        names: list[str],
        options: str,
        exponentials: float | None = None,
        batches: tuple[np.ndarray, list[str]] | None = None,
    ) -> Any:
        """See the extension."""
        if 0 in matrix.shape:
            return _annstream.highly_variable_genes(matrix, names, options, exponentials, batches)
        given = json.loads(options)
        flavor = given["flavor"]
        codes = None if batches is None else (batches[0], len(batches[1]))
        labels = [] if batches is None else batches[1]
        if flavor not in ("seurat", "cell_ranger", "seurat_v3", "seurat_v3_paper"):
            msg = f"flavor {flavor!r} on a cluster; `annstream.experimental.pp.highly_variable_genes` has it"
            raise NotImplementedError(msg)
        first = self._moments(matrix, exponentials, codes, None)
        clipped = None
        if flavor in ("seurat_v3", "seurat_v3_paper"):
            clips = _annstream.hvg_clips(first, given["span"])
            clipped = self._moments(matrix, None, codes, clips)
        return _annstream.hvg_table(names, options, labels, first, clipped)

    def _moments(self, matrix: Matrix, *args: Any) -> list[dict[str, np.ndarray]]:
        total: list[dict[str, np.ndarray]] = []
        for part in self._pass(matrix, _moments, False, *args):
            total = total or [{} for _ in part]
            for all_rows, own in zip(total, part, strict=True):
                _add(all_rows, own)
        return total

    def pca(self, matrix: Matrix, n_comps: int | None, zero_center: bool) -> dict[str, np.ndarray]:
        """See the extension."""
        count = _annstream.pca_components(matrix, n_comps)
        if matrix.shape[1] > _annstream.GRAM_COLUMNS:
            msg = (
                f"components of {matrix.shape[1]} genes on a cluster, of {_annstream.GRAM_COLUMNS} at most; choose "
                "variable genes first, or call annstream.pp.pca"
            )
            raise NotImplementedError(msg)
        matrix = _annstream.pca_matrix(matrix, zero_center)
        model = _annstream.pca_model(matrix, self._products(matrix, None), count, zero_center)
        if "pilot" in model:
            pilot = model["pilot"]
            model = _annstream.pca_model(matrix, self._products(matrix, pilot), count, zero_center, pilot)
        return model | {"scores": np.concatenate(list(self._pass(matrix, _scores, False, model)))}

    def _products(self, matrix: Matrix, pilot: np.ndarray | None) -> dict[str, np.ndarray]:
        total: dict[str, np.ndarray] = {}
        for part in self._pass(matrix, _products, False, pilot):
            _add(total, part)
        return total

    def concat_files(
        self, inputs: list[str], output: Path, *, axis: int, zarr_format: int, allow_external: bool, **spec: Any
    ) -> list[str]:
        """See the extension."""
        if axis != 0 or zarr_format != 3 or Path(output).suffix != ".zarr":
            msg = f"{output}: workers append cells to a zarr store of format 3; annstream.concat_on_disk does all else"
            raise NotImplementedError(msg)
        inputs = [one if "://" in one else str(Path(one).absolute()) for one in inputs]
        given = (uuid.uuid4().hex, (inputs, spec, self._shard, allow_external))
        job = _Concats.get(*given)
        with _beside(Path(output), ".zarr", _replace_folder) as place:
            shared = job.shares()
            calls = [
                (_share, str(place.parent.absolute() / f"{n}-{i}.zarr"), path, share)
                for n, (path, _, shares) in enumerate(shared)
                for i, share in enumerate(shares)
            ]
            for _ in in_order(self._client, calls, given):
                pass
            said = job.write_around(place, [(path, lengths) for path, lengths, _ in shared])
            for _, own, path, _ in calls:
                for array in ("data", "indices"):
                    target = place / path / array / "c"
                    target.mkdir(exist_ok=True)
                    for file in (Path(own) / path / array / "c").iterdir():
                        file.rename(target / file.name)
        _Concats.forget(given[0])
        return said

    def _pass(self, matrix: Matrix, task: Callable[..., Any], leave_zeros: bool, *args: Any) -> Iterator[Any]:
        """What each stretch gives, in order."""
        lazy = LazyMatrix(matrix)
        if not lazy.paths:
            msg = "a matrix in memory; write it to a file that all workers see, and open that with annstream.read"
            raise ValueError(msg)
        if lazy.format == "csc":
            msg = (
                f"{lazy.paths[0]}: its rows are stored by columns, and each worker would have to sort them; "
                "`annstream convert --layout csr` does it once"
            )
            raise NotImplementedError(msg)
        stretches = _annstream.stretches(matrix, leave_zeros)
        calls = ((task, i, stop - start) for i, (start, stop) in enumerate(stretches))
        yield from in_order(self._client, calls, (Handle(lazy), args))


def in_order(client: Any, calls: Iterable[tuple[Any, ...]], given: Any) -> Iterator[Any]:
    """Calls functions on workers, and gives what they return in the order of the calls; a few are ahead.

    Parameters
    ----------
    client
        A client of ``dask.distributed``.
    calls
        A function and its further arguments, for each call.
    given
        The first argument of all, which is sent to each worker once.
    """
    ahead = 2 * max(1, sum(client.nthreads().values()))
    # A task and no scattered value: if its worker dies, another one has it again.
    given = client.submit(_same, (uuid.uuid4().hex, pickle.dumps(given)), pure=False)
    waiting: deque[Any] = deque()
    calls = iter(calls)
    try:
        while True:
            while len(waiting) < ahead and (call := next(calls, None)) is not None:
                function, *rest = call
                waiting.append(client.submit(_call, function, given, *rest, pure=False))
            if not waiting:
                return
            future = waiting.popleft()
            try:
                yield future.result()
            finally:
                future.release()
    finally:
        client.cancel(list(waiting))


class _Concats:
    """Merges that this process takes part in: inputs are opened and planned once for many shares."""

    _known: ClassVar[dict[str, Any]] = {}

    @classmethod
    def get(cls, token: str, arguments: tuple[Any, ...]) -> Any:
        """The one of a name."""
        if token not in cls._known:
            cls._known.clear()
            cls._known[token] = _annstream.Concat(*arguments)
        return cls._known[token]

    @classmethod
    def forget(cls, token: str) -> None:
        """Lets go of it."""
        cls._known.pop(token, None)


def _share(token: str, arguments: tuple[Any, ...], output: str, path: str, places: tuple[int, ...]) -> None:
    _Concats.get(token, arguments).write_share(output, path, places)


# What this process was given lately, for tasks that may come.
_GIVEN: dict[str, Any] = {}


def _same(given: Any) -> Any:
    return given


def _call(function: Callable[..., Any], given: Any, *args: Any) -> Any:
    fit_worker()
    token, pickled = given
    own = _GIVEN.get(token)
    if own is None:
        own = _GIVEN[token] = pickle.loads(pickled)
        while len(_GIVEN) > 4:
            _GIVEN.pop(next(iter(_GIVEN)), None)
    return function(*own, *args)


def _add(total: dict[str, np.ndarray], part: dict[str, np.ndarray]) -> None:
    """Adds arrays to those of earlier rows; the first are taken as they are."""
    for name, values in part.items():
        if name in total:
            total[name] += values
        else:
            total[name] = np.array(values)


def _counts(handle: Handle, args: Any, stretch: int, rows: int) -> dict[str, np.ndarray]:
    sets, ranks = args
    return _annstream.counts_part(handle.open()._matrix, stretch, rows, sets, ranks)


def _totals(handle: Handle, args: Any, stretch: int, rows: int) -> np.ndarray:
    return _annstream.totals_part(handle.open()._matrix, stretch)


def _moments(handle: Handle, args: Any, stretch: int, rows: int) -> list[dict[str, np.ndarray]]:
    return _annstream.moments_part(handle.open()._matrix, stretch, *args)


def _products(handle: Handle, args: Any, stretch: int, rows: int) -> dict[str, np.ndarray]:
    [pilot] = args
    return _annstream.gram_part(handle.open()._matrix, stretch, pilot)


def _scores(handle: Handle, args: Any, stretch: int, rows: int) -> np.ndarray:
    [model] = args
    return _annstream.scores_part(handle.open()._matrix, stretch, rows, model)
