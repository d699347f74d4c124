"""`annstream harmony` against the algorithm in numpy, number by number, and against harmonypy, as good as it."""

from __future__ import annotations

import logging
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import anndata as ad
import harmonypy
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from .harmony_math import Options, harmony, unit
from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo"
NEIGHBORS = 30
MARGIN = 0.01
"""By how much a measure of ours may be below harmonypy's."""


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["harmony", str(source), "-o", str(target), "--force", "-q", "--json", *arguments])


def corrected(adata: ad.AnnData, folder: Path, *arguments: str) -> tuple[ad.AnnData, dict[str, Any]]:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_h5ad(target), done.report


def harmonypys(adata: ad.AnnData, keys: list[str], **options: object) -> np.ndarray:
    logging.getLogger("harmonypy").setLevel(logging.ERROR)
    return harmonypy.run_harmony(adata.obsm["X_pca"], adata.obs, keys, verbose=False, **options).Z_corr


def nearest(expected: np.ndarray, adata: ad.AnnData, keys: list[str], **options: object) -> float:
    """How far harmonypy is from what is expected, for the best of some seeds: from some, its k-means misses a kind."""
    runs = (harmonypys(adata, keys, random_state=seed, block_size=1.0, **options) for seed in range(8))
    return min(float(np.abs(values - expected).max()) for values in runs)


def planted(cells: int, kinds: int, batches: int, *, seed: int = 0, spread: float = 2.0, absent: bool = True):
    """Cells of some kinds, shifted by their batch and a little by both; some kinds are not in all batches."""
    rng = np.random.default_rng(seed)
    kind, batch = rng.integers(kinds, size=cells), rng.integers(batches, size=cells)
    if absent:
        batch[(kind == 0) & (batch == batches - 1)] = 0
    x = rng.normal(size=(kinds, 20))[kind] * spread + rng.normal(size=(cells, 20)) * 0.8
    x += rng.normal(size=(batches, 20))[batch] + 0.3 * rng.normal(size=(batches, kinds, 20))[batch, kind]
    second = rng.integers(2, size=cells)
    x += 0.8 * rng.normal(size=(2, 20))[second]
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical(kind.astype(str)),
            "batch": pd.Categorical([f"b{b}" for b in batch]),
            "second": second,
        },
        index=[f"c{i}" for i in range(cells)],
    )
    adata = ad.AnnData(sparse.csr_matrix((cells, 1), dtype=np.float32), obs=obs)
    adata.obsm["X_pca"] = x.astype(np.float32)
    return adata


@cache
def pbmcs() -> ad.AnnData:
    """Two samples of real cells, of unlike chemistry; not to be changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = {name: ad.read_h5ad(DEMO / f"{name}.h5ad") for name in ("pbmc4k", "donor_a")}
        adata = ad.concat(parts, label="batch", join="inner", index_unique="-")
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, n_top_genes=1500)
        sc.pp.pca(adata, n_comps=30)
    adata.obs["kind"] = adata.obs["cell_type"].astype("category")
    return adata[:, :1].copy()


def mixing(x: np.ndarray, labels: pd.Series) -> float:
    """The mean entropy of the labels of the nearest neighbours, in parts of that of all."""
    near = NearestNeighbors(n_neighbors=NEIGHBORS).fit(x).kneighbors(return_distance=False)
    codes = pd.Categorical(labels).codes

    def entropy(counts: np.ndarray) -> np.ndarray:
        shares = counts / counts.sum(axis=-1, keepdims=True)
        return -np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=-1)

    counts = np.stack([(codes[near] == code).sum(axis=1) for code in range(codes.max() + 1)], axis=1)
    return float(entropy(counts).mean() / entropy(np.bincount(codes)))


def purity(x: np.ndarray, labels: pd.Series) -> float:
    """The share of nearest neighbours with a cell's own label."""
    near = NearestNeighbors(n_neighbors=NEIGHBORS).fit(x).kneighbors(return_distance=False)
    codes = pd.Categorical(labels).codes
    return float(np.mean(codes[near] == codes[:, None]))


def kept(before: np.ndarray, after: np.ndarray, batch: pd.Series) -> float:
    """The share of nearest neighbours within a cell's batch that are still such."""
    shares = []
    for name in batch.unique():
        near = [
            NearestNeighbors(n_neighbors=NEIGHBORS).fit(x[batch == name]).kneighbors(return_distance=False)
            for x in (before, after)
        ]
        shares += [len(np.intersect1d(a, b)) / NEIGHBORS for a, b in zip(*near, strict=True)]
    return float(np.mean(shares))


