"""`annstream scrublet` against scanpy in memory: the same doublets, and the same scores where neighbours are exact.

Up to 8,191 cells and doublets scanpy compares all pairs, and its components are exact but for a tolerance; so nearly
all scores are equal there, and the others are off by a neighbour or two, where cells are equal or equally near.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scanpy.preprocessing._scrublet import core
from scipy import sparse, stats
from skimage.filters import threshold_minimum

from . import real_data
from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo"


@lru_cache
def demo(name: str) -> ad.AnnData:
    return ad.read_h5ad(DEMO / name)


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["scrublet", str(source), "-o", str(target), "--force", *arguments])


def scored(adata: ad.AnnData, folder: Path, *arguments: str) -> ad.AnnData:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, "-q", *arguments)
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


@contextmanager
def others_only() -> Iterator[None]:
    """Nothing is its own neighbour, as ours.

    Where all pairs are compared, scanpy takes the first column of the neighbours to be the cell itself, drops it, and
    later adds it again if it stands in the first column of no row. Where a cell and a doublet are equal, as those of a
    cell paired with itself, their order is a matter of rounding, and so it is, for all, whether a doublet counts for
    itself.
    """
    original = core._get_indices_distances_from_sparse_matrix

    def as_they_are(distances: sparse.csr_matrix, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
        width = distances.nnz // distances.shape[0]
        if width >= n_neighbors:
            return original(distances, n_neighbors)
        return distances.indices.reshape(-1, width), distances.data.reshape(-1, width)

    core._get_indices_distances_from_sparse_matrix = as_they_are
    try:
        yield
    finally:
        core._get_indices_distances_from_sparse_matrix = original


def expected(adata: ad.AnnData, **options: Any) -> ad.AnnData:
    adata = adata.copy()
    with warnings.catch_warnings(), np.errstate(all="ignore"), others_only():
        warnings.simplefilter("ignore")
        sc.pp.scrublet(adata, **options)
    return adata


def check_scores(ours: np.ndarray, theirs: np.ndarray, equal: float) -> None:
    """At least a share of them is equal, and the others are near."""
    assert ours.dtype == theirs.dtype == np.float64
    same = np.isclose(ours, theirs, rtol=1e-12).mean()
    assert same >= equal, same
    if equal >= 0.9:
        assert stats.spearmanr(ours, theirs).statistic > 0.98


def check_entry(ours: dict[str, Any], theirs: dict[str, Any], equal: float) -> None:
    assert set(ours) - {"threshold"} == set(theirs) - {"threshold"}
    assert ours["doublet_parents"].dtype == np.int64
    np.testing.assert_array_equal(ours["doublet_parents"], theirs["doublet_parents"])
    assert ours["parameters"] == theirs["parameters"]
    assert {np.asarray(ours["parameters"][name]).dtype.kind for name in ("n_neighbors", "random_state")} == {"i"}
    check_scores(ours["doublet_scores_sim"], theirs["doublet_scores_sim"], equal)


def found_threshold(entry: dict[str, Any]) -> float | None:
    """What scikit-image finds, which may hang on a single score."""
    try:
        return threshold_minimum(entry["doublet_scores_sim"])
    except RuntimeError:
        return None


def check_calls(ours: ad.AnnData, entry: dict[str, Any], threshold: float | None = None) -> None:
    """Calls are those of scanpy for the scores that we have."""
    threshold = found_threshold(entry) if threshold is None else threshold
    assert entry.get("threshold") == threshold
    calls = ours.obs["predicted_doublet"]
    assert calls.dtype == bool
    np.testing.assert_array_equal(calls, ours.obs["doublet_score"] > (np.inf if threshold is None else threshold))


def check(ours: ad.AnnData, theirs: ad.AnnData, *, equal: float = 0.95, threshold: float | None = None) -> None:
    assert list(ours.obs.columns) == list(theirs.obs.columns)
    check_scores(ours.obs["doublet_score"].to_numpy(), theirs.obs["doublet_score"].to_numpy(), equal)
    mine, other = ours.uns["scrublet"], theirs.uns["scrublet"]
    check_entry(mine, other, equal)
    check_calls(ours, mine, threshold)
    if np.array_equal(mine["doublet_scores_sim"], other["doublet_scores_sim"]):
        assert mine.get("threshold") == other.get("threshold")


def as_stored(adata: ad.AnnData, kind: str, dtype: str) -> ad.AnnData:
    adata = adata.copy()
    matrix = adata.X.astype(dtype)
    adata.X = {"csr": lambda: matrix, "csc": matrix.tocsc, "dense": matrix.toarray}[kind]()
    return adata


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("csr", "float32"), ("csc", "int32"), ("dense", "float32"), ("csr", "float64"), ("csr", "uint16")],
)
def test_layouts_and_types(kind: str, dtype: str, tmp_path: Path) -> None:
    adata = demo("pbmc4k.h5ad")[:, ::4]
    adata = as_stored(adata, kind, dtype)
    check(scored(adata, tmp_path), expected(adata))


OPTIONS = [
    ({"sim_doublet_ratio": 0.7, "random_state": 7}, ["--sim-doublet-ratio", "0.7", "--seed", "7"]),
    (
        {"expected_doublet_rate": 0.2, "stdev_doublet_rate": 0.1},
        ["--expected-doublet-rate", "0.2", "--stdev-doublet-rate", "0.1"],
    ),
    ({"n_prin_comps": 5, "n_neighbors": 30}, ["--n-prin-comps", "5", "--n-neighbors", "30"]),
    ({"log_transform": True}, ["--log-transform"]),
    ({"mean_center": False}, ["--no-mean-center"]),
    ({"normalize_variance": False}, ["--no-normalize-variance"]),
    ({"mean_center": False, "normalize_variance": False}, ["--no-mean-center", "--no-normalize-variance"]),
    ({"threshold": 0.1}, ["--threshold", "0.1"]),
    ({"knn_dist_metric": "cosine"}, ["--knn-dist-metric", "cosine"]),
    ({"knn_dist_metric": "manhattan"}, ["--knn-dist-metric", "manhattan"]),
    ({"use_approx_neighbors": False}, ["--use-approx-neighbors", "no"]),
]


@pytest.mark.parametrize(("options", "arguments"), OPTIONS, ids=lambda value: "-".join(value))
def test_options(options: dict[str, Any], arguments: list[str], tmp_path: Path) -> None:
    adata = demo("donor_a.h5ad")[::2, ::3]
    ours, theirs = scored(adata, tmp_path, *arguments), expected(adata, **options)
    # As they are, values stay in single precision in scanpy, and so do components.
    rough = not (options.get("mean_center", True) or options.get("normalize_variance", True))
    check(ours, theirs, equal=0.7 if rough else 0.95, threshold=options.get("threshold"))


def test_approximate_neighbours(tmp_path: Path) -> None:
    """Scores by nearly all neighbours are near those of scanpy by all of them."""
    adata = demo("donor_a.h5ad")[::2, ::3]
    ours = scored(adata, tmp_path, "--use-approx-neighbors", "yes")
    theirs = expected(adata)
    for mine, other in [
        (ours.obs["doublet_score"], theirs.obs["doublet_score"]),
        (ours.uns["scrublet"]["doublet_scores_sim"], theirs.uns["scrublet"]["doublet_scores_sim"]),
    ]:
        assert stats.spearmanr(mine, other).statistic > 0.95
        assert np.mean(mine) == pytest.approx(np.mean(other), rel=0.1)


def test_parents_of_neighbours(tmp_path: Path) -> None:
    adata = demo("donor_a.h5ad")[::2, ::3]
    ours = scored(adata, tmp_path, "--get-doublet-neighbor-parents")
    theirs = expected(adata, get_doublet_neighbor_parents=True)
    parents = ours.uns["scrublet"]["doublet_neighbor_parents"]
    assert parents.shape == (adata.n_obs, adata.n_obs) and parents.dtype == bool
    expected_parents = theirs.uns["scrublet"]["doublet_neighbor_parents"]
    same = [np.array_equal(parents[cell].indices, own) for cell, own in enumerate(expected_parents)]
    assert np.mean(same) > 0.95 and max(map(len, expected_parents)) > 20


def test_subsampling(tmp_path: Path) -> None:
    """Counts are drawn from the same distribution, and are not the same."""
    adata = demo("pbmc4k.h5ad")[:, ::3]
    ours = scored(adata, tmp_path, "--synthetic-doublet-umi-subsampling", "0.6")
    theirs = expected(adata, synthetic_doublet_umi_subsampling=0.6)
    parents = [adata.uns["scrublet"]["doublet_parents"] for adata in (ours, theirs)]
    np.testing.assert_array_equal(*parents)
    assert stats.spearmanr(ours.obs["doublet_score"], theirs.obs["doublet_score"]).statistic > 0.7
    assert ours.uns["scrublet"]["doublet_scores_sim"].mean() == pytest.approx(
        theirs.uns["scrublet"]["doublet_scores_sim"].mean(), rel=0.1
    )


def with_doublets(adata: ad.AnnData, count: int, seed: int) -> ad.AnnData:
    """Cells, and sums of two of them, in a random order; the sums are marked in obs."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(adata.n_obs, (2, count))
    sums = adata.X[pairs[0]] + adata.X[pairs[1]]
    order = rng.permutation(adata.n_obs + count)
    obs = pd.DataFrame({"planted": order >= adata.n_obs}, index=[f"c{i}" for i in order])
    return ad.AnnData(sparse.vstack([adata.X, sums]).tocsr()[order], obs=obs, var=adata.var[[]])


