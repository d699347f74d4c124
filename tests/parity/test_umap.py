"""`annstream umap` against `scanpy.tl.umap`: pictures of the same quality, stored the same way."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"
NEIGHBORS = 15
MARGIN = 0.005
"""By how much a measure of ours may be below the reference's."""


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["umap", str(source), "-o", str(target), "--force", "-q", "--json", *arguments])


def pictured(adata: ad.AnnData, folder: Path, *arguments: str) -> ad.AnnData:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


def scanpys(adata: ad.AnnData, **options: object) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.tl.umap(adata, copy=True, **options)


def with_neighbors(adata: ad.AnnData) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata, n_neighbors=NEIGHBORS, use_rep="X_pca")
    return adata


@cache
def pbmc() -> ad.AnnData:
    """Real cells with scanpy's graph; not to be changed."""
    adata = ad.read_h5ad(DEMO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, n_top_genes=1000)
        sc.pp.pca(adata, n_comps=30)
    return with_neighbors(adata)


@cache
def blobs(distance: float, cells: int = 1500, groups: int = 8) -> ad.AnnData:
    """Groups of cells around centres that are so far from each other; not to be changed."""
    rng = np.random.default_rng(groups)
    centres = rng.normal(size=(groups, 20))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    labels = rng.integers(groups, size=cells)
    obs = pd.DataFrame({"group": pd.Categorical(labels.astype(str))}, index=[f"c{i}" for i in range(cells)])
    adata = ad.AnnData(sparse.csr_matrix((cells, 1), dtype=np.float32), obs=obs)
    adata.obsm["X_pca"] = (centres[labels] + rng.normal(size=(cells, 20))).astype(np.float32)
    return with_neighbors(adata)


def of_graph(matrix: object) -> ad.AnnData:
    """Cells of which nothing is known but their graph."""
    matrix = sparse.csr_matrix(matrix, dtype=np.float32)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(matrix.shape[0])]))
    adata.obsp["connectivities"] = matrix
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "distances_key": "distances", "params": {}}
    return adata


def random_graph(cells: int, degree: int, seed: int = 0) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(cells, size=(2, cells * degree))
    matrix = sparse.csr_matrix((rng.random(cells * degree) + 0.1, (rows, columns)), shape=(cells, cells))
    matrix = sparse.csr_matrix(matrix.maximum(matrix.T))
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix


def kept(high: np.ndarray, low: np.ndarray) -> float:
    """The share of nearest neighbours that are nearest neighbours in the picture."""
    near, pictured = (
        NearestNeighbors(n_neighbors=NEIGHBORS).fit(x).kneighbors(return_distance=False) for x in (high, low)
    )
    return float(np.mean([len(np.intersect1d(a, b)) / NEIGHBORS for a, b in zip(near, pictured, strict=True)]))


def is_picture(adata: ad.AnnData, components: int = 2) -> np.ndarray:
    picture = adata.obsm["X_umap"]
    assert picture.shape == (adata.n_obs, components) and picture.dtype == np.float32
    assert np.isfinite(picture).all()
    return picture


@pytest.mark.parametrize("which", ["pbmc", "near", "far"])
def test_pictures_are_as_good_as_scanpys(which: str, tmp_path: Path) -> None:
    adata = {"pbmc": pbmc, "near": lambda: blobs(4), "far": lambda: blobs(30)}[which]()
    reference = scanpys(adata)
    high = adata.obsm["X_pca"]
    theirs = [reference.obsm["X_umap"]]
    ours = [is_picture(pictured(adata, tmp_path, "--seed", str(seed))) for seed in range(2)]

    def measures(picture: np.ndarray) -> np.ndarray:
        values = [trustworthiness(high, picture, n_neighbors=NEIGHBORS), kept(high, picture)]
        if "group" in adata.obs:
            values.append(float(silhouette_score(picture, adata.obs["group"]) > 0.5))
        return np.array(values)

    best, expected = np.mean([measures(x) for x in ours], axis=0), np.mean([measures(x) for x in theirs], axis=0)
    assert best[0] >= expected[0] - MARGIN, (best, expected)
    assert best[1] >= expected[1] - 2 * MARGIN, (best, expected)
    assert (best[2:] >= expected[2:]).all(), (best, expected)