def correlations(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)])


CASES: list[tuple[str, list[str], int, dict[str, Any]]] = [
    ("defaults", ["batch"], 12, {}),
    ("two keys", ["batch", "second"], 9, {"theta": (2.0, 1.0)}),
    ("rounds that settle", ["batch"], 5, {"max_iter_clustering": 30, "tol_clustering": 1e-4, "tol_harmony": 1e-4}),
    ("fixed penalty", ["second", "batch"], 8, {"ridge_lambda": (1.0, 0.3), "sigma": 0.2, "seed": 7}),
    ("small batches", ["batch"], 20, {"tau": 8.0, "alpha": 0.5, "block_proportion": 0.21, "max_iter_harmony": 3}),
    ("pruned", ["batch", "second"], 12, {"batch_prune_threshold": 0.02, "sigma": 0.03}),
    ("hard clusters", ["batch"], 6, {"sigma": 0.004, "theta": (0.5,), "block_proportion": 1.0}),
]


@pytest.mark.parametrize(("name", "keys", "clusters", "options"), CASES, ids=[case[0] for case in CASES])
def test_the_same_numbers_as_in_numpy(
    name: str, keys: list[str], clusters: int, options: dict[str, Any], tmp_path: Path
) -> None:
    adata = planted(700, 5, 3, seed=len(name), spread=1.0)
    x = adata.obsm["X_pca"].astype(float)
    centres = x[np.random.default_rng(1).choice(len(x), clusters, replace=False)]
    adata.uns["centres"] = centres
    flags = [f"--{option.replace('_', '-')}={','.join(map(str, np.atleast_1d(v)))}" for option, v in options.items()]
    ours, report = corrected(adata, tmp_path, "--key", ",".join(keys), "--centres", "centres", *flags)
    codes = [pd.Categorical(adata.obs[key]).codes for key in keys]
    expected, objectives = harmony(x, codes, centres, Options(**options))
    assert report["clusters"] == clusters
    np.testing.assert_allclose(report["objectives"], objectives, rtol=1e-6)
    scale = np.abs(expected - x).max()
    assert scale > 0.5
    np.testing.assert_allclose(ours.obsm["X_pca_harmony"], expected, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize(
    ("keys", "clusters", "flags", "options"),
    [
        (["batch"], 1, [], {}),
        (["batch", "second"], 1, [], {}),
        (["batch"], 4, [], {}),
        (["batch", "second"], 4, ["--theta=2,1"], {"theta": [2, 1]}),
        (["batch"], 4, ["--ridge-lambda=1", "--theta=4"], {"lamb": 1.0, "theta": 4}),
        (["batch", "second"], 4, ["--tau=20", "--alpha=1"], {"tau": 20, "alpha": 1.0}),
    ],
)
def test_the_same_numbers_as_harmonypy_where_nothing_is_left_to_chance(
    keys: list[str], clusters: int, flags: list[str], options: dict[str, Any], tmp_path: Path
) -> None:
    """All cells in one block, and kinds so clear that k-means finds them."""
    adata = planted(600, 4, 3, spread=6.0)
    arguments = ["--key", ",".join(keys), "--n-clusters", str(clusters), "--block-proportion=1", *flags]
    ours, _ = corrected(adata, tmp_path, *arguments)
    assert np.abs(ours.obsm["X_pca_harmony"] - adata.obsm["X_pca"]).max() > 0.5
    assert nearest(ours.obsm["X_pca_harmony"], adata, keys, nclust=clusters, **options) < 2e-5


@pytest.mark.parametrize(
    ("which", "keys", "seeds"),
    [("pbmcs", ["batch"], 6), ("planted", ["batch"], 1), ("planted", ["batch", "second"], 1), ("many", ["batch"], 1)],
)
def test_batches_are_mixed_and_kinds_are_kept_as_by_harmonypy(
    which: str, keys: list[str], seeds: int, tmp_path: Path
) -> None:
    adata = {
        "pbmcs": pbmcs,
        "planted": lambda: planted(3000, 8, 3, seed=3),
        "many": lambda: planted(3000, 6, 12, seed=4),
    }[which]()
    before = adata.obsm["X_pca"]

    def measures(x: np.ndarray) -> list[float]:
        mixed = [mixing(x, adata.obs[key]) for key in keys]
        return [*mixed, purity(x, adata.obs["kind"]), kept(before, x, adata.obs["batch"])]

    arguments = ["--key", ",".join(keys), "--seed"]
    ours = [corrected(adata, tmp_path, *arguments, str(seed))[0].obsm["X_pca_harmony"] for seed in range(seeds)]
    theirs = [harmonypys(adata, keys, random_state=seed) for seed in range(seeds)]
    reached, expected = (np.mean([measures(x) for x in runs], axis=0) for runs in (ours, theirs))
    assert reached[0] > mixing(before, adata.obs[keys[0]]) + 0.2, reached
    assert (reached >= expected - MARGIN).all(), (reached, expected)
    assert min(correlations(a, b).min() for a, b in zip(ours, theirs, strict=True)) > 0.97


def test_everything_is_stored_as_scanpy_stores_it(tmp_path: Path) -> None:
    adata = pbmcs()
    ours, report = corrected(adata, tmp_path, "--key", "batch")
    assert ours.obsm["X_pca_harmony"].dtype == np.float64 and ours.obsm["X_pca_harmony"].shape == (1300, 30)
    assert set(ours.obsm) == {*adata.obsm, "X_pca_harmony"} and set(ours.uns) == set(adata.uns)
    np.testing.assert_array_equal(ours.obsm["X_pca"], adata.obsm["X_pca"])
    pd.testing.assert_frame_equal(ours.obs, adata.obs)
    assert (ours.X != adata.X).nnz == 0
    assert report["clusters"] == 43 and report["converged"]

    adata = adata.copy()
    adata.obsm["X_other"] = adata.obsm["X_pca"][:, :7].astype(np.float64)
    source, target = tmp_path / "in.h5ad", tmp_path / "out.zarr"
    adata.write_h5ad(source)
    arguments = ["--key=batch", "--basis=X_other", "--adjusted-basis=X_mixed"]
    done = command(["harmony-integrate", str(source), "-o", str(target), "-q", *arguments])
    assert done.code == 0, str(done)
    assert ad.read_zarr(target).obsm["X_mixed"].shape == (1300, 7)


def test_neighbours_of_the_corrected_embedding(tmp_path: Path) -> None:
    corrected(pbmcs(), tmp_path, "--key", "batch")
    target = tmp_path / "graph.h5ad"
    done = command(["neighbors", str(tmp_path / "out.h5ad"), "-o", str(target), "-q", "--use-rep", "X_pca_harmony"])
    assert done.code == 0, str(done)
    ours = ad.read_h5ad(target)
    assert ours.uns["neighbors"]["params"]["use_rep"] == "X_pca_harmony"
    distances, _ = NearestNeighbors(n_neighbors=15).fit(ours.obsm["X_pca_harmony"]).kneighbors()
    stored = np.sort(ours.obsp["distances"].data.reshape(1300, 14), axis=1)
    np.testing.assert_allclose(stored, distances[:, :14], rtol=1e-5)
    batch = ours.obs["batch"].to_numpy()
    rows, columns = ours.obsp["distances"].nonzero()
    assert np.mean(batch[rows] != batch[columns]) > 0.1


def test_the_same_bits_for_any_number_of_threads_and_any_memory(tmp_path: Path) -> None:
    adata = planted(4500, 6, 3)
    arguments = ["--key", "batch,second", "--tol-harmony", "0"]
    values = [
        corrected(adata, tmp_path, *arguments, *more)[0].obsm["X_pca_harmony"]
        for more in (["-t1"], ["-t2"], ["-t3", "--memory=90M"], ["--seed=1"])
    ]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])
    assert (values[0] != values[3]).any()


