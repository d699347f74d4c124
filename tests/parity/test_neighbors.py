"""`annstream neighbors` against `scanpy.pp.neighbors`: neighbours, distances, connectivities and keys."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse
from scipy.spatial import distance
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import fuzzy_simplicial_set

from . import real_data
from .runner import Run
from .runner import run as command
from .scanpy_flow import tutorial

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"
LOOSE = 5e-5
"""Of weights whose distances differ in the last bit: umap's bisection may stop a step earlier."""


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["neighbors", str(source), "-o", str(target), "--force", "-q", *arguments])


def ours(source: Path, target: Path, *arguments: str) -> ad.AnnData:
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def theirs(source: Path, **options: Any) -> ad.AnnData:
    adata = ad.read_h5ad(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata, **options)
    return adata


def blobs(rows: int, width: int = 12, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (6, width))
    return (centres[rng.integers(0, 6, rows)] + rng.normal(0, 1, (rows, width))).astype(np.float32)


def write(path: Path, embedding: np.ndarray, *, genes: int = 60) -> Path:
    rng = np.random.default_rng(1)
    rows = len(embedding)
    obs = pd.DataFrame({"kind": pd.Categorical(rng.choice(list("ab"), rows))}, index=[f"c{i}" for i in range(rows)])
    counts = sparse.csr_matrix(rng.poisson(0.5, (rows, genes)).astype(np.float32))
    adata = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(genes)]))
    adata.obsm["X_pca"] = embedding
    adata.obsm["X_other"] = embedding[:, ::-1].astype(np.float64).copy()
    adata.uns["pca"] = {"kept": 1}
    adata.write_h5ad(path)
    return path