def area(scores: np.ndarray, planted: np.ndarray) -> float:
    """The probability that a doublet has a higher score than another cell."""
    ranks = stats.rankdata(scores)
    count = planted.sum()
    return (ranks[planted].sum() - count * (count + 1) / 2) / count / (len(planted) - count)


@pytest.mark.parametrize("name", ["pbmc4k.h5ad", "donor_a.h5ad"])
def test_planted_doublets_are_found(name: str, tmp_path: Path) -> None:
    adata = with_doublets(demo(name)[:, ::3], 50, 1)
    ours, theirs = scored(adata, tmp_path), expected(adata)
    check(ours, theirs)
    planted = adata.obs["planted"].to_numpy()
    found = area(ours.obs["doublet_score"].to_numpy(), planted)
    assert found > 0.6 and found > area(theirs.obs["doublet_score"].to_numpy(), planted) - 0.01, found


@pytest.mark.parametrize(
    ("name", "step"), [("kang_ctrl_csc_int32.h5ad", 3), ("kang_stim_dense_f32.h5ad", 3), ("pbmc4k_half_raw.h5ad", 6)]
)
def test_real(name: str, step: int, tmp_path: Path) -> None:
    """Some genes of real files, so that components take little time."""
    adata = real_data.read(real_data.path_of(name))[:, ::step]
    check(scored(adata, tmp_path), expected(adata))