def test_everything_is_stored_as_scanpy_stores_it(tmp_path: Path) -> None:
    adata = pbmc()[:400].copy()
    adata = with_neighbors(adata)
    adata.uns["umap"] = {"old": 1}
    adata.obsm["X_umap"] = np.zeros((400, 3))
    for arguments, options in [
        ((), {}),
        (("--seed", "3", "--min-dist", "0.1"), {"random_state": 3, "min_dist": 0.1}),
        (("--spread", "2.5", "--min-dist", "0"), {"spread": 2.5, "min_dist": 0.0}),
        (("--a", "1.2", "--b", "0.8"), {"a": 1.2, "b": 0.8}),
    ]:
        ours, theirs = pictured(adata, tmp_path, "--maxiter", "20", *arguments), scanpys(adata, maxiter=20, **options)
        is_picture(ours)
        assert ours.obsm["X_umap"].dtype == theirs.obsm["X_umap"].dtype
        assert set(ours.uns["umap"]) == {"params"} == set(theirs.uns["umap"])
        params, expected = ours.uns["umap"]["params"], theirs.uns["umap"]["params"]
        assert list(params) == sorted(expected)
        for name in ("a", "b"):
            assert params[name] == pytest.approx(expected[name], abs=1e-4)
        assert params.get("random_state") == expected.get("random_state")
        np.testing.assert_array_equal(ours.obsm["X_pca"], adata.obsm["X_pca"])
        assert (ours.obsp["connectivities"] != adata.obsp["connectivities"]).nnz == 0
        pd.testing.assert_frame_equal(ours.obs, adata.obs)
        assert (ours.X != adata.X).nnz == 0


def test_the_same_bits_for_any_number_of_threads(tmp_path: Path) -> None:
    pictures = [pictured(pbmc(), tmp_path, "--maxiter", "30", "-t", threads).obsm["X_umap"] for threads in "123"]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])
    other = pictured(pbmc(), tmp_path, "--maxiter", "30", "--seed", "1").obsm["X_umap"]
    assert (other != pictures[0]).any()


@pytest.mark.parametrize("init_pos", ["spectral", "random", "pca", "X_pca"])
@pytest.mark.parametrize("components", [1, 2, 3, 10])
def test_where_cells_begin(init_pos: str, components: int, tmp_path: Path) -> None:
    adata = blobs(12, cells=400, groups=3)
    arguments = ["--init-pos", init_pos, "--n-components", str(components)]
    picture = is_picture(pictured(adata, tmp_path, *arguments), components)
    if components > 1:
        assert silhouette_score(picture, adata.obs["group"]) > 0.5


@pytest.mark.parametrize("cells", range(6))
@pytest.mark.parametrize("init_pos", ["spectral", "random"])
def test_few_cells(cells: int, init_pos: str, tmp_path: Path) -> None:
    full = np.ones((cells, cells)) - np.eye(cells)
    for matrix in (full, np.zeros((cells, cells)), np.diag(np.ones(max(cells - 1, 0)), 1)[:cells, :cells]):
        symmetric = np.maximum(matrix, matrix.T)
        is_picture(pictured(of_graph(symmetric), tmp_path, "--init-pos", init_pos))


def test_graphs_in_parts(tmp_path: Path) -> None:
    parts = [random_graph(cells, 6, cells) for cells in (300, 40, 40, 12, 3, 2)]
    lone = sparse.csr_matrix((25, 25))
    adata = of_graph(sparse.block_diag([*parts, lone], format="csr"))
    picture = is_picture(pictured(adata, tmp_path))
    near = NearestNeighbors(n_neighbors=3).fit(picture).kneighbors(return_distance=False)
    part = np.repeat(np.arange(len(parts) + 25), [p.shape[0] for p in parts] + [1] * 25)
    large = part < 4
    assert np.mean(part[near[large]] == part[large][:, None]) > 0.97


def test_constant_weights(tmp_path: Path) -> None:
    matrix = random_graph(500, 5)
    matrix.data[:] = 0.25
    is_picture(pictured(of_graph(matrix), tmp_path))
    is_picture(pictured(of_graph(matrix * 0), tmp_path))


def test_what_cannot_be_laid_out_is_refused(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"

    def refused(adata: ad.AnnData, *arguments: str) -> str:
        adata.write_h5ad(source)
        done = run(source, target, *arguments)
        assert done.code in (2, 3, 4) and not target.exists(), str(done)
        return done.stderr

    matrix = random_graph(20, 3)
    bare = of_graph(matrix)
    del bare.uns["neighbors"]
    assert "neighbo" in refused(bare)
    one_way = matrix.copy().tolil()
    one_way[3, :] = 0
    assert "one direction" in refused(of_graph(one_way.tocsr()))
    for value in (np.nan, -1.0):
        broken = matrix.copy()
        broken.data[2] = value
        assert "a weight of" in refused(of_graph(broken))
    adata = of_graph(matrix)
    assert "paga" in refused(adata, "--init-pos", "paga")
    assert "obsm" in refused(adata, "--init-pos", "X_pca")
    assert "spread" in refused(adata, "--spread", "0")
    assert "components" in refused(adata, "--n-components", "0")
    assert "uns/other" in refused(adata, "--neighbors-key", "other")


def test_another_key(tmp_path: Path) -> None:
    adata = blobs(4).copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata, n_neighbors=30, use_rep="X_pca", key_added="wide")
    usual = pictured(adata, tmp_path, "--maxiter", "20").obsm["X_umap"]
    other = pictured(adata, tmp_path, "--maxiter", "20", "--neighbors-key", "wide").obsm["X_umap"]
    assert (usual != other).any()
