"""Doublets: droplets that hold two cells."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _annstream
from .._steps import check, log, look, options, whole
from ._genes import batches_of

if TYPE_CHECKING:
    import anndata as ad


def scrublet(
    adata: ad.AnnData,
    adata_sim: ad.AnnData | None = None,
    *,
    batch_key: str | None = None,
    sim_doublet_ratio: float = 2.0,
    expected_doublet_rate: float = 0.05,
    stdev_doublet_rate: float = 0.02,
    synthetic_doublet_umi_subsampling: float = 1.0,
    knn_dist_metric: str = "euclidean",
    normalize_variance: bool = True,
    log_transform: bool = False,
    mean_center: bool = True,
    n_prin_comps: int = 30,
    use_approx_neighbors: bool | None = None,
    get_doublet_neighbor_parents: bool = False,
    n_neighbors: int | None = None,
    threshold: float | None = None,
    verbose: bool = True,
    copy: bool = False,
    random_state: int = 0,
) -> ad.AnnData | None:
    """Scores cells by how likely they are doublets: :func:`scanpy.pp.scrublet`. Three passes.

    For a seed, doublets are simulated of the same pairs of cells as in scanpy; components and neighbours are exact. In
    memory are, of one batch at a time, the counts of its variable genes and some 1000 bytes a cell. Cells with fewer
    than three genes have no score.

    Parameters
    ----------
    adata
        Cells and genes: counts.
    adata_sim
        Not offered: doublets are simulated here.
    batch_key
        Column of ``obs``; the cells of each value are looked at by themselves.
    sim_doublet_ratio
        Doublets that are simulated for each cell.
    expected_doublet_rate, stdev_doublet_rate
        The share of doublets that is expected, and how uncertain it is.
    synthetic_doublet_umi_subsampling
        The share of the counts of its cells that a doublet gets.
    knn_dist_metric
        ``"euclidean"``, ``"cosine"``, ``"correlation"`` or ``"manhattan"``.
    normalize_variance, log_transform, mean_center
        Whether genes are scaled, logarithms taken, and means subtracted.
    n_prin_comps
        Components.
    use_approx_neighbors
        Whether neighbours are looked for nearly; by default they are exact.
    get_doublet_neighbor_parents
        Whether the cells that the doublets near each cell were made of are kept.
    n_neighbors
        Neighbours of a cell among cells; half the root of their number by default.
    threshold
        The score above which a cell is called a doublet; found by default.
    verbose
        Whether what was found is logged.
    copy
        Whether a changed copy is returned.
    random_state
        Seed.
    """
    check(adata)
    if adata_sim is not None:
        msg = "adata_sim: doublets are simulated here; use scanpy.pp.scrublet for those that were made before"
        raise NotImplementedError(msg)
    if not isinstance(knn_dist_metric, str):
        msg = "knn_dist_metric is a function, expected 'euclidean', 'cosine', 'correlation' or 'manhattan'"
        raise NotImplementedError(msg)
    matrix = look(adata)
    adata = adata.copy() if copy else adata
    given = options(
        batch_key=batch_key,
        sim_doublet_ratio=float(sim_doublet_ratio),
        expected_doublet_rate=float(expected_doublet_rate),
        stdev_doublet_rate=float(stdev_doublet_rate),
        synthetic_doublet_umi_subsampling=float(synthetic_doublet_umi_subsampling),
        normalize_variance=bool(normalize_variance),
        log_transform=bool(log_transform),
        mean_center=bool(mean_center),
        n_prin_comps=n_prin_comps,
        get_doublet_neighbor_parents=bool(get_doublet_neighbor_parents),
        n_neighbors=n_neighbors,
        threshold=None if threshold is None else float(threshold),
        random_state=whole(random_state, "random_state"),
    )
    batches = None if batch_key is None else batches_of(adata, batch_key)
    found, fractions = _annstream.scrublet(matrix._matrix, given, knn_dist_metric, bool(use_approx_neighbors), batches)
    if fractions:
        msg = "`scrublet` expects raw count data, but non-integers were found."
        warnings.warn(msg, UserWarning, stacklevel=2)
    if verbose:
        for batch in found:
            _tell(batch)
    _store(adata, found, batch_key)
    entries = {batch["name"]: _entry(batch, expected_doublet_rate, sim_doublet_ratio, random_state) for batch in found}
    if batch_key is None:
        [entry] = entries.values()
    else:
        entry = {"batches": entries, "batched_by": batch_key}
    adata.uns["scrublet"] = entry
    return adata if copy else None


def _tell(batch: dict[str, Any]) -> None:
    name = "" if batch["name"] is None else f"{batch['name']}: "
    if batch["left_out"]:
        log.warning("%s%d cells have fewer than 3 genes, and no score", name, batch["left_out"])
    if batch["threshold"] is None:
        log.warning("%sno threshold was found, and no cell is called a doublet; give `threshold`", name)
    else:
        log.info(
            "%sthreshold %.3f: %.1f %% of the cells are called doublets, %.1f %% of simulated ones would be",
            name,
            batch["threshold"],
            100 * batch["detected"],
            100 * batch["detectable"],
        )


def _store(adata: ad.AnnData, found: list[dict[str, Any]], batch_key: str | None) -> None:
    scores = np.full(adata.n_obs, np.nan)
    called = np.zeros(adata.n_obs, dtype=bool)
    known = np.zeros(adata.n_obs, dtype=bool)
    for batch in found:
        cells = batch["cells"]
        known[cells] = True
        scores[cells] = batch["scores"]
        called[cells] = False if batch["threshold"] is None else batch["scores"] > batch["threshold"]
    adata.obs["doublet_score"] = scores
    adata.obs["predicted_doublet"] = called if known.all() else pd.arrays.BooleanArray(called, ~known)


def _entry(batch: dict[str, Any], rate: float, ratio: float, random_state: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "doublet_scores_sim": batch["scores_of_doublets"],
        "doublet_parents": batch["parents"].reshape(-1, 2),
        "parameters": {
            "expected_doublet_rate": rate,
            "sim_doublet_ratio": ratio,
            "n_neighbors": batch["n_neighbors"],
            "random_state": random_state,
        },
    }
    if batch["threshold"] is not None:
        entry = {"threshold": batch["threshold"], **entry}
    if batch["neighbor_parents"] is not None:
        entry["doublet_neighbor_parents"] = [parents.astype(np.int64) for parents in batch["neighbor_parents"]]
    return entry