def batched(*, pieces: bool) -> ad.AnnData:
    """Two demo files and a part of one of them as three batches, in one piece each or not."""
    parts = {"b": demo("pbmc4k.h5ad")[:, ::5], "a": demo("donor_a.h5ad")[:, ::5], "c": demo("donor_a.h5ad")[::3, ::5]}
    adata = ad.concat(parts, label="sample", index_unique="-", join="outer")
    adata.obs = adata.obs[["sample"]].copy()
    if pieces:
        return adata
    return adata[np.random.default_rng(0).permutation(adata.n_obs)].copy()


@pytest.mark.parametrize("pieces", [True, False])
def test_batches(pieces: bool, tmp_path: Path) -> None:
    adata = batched(pieces=pieces)
    ours, theirs = scored(adata, tmp_path, "--batch-key", "sample"), expected(adata, batch_key="sample")
    # Scanpy leaves a column of its filter behind.
    del theirs.obs["n_genes"]
    assert list(ours.obs.columns) == list(theirs.obs.columns)
    check_scores(ours.obs["doublet_score"].to_numpy(), theirs.obs["doublet_score"].to_numpy(), 0.95)
    mine, other = ours.uns["scrublet"], theirs.uns["scrublet"]
    assert set(mine) == set(other) and mine["batched_by"] == other["batched_by"] == "sample"
    assert set(mine["batches"]) == set(other["batches"]) == {"a", "b", "c"}
    for name, entry in mine["batches"].items():
        check_entry(entry, other["batches"][name], 0.95)
    for name, own in ours.obs.groupby("sample", observed=True):
        threshold = found_threshold(mine["batches"][name])
        assert mine["batches"][name].get("threshold") == threshold
        called = own["doublet_score"] > (np.inf if threshold is None else threshold)
        np.testing.assert_array_equal(own["predicted_doublet"], called)


def test_batch_columns(tmp_path: Path) -> None:
    """A batch is scored as if it stood alone, whatever the type of the column."""
    adata = batched(pieces=False)
    alone = scored(adata[adata.obs["sample"] == "a"].copy(), tmp_path).obs["doublet_score"]
    for column in [adata.obs["sample"], adata.obs["sample"].astype(str), adata.obs["sample"].cat.codes.astype("int64")]:
        adata.obs["batch"] = column.to_numpy() if column.dtype == object else column
        ours = scored(adata, tmp_path, "--batch-key", "batch")
        assert np.isclose(ours.obs["doublet_score"][alone.index], alone, rtol=1e-12).mean() > 0.99
    adata.obs["batch"] = adata.obs["sample"].where(adata.obs["sample"] != "b")
    adata.write_h5ad(tmp_path / "in.h5ad")
    missing = run(tmp_path / "in.h5ad", tmp_path / "out.h5ad", "--batch-key", "batch")
    assert missing.code != 0 and "has no value" in missing.stderr
    absent = run(tmp_path / "in.h5ad", tmp_path / "out.h5ad", "--batch-key", "lane")
    assert absent.code == 2 and "'lane'" in absent.stderr and "sample" in absent.stderr