def test_keys_of_any_type_and_unused_categories(tmp_path: Path) -> None:
    adata = planted(500, 4, 3)
    codes = adata.obs["batch"].cat.codes.to_numpy()
    adata.obs["unused"] = pd.Categorical([f"b{code}" for code in codes], categories=["z", "b2", "b1", "a", "b0"])
    adata.obs["text"] = [f"b{code}" for code in codes]
    adata.obs["whole"] = codes.astype(np.int64) * 7
    adata.obs["real"] = codes / 3
    adata.obs["truth"] = codes > 0
    wanted = corrected(adata, tmp_path, "--key", "batch")[0].obsm["X_pca_harmony"]
    for key in ("text", "whole", "real"):
        np.testing.assert_array_equal(corrected(adata, tmp_path, "--key", key)[0].obsm["X_pca_harmony"], wanted)
    unused = corrected(adata, tmp_path, "--key", "unused")[0].obsm["X_pca_harmony"]
    np.testing.assert_allclose(unused, wanted, atol=0.02)
    assert (corrected(adata, tmp_path, "--key", "truth")[0].obsm["X_pca_harmony"] != wanted).any()


def test_one_batch_and_batches_of_one_cell(tmp_path: Path) -> None:
    adata = planted(400, 4, 2)
    adata.obs["one"] = "all"
    adata.obs["lone"] = np.where(np.arange(400) == 123, "lone", adata.obs["batch"])
    adata.obs["each"] = np.arange(400)
    same = corrected(adata, tmp_path, "--key", "one")[0].obsm["X_pca_harmony"]
    np.testing.assert_array_equal(same, adata.obsm["X_pca"].astype(float))
    np.testing.assert_allclose(harmonypys(adata, ["one"]), same, atol=1e-5)
    ours = corrected(adata, tmp_path, "--key", "lone")[0].obsm["X_pca_harmony"]
    theirs = harmonypys(adata, ["lone"])
    assert np.isfinite(ours).all()
    others = np.arange(400) != 123
    assert correlations(ours[others], theirs[others]).min() > 0.98
    for key in ("each", "batch,each", "batch,batch"):
        assert np.isfinite(corrected(adata, tmp_path, "--key", key)[0].obsm["X_pca_harmony"]).all()


