"""`annstream diffmap` against `scanpy.tl.diffmap`, and against the definition in double precision."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .graph_files import demo, layout, of_graph
from .runner import ROOT, Run
from .runner import run as command

NOISE = 1e-6
"""How far the transition matrix of scanpy, of single precision, is from the one of the definition."""


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["diffmap", str(source), "-o", str(target), "--force", "-q", "--json", *arguments])


def mapped(adata: ad.AnnData, folder: Path, *arguments: str) -> ad.AnnData:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    assert done.report["residual"] < 1e-8
    return ad.read_h5ad(target)


def scanpys(adata: ad.AnnData, **options: object) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.tl.diffmap(adata, copy=True, **options)


def transitions(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The symmetric transition matrix, by its definition."""
    matrix = sparse.csr_matrix(matrix, dtype=np.float64)
    for power in (1, 0.5):
        sums = np.asarray(matrix.sum(axis=1)).ravel()
        scale = np.divide(1, sums**power, where=sums > 0, out=np.zeros_like(sums))
        matrix = sparse.csr_matrix(sparse.diags(scale) @ matrix @ sparse.diags(scale))
    return matrix


def is_map(adata: ad.AnnData, key: str = "connectivities") -> None:
    """Orthonormal eigenvectors, eigenvalues that fall, signs by the rule."""
    vectors, values = adata.obsm["X_diffmap"], adata.uns["diffmap_evals"]
    assert vectors.dtype == values.dtype == np.float32
    assert vectors.shape == (adata.n_obs, len(values))
    assert (np.diff(values) <= 0).all()
    vectors = vectors.astype(np.float64)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-5)
    np.testing.assert_allclose(transitions(adata.obsp[key]) @ vectors, vectors * values, atol=1e-6)
    for vector in vectors.T:
        largest = np.flatnonzero(np.abs(vector) >= np.abs(vector).max() * (1 - 1e-5))
        assert (vector[largest] > 0).any()


def is_scanpys(ours: ad.AnnData, theirs: ad.AnnData) -> None:
    """The same eigenvalues, and the same spaces of eigenvectors, as far as the noise of single precision allows."""
    values, expected = ours.uns["diffmap_evals"], theirs.uns["diffmap_evals"]
    assert values.dtype == expected.dtype
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=NOISE)
    left, right = ours.obsm["X_diffmap"].astype(float), theirs.obsm["X_diffmap"].astype(float)
    assert ours.obsm["X_diffmap"].dtype == theirs.obsm["X_diffmap"].dtype
    assert left.shape == right.shape
    # Eigenvalues next to each other mix; the last ones with those that were not asked for.
    cuts = [0, *(np.flatnonzero(np.diff(expected) < -2e-4) + 1)]
    for start, end in itertools.pairwise(cuts):
        gap = min(expected[max(start - 1, 0)] - expected[start] if start else 1, expected[end - 1] - expected[end])
        angles = np.linalg.svd(left[:, start:end].T @ right[:, start:end], compute_uv=False)
        assert np.sqrt(np.maximum(1 - angles**2, 0)).max() < max(10 * NOISE / gap, 2e-3), (start, end)
    assert len(cuts) > 3


def test_real_cells(tmp_path: Path) -> None:
    adata = demo()
    ours = mapped(adata, tmp_path)
    is_map(ours)
    theirs = scanpys(adata)
    is_scanpys(ours, theirs)
    # Where an eigenvalue is alone, vectors are those of scanpy but for the sign.
    for i in range(5):
        ours_i, theirs_i = ours.obsm["X_diffmap"][:, i], theirs.obsm["X_diffmap"][:, i]
        np.testing.assert_allclose(ours_i * np.sign(ours_i @ theirs_i), theirs_i, atol=1e-4)
    theirs.write_h5ad(tmp_path / "theirs.h5ad")
    for name in ("obsm/X_diffmap", "uns/diffmap_evals"):
        assert layout(tmp_path / "out.h5ad", name) == layout(tmp_path / "theirs.h5ad", name)
    assert set(ours.uns) == set(adata.uns) | {"diffmap_evals"}
    np.testing.assert_array_equal(ours.obsm["X_pca"], adata.obsm["X_pca"])


def test_more_real_cells(tmp_path: Path) -> None:
    files = [ROOT / "demo" / "donor_a.h5ad", tmp_path / "done.h5ad", tmp_path / "graph.h5ad"]
    for step, source, target in zip(["run", "neighbors"], files, files[1:], strict=False):
        done = command([step, str(source), "-o", str(target), "-q"])
        assert done.code == 0, str(done)
    adata = ad.read_h5ad(files[-1])
    ours = mapped(adata, tmp_path, "--n-comps=20")
    is_map(ours)
    is_scanpys(ours, scanpys(adata, n_comps=20))


def test_a_graph_of_scanpy(tmp_path: Path) -> None:
    adata = demo().copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata, n_neighbors=8, method="gauss", key_added="other")
    ours = mapped(adata, tmp_path, "--neighbors-key=other", "--n-comps=6")
    is_map(ours, "other_connectivities")
    is_scanpys(ours, scanpys(adata, neighbors_key="other", n_comps=6))


