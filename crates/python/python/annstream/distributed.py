"""Steps of an analysis on a cluster of ``dask.distributed``, with the results of one process, to the bit.

Every function takes a client, and then what its namesake in :mod:`annstream.pp` takes. Workers read a file that all
of them see, by the path that it has here; each takes stretches of some 100 MB with the threads that it has, and half
of its memory limit. The client adds up what they send: a few numbers for each gene, for components some 16 MB a
stretch.

>>> from dask.distributed import Client
>>> import annstream as ans
>>> client = Client("scheduler:8786")  # doctest: +SKIP
>>> adata = ans.read("/shared/atlas.zarr")  # doctest: +SKIP
>>> ans.distributed.calculate_qc_metrics(client, adata, inplace=True)  # doctest: +SKIP
>>> ans.distributed.normalize_total(client, adata, target_sum=1e4)  # doctest: +SKIP
>>> ans.pp.log1p(adata)  # reads nothing  # doctest: +SKIP
>>> ans.distributed.highly_variable_genes(client, adata, n_top_genes=2000)  # doctest: +SKIP
>>> ans.distributed.pca(client, adata)  # doctest: +SKIP
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from . import _annstream, pp
from ._cluster import Cluster
from ._concat import concat_on_disk as _concat_on_disk
from ._engine import use

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "calculate_qc_metrics",
    "concat_on_disk",
    "filter_cells",
    "filter_genes",
    "highly_variable_genes",
    "normalize_total",
    "pca",
]


def _on_cluster(step: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(step)
    def on_cluster(client: Any, *args: Any, **kwargs: Any) -> Any:
        with use(Cluster(client)):
            return step(*args, **kwargs)

    on_cluster.__doc__ = f"The passes of :func:`annstream.pp.{step.__name__}` on the workers of ``client``."
    on_cluster.__module__ = __name__
    return on_cluster


calculate_qc_metrics = _on_cluster(pp.calculate_qc_metrics)
filter_cells = _on_cluster(pp.filter_cells)
filter_genes = _on_cluster(pp.filter_genes)
normalize_total = _on_cluster(pp.normalize_total)
highly_variable_genes = _on_cluster(pp.highly_variable_genes)
pca = _on_cluster(pp.pca)


def concat_on_disk(client: Any, in_files: Any, out_file: Any, *, shard: int | str = "32M", **options: Any) -> None:
    """:func:`annstream.concat_on_disk` into a zarr store of format 3, whose shards the workers write.

    Values of ``X`` and of layers in CSR are cut into whole files. A worker reads the rows of such files, aligns them,
    and writes the files beside the output; the client counts rows, writes all else, and moves the files to where they
    belong. The bytes are those that one process writes.

    Parameters
    ----------
    client
        A client of ``dask.distributed``. All workers see the inputs, and the folder of the output, by the same paths.
    in_files, out_file
        As there; a path ending with ``.zarr``.
    shard
        Size of a shard before compression.
    options
        As there; cells are appended.
    """
    size = _annstream.size_in_bytes(shard) if isinstance(shard, str) else int(shard)
    with use(Cluster(client, size)):
        _concat_on_disk(in_files, out_file, **options)