def test_nothing_changes_the_result(tmp_path: Path) -> None:
    adata = batched(pieces=False)
    adata.write_h5ad(tmp_path / "in.h5ad")
    results = []
    for i, words in enumerate([["-t", "1"], ["-t", "2"], ["-t", "3", "--memory", "400M"]]):
        target = tmp_path / f"{i}.h5ad"
        done = run(tmp_path / "in.h5ad", target, "-q", "--batch-key", "sample", *words)
        assert done.code == 0, str(done)
        results.append(target.read_bytes())
    assert results[0] == results[1] == results[2]
    small = run(tmp_path / "in.h5ad", tmp_path / "small.h5ad", "--memory", "48M")
    assert small.code != 0 and "--memory" in small.stderr and not (tmp_path / "small.h5ad").exists()


def test_cells_without_genes_have_no_score(tmp_path: Path) -> None:
    adata = demo("donor_a.h5ad")[:, ::3].copy()
    matrix = adata.X.tolil()
    matrix[[5, 600]] = 0
    adata.X = matrix.tocsr()
    ours, theirs = scored(adata, tmp_path), expected(adata)
    score, call = ours.obs["doublet_score"], ours.obs["predicted_doublet"]
    holes = [name in adata.obs_names[[5, 600]] for name in adata.obs_names]
    np.testing.assert_array_equal(score.isna(), holes)
    np.testing.assert_array_equal(theirs.obs["doublet_score"].isna(), holes)
    assert call.dtype == "boolean" and call.isna().to_numpy().tolist() == holes
    check_scores(score.dropna().to_numpy(), theirs.obs["doublet_score"].dropna().to_numpy(), 0.95)
    check_entry(ours.uns["scrublet"], theirs.uns["scrublet"], 0.95)


def shapeless(rows: int, columns: int, seed: int = 0) -> ad.AnnData:
    """Cells of one kind."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(1, 1, columns), (rows, columns)).astype(np.float32)
    obs = pd.DataFrame(index=[f"c{i}" for i in range(rows)])
    return ad.AnnData(sparse.csr_matrix(counts), obs=obs)


def test_few_cells(tmp_path: Path) -> None:
    """Where scanpy has an answer we have it, and where it fails we say why."""
    adata = shapeless(12, 300)
    ours, theirs = scored(adata, tmp_path, "--n-prin-comps", "5"), expected(adata, n_prin_comps=5)
    check(ours, theirs, equal=0.5)
    adata = shapeless(20, 300)
    options = {"n_prin_comps": 3, "n_neighbors": 50, "sim_doublet_ratio": 1.0}
    words = ["--n-prin-comps", "3", "--n-neighbors", "50", "--sim-doublet-ratio", "1"]
    check(scored(adata, tmp_path, *words), expected(adata, **options), equal=0.5)
    for small, words, reason in [
        (shapeless(20, 300), [], "30 components"),
        (shapeless(40, 1), [], "genes that are found"),
        (shapeless(2, 300), [], "genes that are found"),
        (shapeless(0, 300), [], "genes that are found"),
        (shapeless(12, 300), ["--n-prin-comps", "5", "--sim-doublet-ratio", "0.01"], "no doublets"),
        (shapeless(12, 300), ["--n-prin-comps", "5", "--sim-doublet-ratio", "13"], "cannot be drawn"),
    ]:
        small.write_h5ad(tmp_path / "in.h5ad")
        done = run(tmp_path / "in.h5ad", tmp_path / "no.h5ad", *words)
        assert done.code != 0 and reason in done.stderr and "panic" not in done.stderr, str(done)
        assert not (tmp_path / "no.h5ad").exists()


def test_what_is_no_count(tmp_path: Path) -> None:
    adata = shapeless(60, 300)
    adata.X.data = np.log1p(adata.X.data)
    adata.write_h5ad(tmp_path / "in.h5ad")
    done = run(tmp_path / "in.h5ad", tmp_path / "out.h5ad")
    assert done.code == 0 and "not whole" in done.stderr
    check(ad.read_h5ad(tmp_path / "out.h5ad"), expected(adata), equal=0.5)
    adata.X.data[0] = -1
    adata.write_h5ad(tmp_path / "in.h5ad")
    done = run(tmp_path / "in.h5ad", tmp_path / "no.h5ad")
    assert done.code != 0 and "expected counts" in done.stderr


def test_zarr_plan_and_report(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    demo("donor_a.h5ad")[:, ::4].write_h5ad(source)
    plan = run(source, tmp_path / "no.zarr", "--plan")
    assert plan.code == 0 and "passes over the data: 3" in plan.stdout and not (tmp_path / "no.zarr").exists()
    done = run(source, tmp_path / "out.zarr", "--json", "-q")
    assert done.code == 0, str(done)
    ours = ad.read_zarr(tmp_path / "out.zarr")
    (batch,) = done.report["batches"]
    assert batch["threshold"] == ours.uns["scrublet"].get("threshold") and batch["cells"] == ours.n_obs
    assert batch["detected"] == ours.obs["predicted_doublet"].mean()
    assert {"doublet_score", "predicted_doublet"} <= set(ours.obs.columns)