def strip(cells: int, seed: int = 0) -> sparse.csr_matrix:
    """Cells in a row, each joined to those near it."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(cells), 6)
    columns = np.minimum(rows + rng.integers(1, 20, len(rows)), cells - 1)
    matrix = sparse.csr_matrix((rng.random(len(rows)) + 0.05, (rows, columns)), shape=(cells, cells))
    return clean(matrix)


def tangle(cells: int) -> sparse.csr_matrix:
    """Cells joined to some others anywhere."""
    return clean(sparse.random(cells, cells, 4 / cells, format="csr", rng=np.random.default_rng(5)))


def clean(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(matrix.maximum(matrix.T))
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix.astype(np.float32)


@pytest.mark.parametrize("cells", [300, 700])
def test_a_strip(cells: int, tmp_path: Path) -> None:
    adata = of_graph(strip(cells))
    ours = mapped(adata, tmp_path)
    is_map(ours)
    is_scanpys(ours, scanpys(adata))


def test_eigenvalues_below_zero_and_twice(tmp_path: Path) -> None:
    """Those of largest magnitude count, as for scanpy."""
    for cells in (20, 411):
        ring = sparse.csr_matrix(np.roll(np.eye(cells), 1, 0))
        adata = of_graph(clean(ring))
        # Of an even ring with 6 components; of those of one magnitude either may come in.
        ours = mapped(adata, tmp_path, "--n-comps=6")
        is_map(ours)
        np.testing.assert_allclose(ours.uns["diffmap_evals"], scanpys(adata, n_comps=6).uns["diffmap_evals"], atol=1e-5)


def test_graphs_in_parts(tmp_path: Path) -> None:
    blocks = [strip(60), strip(420, 1), sparse.csr_matrix([[0, 1], [1, 0]]), strip(60, 2), sparse.csr_matrix((3, 3))]
    matrix = sparse.block_diag(blocks, format="csr")
    adata = of_graph(matrix)
    ours = mapped(adata, tmp_path, "--n-comps=10")
    is_map(ours)
    theirs = scanpys(adata, n_comps=10)
    np.testing.assert_allclose(ours.uns["diffmap_evals"], theirs.uns["diffmap_evals"], atol=1e-5)
    assert (ours.uns["diffmap_evals"][:4] == 1).all()
    part = connected_components(matrix)[1]
    owners = [np.unique(part[vector != 0]) for vector in ours.obsm["X_diffmap"].T]
    assert [list(owner) for owner in owners[:4]] == [[1], [0], [3], [2]]
    assert all(len(owner) == 1 for owner in owners)
    assert (ours.obsm["X_diffmap"][-3:] == 0).all()
    # The space of the eigenvalue 1 is that of scanpy.
    angles = np.linalg.svd(ours.obsm["X_diffmap"][:, :4].T @ theirs.obsm["X_diffmap"][:, :4], compute_uv=False)
    np.testing.assert_allclose(angles, 1, atol=1e-4)


@pytest.mark.parametrize("cells", [2, 3, 5, 12])
def test_more_components_than_cells(cells: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(cells)
    weights = np.triu(rng.random((cells, cells)) + 0.1, 1)
    adata = of_graph(sparse.csr_matrix((weights + weights.T).astype(np.float32)))
    ours = mapped(adata, tmp_path, "--n-comps=15")
    is_map(ours)
    assert len(ours.uns["diffmap_evals"]) == cells - 1
    theirs = scanpys(adata)
    np.testing.assert_allclose(ours.uns["diffmap_evals"], theirs.uns["diffmap_evals"], atol=1e-5)


def test_cells_without_edges(tmp_path: Path) -> None:
    ours = mapped(of_graph(sparse.csr_matrix((5, 5))), tmp_path, "--n-comps=3")
    np.testing.assert_array_equal(ours.uns["diffmap_evals"], [0, 0, 0])
    np.testing.assert_array_equal(ours.obsm["X_diffmap"], np.eye(5)[:, :3])


def test_the_same_again(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    of_graph(tangle(5000)).write_h5ad(source)
    files = []
    for i, arguments in enumerate([["-t1"], ["-t2"], ["-t3"], ["--memory=64M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        done = run(source, files[-1], *arguments)
        assert done.code == 0, str(done)
    assert len({path.read_bytes() for path in files}) == 1
    done = run(source, tmp_path / "out.zarr", "--plan")
    assert done.code == 0 and "obsp/connectivities" in done.stdout and not (tmp_path / "out.zarr").exists()


def test_what_has_no_map_is_refused(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"

    def refused(adata: ad.AnnData, *arguments: str) -> str:
        adata.write_h5ad(source)
        done = run(source, target, *arguments)
        assert done.code in (2, 3, 4, 7) and not target.exists(), str(done)
        return done.stderr

    matrix = strip(30)
    assert "expected 3 or more" in refused(of_graph(matrix), "--n-comps=2")
    for cells in (0, 1):
        assert "2 or more" in refused(of_graph(sparse.csr_matrix((cells, cells))))
    for value in (-1.0, np.nan):
        broken = matrix.copy()
        broken.data[3] = value
        assert "a weight of" in refused(of_graph(broken))
    uneven = matrix.copy()
    uneven.data[3] *= 2
    assert "have the weights" in refused(of_graph(uneven))
    assert "one direction" in refused(of_graph(sparse.csr_matrix(np.eye(4, k=1))))
    bare = of_graph(matrix)
    del bare.uns["neighbors"]
    assert "annstream neighbors" in refused(bare)
    assert "--memory" in refused(of_graph(tangle(5000)), "--memory=1M")