def rows_of(graph: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    per_row = np.diff(graph.indptr)
    assert (per_row == per_row[0]).all()
    return graph.indices.reshape(-1, per_row[0]), graph.data.reshape(-1, per_row[0])


def same_distances(mine: sparse.csr_matrix, their: sparse.csr_matrix, *, ties: bool = False) -> None:
    assert isinstance(mine, sparse.csr_matrix) and mine.shape == their.shape and mine.dtype == their.dtype
    assert mine.indices.dtype == their.indices.dtype and mine.indptr.dtype == their.indptr.dtype
    (ids, values), (their_ids, their_values) = rows_of(mine), rows_of(their)
    assert ids.shape == their_ids.shape
    assert (np.diff(values, axis=1) >= 0).all()
    assert (ids != np.arange(len(ids))[:, None]).all()
    np.testing.assert_allclose(values, np.sort(their_values, axis=1), rtol=1e-5, atol=2e-5)
    if not ties:
        np.testing.assert_array_equal(np.sort(ids, axis=1), np.sort(their_ids, axis=1))


def same_graph(mine: sparse.csr_matrix, their: sparse.csr_matrix, tolerance: float = 1e-5) -> None:
    assert mine.dtype == np.float32 and mine.has_sorted_indices
    assert abs(mine - their).max() < tolerance
    assert (mine != mine.T).nnz == 0 and mine.diagonal().max(initial=0) == 0


def same_entry(mine: dict[str, Any], their: dict[str, Any]) -> None:
    assert list(mine) == ["connectivities_key", "distances_key", "params"]
    assert mine["connectivities_key"] == their["connectivities_key"]
    assert mine["distances_key"] == their["distances_key"]
    assert dict(mine["params"]) == dict(their["params"])


def union(distances: sparse.csr_matrix, n_neighbors: int) -> sparse.csr_matrix:
    """What umap-learn makes of these neighbours."""
    ids, values = rows_of(distances)
    ids = np.hstack([np.arange(len(ids))[:, None], ids])
    values = np.hstack([np.zeros((len(ids), 1)), values])
    graph, _, _ = fuzzy_simplicial_set(
        sparse.coo_matrix((len(ids), 1)), n_neighbors, None, None, knn_indices=ids, knn_dists=values
    )
    return graph.tocsr()


@pytest.mark.parametrize("method", ["umap", "gauss"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation", "manhattan"])
def test_equals_scanpy(metric: str, method: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(900))
    mine = ours(source, tmp_path / "out.h5ad", "--metric", metric, "--method", method)
    their = theirs(source, metric=metric, method=method)
    same_distances(mine.obsp["distances"], their.obsp["distances"])
    # Cosines of scanpy are single precision, and small distances have few digits.
    same_graph(mine.obsp["connectivities"], their.obsp["connectivities"], 3e-4 if metric == "cosine" else LOOSE)
    same_entry(mine.uns["neighbors"], their.uns["neighbors"])
    if method == "umap":
        same_graph(mine.obsp["connectivities"], union(mine.obsp["distances"], 15))
    # All else is copied.
    pd.testing.assert_frame_equal(mine.obs, their.obs)
    np.testing.assert_array_equal(mine.obsm["X_pca"], their.obsm["X_pca"])
    assert mine.uns["pca"] == {"kept": 1} and (mine.X != their.X).nnz == 0


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--n-neighbors", "5"], {"n_neighbors": 5}),
        (["--n-neighbors", "2"], {"n_neighbors": 2}),
        (["--n-neighbors", "60", "--n-pcs", "7"], {"n_neighbors": 60, "n_pcs": 7}),
        (["--use-rep", "X_other", "--key-added", "mine"], {"use_rep": "X_other", "key_added": "mine"}),
        (["--use-rep", "X_other", "--n-pcs", "3"], {"use_rep": "X_other", "n_pcs": 3}),
        (
            ["--seed", "7", "--method", "gauss", "--n-neighbors", "10"],
            {"random_state": 7, "method": "gauss", "n_neighbors": 10},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options(arguments: list[str], options: dict[str, Any], tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(400))
    mine, their = ours(source, tmp_path / "out.zarr", *arguments), theirs(source, **options)
    key = options.get("key_added", "neighbors")
    same_entry(mine.uns[key], their.uns[key])
    assert set(mine.obsp) == set(their.obsp)
    entry = their.uns[key]
    same_distances(mine.obsp[entry["distances_key"]], their.obsp[entry["distances_key"]])
    same_graph(mine.obsp[entry["connectivities_key"]], their.obsp[entry["connectivities_key"]], LOOSE)


@pytest.mark.parametrize(
    ("arguments", "options"), [(["--n-pcs", "0"], {"n_pcs": 0}), (["--use-rep", "X"], {"use_rep": "X"})]
)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_x(layout: str, arguments: list[str], options: dict[str, Any], tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(200))
    adata = ad.read_h5ad(source)
    noise = np.random.default_rng(3).random(adata.shape)
    adata.X = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[layout](
        adata.X.toarray() * noise
    )
    adata.write_h5ad(source)
    mine, their = ours(source, tmp_path / "out.h5ad", *arguments), theirs(source, **options)
    same_distances(mine.obsp["distances"], their.obsp["distances"])
    same_entry(mine.uns["neighbors"], their.uns["neighbors"])


def test_few_genes_are_the_embedding(tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(200), genes=50)
    adata = ad.read_h5ad(source)
    adata.X = np.random.default_rng(3).random(adata.shape)
    adata.write_h5ad(source)
    mine, their = ours(source, tmp_path / "out.h5ad", "--n-pcs", "4"), theirs(source, n_pcs=4)
    same_distances(mine.obsp["distances"], their.obsp["distances"])
    same_entry(mine.uns["neighbors"], their.uns["neighbors"])


@pytest.mark.parametrize("rows", [2, 3, 14, 15, 16])
def test_few_cells(rows: int, tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(rows))
    mine, their = ours(source, tmp_path / "out.h5ad"), theirs(source)
    same_distances(mine.obsp["distances"], their.obsp["distances"])
    same_graph(mine.obsp["connectivities"], their.obsp["connectivities"], LOOSE)
    same_entry(mine.uns["neighbors"], their.uns["neighbors"])


def test_equal_cells(tmp_path: Path) -> None:
    """Cells at distance zero are neighbours, and stored; scanpy may list the cell itself instead of one of them."""
    embedding = blobs(300)
    embedding[:40] = embedding[0]
    embedding[100:103] = embedding[100]
    source = write(tmp_path / "in.h5ad", embedding)
    mine, their = ours(source, tmp_path / "out.h5ad"), theirs(source)
    same_distances(mine.obsp["distances"], their.obsp["distances"], ties=True)
    same_graph(mine.obsp["connectivities"], union(mine.obsp["distances"], 15))
    assert rows_of(mine.obsp["distances"])[1][:40].max() == 0


def test_refusals(tmp_path: Path) -> None:
    target = tmp_path / "out.h5ad"
    embedding = blobs(30)
    source = write(tmp_path / "in.h5ad", embedding)
    bare = ad.read_h5ad(source)
    del bare.obsm["X_pca"]
    bare.write_h5ad(tmp_path / "bare.h5ad")
    for bad, name in [(np.nan, "nan"), (np.inf, "inf")]:
        embedding[7, 2] = bad
        write(tmp_path / f"{name}.h5ad", embedding)
    write(tmp_path / "one.h5ad", blobs(1))
    write(tmp_path / "none.h5ad", blobs(0))
    for name, arguments, says in [
        ("bare", [], "run annstream pca"),
        ("nan", [], "row 7: the embedding has NaN in column 2"),
        ("inf", [], "row 7: the embedding has inf"),
        ("one", [], "neighbours need two"),
        ("none", [], "neighbours need two"),
        ("in", ["--use-rep", "X_none"], "obsm has"),
        ("in", ["--n-pcs", "13"], "12 dimensions"),
        ("in", ["--use-rep", "X_pca", "--n-pcs", "0"], "no dimensions"),
        ("in", ["--n-neighbors", "1"], "2 or more"),
        ("in", ["--metric", "hamming"], "known are euclidean"),
        ("in", ["--key-added", "a/b"], "slash"),
    ]:
        done = run(tmp_path / f"{name}.h5ad", target, *arguments)
        assert done.code in {2, 3, 4, 6} and says in done.stderr, str(done)
        assert not target.exists()


@pytest.mark.parametrize("name", ["demo", "kang_stim_dense_f32.h5ad"])
def test_real(name: str, tmp_path: Path) -> None:
    """Real cells: 4,340 and 7,466; the first is within scanpy's exact range for all metrics but not for cosine."""
    path = DEMO if name == "demo" else real_data.path_of(name)
    source = tmp_path / "in.h5ad"
    tutorial(ad.read_h5ad(path)).write_h5ad(source)
    mine, their = ours(source, tmp_path / "out.h5ad"), theirs(source)
    same_distances(mine.obsp["distances"], their.obsp["distances"])
    same_graph(mine.obsp["connectivities"], their.obsp["connectivities"], LOOSE)
    same_graph(mine.obsp["connectivities"], union(mine.obsp["distances"], 15))
    nearly = ours(source, tmp_path / "nearly.h5ad", "--search", "approximate")
    assert recall(nearly.obsp["distances"], rows_of(mine.obsp["distances"])[1].max(axis=1)) > 0.98
    # The next steps of scanpy find it.
    sc.tl.diffmap(mine)
    assert np.isfinite(mine.obsm["X_diffmap"]).all()


def recall(found: sparse.csr_matrix, reach: np.ndarray) -> float:
    """The share of what was found that is as near as the last of the true neighbours."""
    return float((rows_of(found)[1] <= reach[:, None] * (1 + 1e-5) + 1e-7).mean())


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation", "manhattan"])
def test_approximate(metric: str, tmp_path: Path) -> None:
    """More than 99 % of the true neighbours: as many as pynndescent could find, less a hundredth."""
    embedding = blobs(4000, 30)
    source = write(tmp_path / "in.h5ad", embedding)
    nearly = ours(source, tmp_path / "out.h5ad", "--search=approximate", "--metric", metric)
    assert recall(nearly.obsp["distances"], reach(embedding, metric)) > 0.99
    ids, values = rows_of(nearly.obsp["distances"])
    own = embedding.astype(np.float64)
    for cell in range(0, 4000, 40):
        true = distance.cdist(own[[cell]], own[ids[cell]], "cityblock" if metric == "manhattan" else metric)[0]
        np.testing.assert_allclose(values[cell], true, rtol=1e-5, atol=2e-5)
    their = theirs(write(tmp_path / "few.h5ad", embedding[:300]), metric=metric)
    for name in ("distances", "connectivities"):
        assert nearly.obsp[name].dtype == their.obsp[name].dtype
    if metric == "euclidean":
        same_graph(nearly.obsp["connectivities"], union(nearly.obsp["distances"], 15))


def reach(embedding: np.ndarray, metric: str) -> np.ndarray:
    """How far the 14th neighbour of each cell is, by comparing all pairs."""
    embedding = embedding.astype(np.float64)
    if metric == "correlation":
        embedding, metric = embedding - embedding.mean(axis=1, keepdims=True), "cosine"
    # The cell itself is the first.
    search = NearestNeighbors(n_neighbors=15, algorithm="brute", metric=metric).fit(embedding)
    return search.kneighbors(embedding)[0].max(axis=1)


def test_the_same_again(tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(6000, 20))
    files = []
    for i, arguments in enumerate([["--threads", "1"], ["--threads", "3"], ["--memory", "256M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        ours(source, files[-1], "--search", "approximate", *arguments)
    assert len({path.read_bytes() for path in files}) == 1


def test_keys_that_are_there_are_replaced(tmp_path: Path) -> None:
    source, once, twice = (tmp_path / name for name in ["in.h5ad", "once.h5ad", "twice.h5ad"])
    write(source, blobs(100))
    ours(source, once, "--n-neighbors", "30", "--use-rep", "X_other")
    mine, their = ours(once, twice, "--n-neighbors", "8"), theirs(once, n_neighbors=8)
    same_entry(mine.uns["neighbors"], their.uns["neighbors"])
    same_distances(mine.obsp["distances"], their.obsp["distances"])


def test_plan_writes_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "in.h5ad", blobs(100))
    done = run(source, tmp_path / "out.h5ad", "--plan")
    assert done.code == 0 and "obsm/X_pca: 100 cells x 12 dimensions" in done.stdout
    assert not (tmp_path / "out.h5ad").exists()