@pytest.mark.parametrize("cells", [0, 1, 2, 3, 14, 31])
def test_few_cells(cells: int, tmp_path: Path) -> None:
    ours, report = corrected(planted(200, 3, 2)[:cells].copy(), tmp_path, "--key", "batch")
    assert ours.obsm["X_pca_harmony"].shape == (cells, 20) and np.isfinite(ours.obsm["X_pca_harmony"]).all()
    assert report["clusters"] == min(cells, 1)


def test_what_cannot_be_corrected_is_refused(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"

    def refused(adata: ad.AnnData, *arguments: str) -> str:
        adata.write_h5ad(source)
        done = run(source, target, *arguments)
        assert done.code in (2, 3, 4, 5, 6, 7) and not target.exists(), str(done)
        return done.stderr

    adata = planted(60, 3, 2)
    holes = adata.copy()
    holes.obs.loc["c17", "batch"] = np.nan
    message = refused(holes, "--key", "second,batch")
    assert "obs/batch" in message and "row 17" in message
    holes.obs["number"] = np.where(np.arange(60) == 5, np.nan, 1.0)
    assert "row 5" in refused(holes, "--key", "number")
    holes.obsm["X_pca"][31, 4] = np.inf
    message = refused(holes, "--key", "second")
    assert "obsm/X_pca" in message and "row 31" in message
    assert "no column 'nothing'" in refused(adata, "--key", "batch,nothing")
    assert "X_scvi" in refused(adata, "--key", "batch", "--basis", "X_scvi")
    assert "61 clusters" in refused(adata, "--key", "batch", "--n-clusters", "61")
    assert "theta" in refused(adata, "--key", "batch", "--theta", "1,2,3")
    assert "ridge_lambda" in refused(adata, "--key", "batch", "--ridge-lambda", "0")
    assert "sigma" in refused(adata, "--key", "batch", "--sigma", "0")
    assert "--key" in refused(adata)
    large = planted(20_000, 3, 2)
    assert "--memory" in refused(large, "--key", "batch", "--memory", "45M")


def test_the_reference_is_harmonypy() -> None:
    """The numpy algorithm with all cells in one block, from the centres of clear kinds."""
    adata = planted(500, 4, 3, spread=6.0)
    x = adata.obsm["X_pca"].astype(float)
    kinds = adata.obs["kind"].cat.codes.to_numpy()
    centres = np.array([unit(x)[kinds == kind].mean(axis=0) for kind in range(4)])
    codes = [pd.Categorical(adata.obs[key]).codes for key in ("batch", "second")]
    expected, _ = harmony(x, codes, centres, Options(block_proportion=1.0))
    assert nearest(expected, adata, ["batch", "second"], nclust=4) < 2e-5
