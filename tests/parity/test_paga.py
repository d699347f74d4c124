"""`annstream paga` against `scanpy.tl.paga`."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree

from .graph_files import demo, layout, of_graph
from .runner import Run
from .runner import run as command


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["paga", str(source), "-o", str(target), "--force", "-q", "--json", *arguments])


def abstracted(adata: ad.AnnData, folder: Path, *arguments: str) -> ad.AnnData:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


def scanpys(adata: ad.AnnData, groups: str | None = None, **options: object) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.tl.paga(adata, groups, copy=True, **options)


def is_scanpys(ours: ad.AnnData, theirs: ad.AnnData, groups: str) -> None:
    """The same matrices to the bit; trees may differ where connections are equally strong."""
    assert ours.uns["paga"]["groups"] == theirs.uns["paga"]["groups"] == groups
    sizes = [adata.uns[f"{groups}_sizes"] for adata in (ours, theirs)]
    np.testing.assert_array_equal(*sizes)
    assert sizes[0].dtype == sizes[1].dtype
    left, right = (adata.uns["paga"]["connectivities"] for adata in (ours, theirs))
    assert isinstance(left, sparse.csr_matrix) and left.shape == right.shape
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(left, part), getattr(right, part))
        assert getattr(left, part).dtype == getattr(right, part).dtype
    left, right = (adata.uns["paga"]["connectivities_tree"] for adata in (ours, theirs))
    assert left.shape == right.shape and left.nnz == right.nnz and left.dtype == right.dtype
    # The cost is that of the best tree, and every edge is one of the graph.
    costs = [np.sort(1 / tree.data) for tree in (left, right)]
    np.testing.assert_allclose(costs[0].sum(), costs[1].sum(), rtol=1e-12)
    full = ours.uns["paga"]["connectivities"].toarray()
    rows, columns = left.nonzero()
    np.testing.assert_array_equal(full[rows, columns], np.asarray(left[rows, columns]).ravel())
    strong = np.unique(full[full > 0])
    if len(strong) * 2 == (full > 0).sum():
        # No two connections are equally strong: there is one tree only.
        np.testing.assert_array_equal(*((tree + tree.T).toarray() for tree in (left, right)))


@pytest.mark.parametrize("groups", [None, "cell_type"])
def test_real_cells(groups: str | None, tmp_path: Path) -> None:
    adata = demo()
    ours = abstracted(adata, tmp_path, *([] if groups is None else [f"--groups={groups}"]))
    theirs = scanpys(adata, groups)
    is_scanpys(ours, theirs, groups or "leiden")
    theirs.write_h5ad(tmp_path / "theirs.h5ad")
    names = ["uns/paga", f"uns/{groups or 'leiden'}_sizes"]
    for name in names:
        left, right = (layout(tmp_path / f"{which}.h5ad", name) for which in ("out", "theirs"))
        assert left == right
    pd.testing.assert_frame_equal(ours.obs, adata.obs)


def with_groups(matrix: object, codes: object, names: list[str]) -> ad.AnnData:
    adata = of_graph(matrix)
    adata.obs["kind"] = pd.Categorical.from_codes(codes, categories=names)
    return adata


@pytest.mark.parametrize("seed", range(5))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    cells, groups = int(rng.integers(5, 200)), int(rng.integers(2, 15))
    codes = rng.integers(0, groups, cells)
    codes[:2] = [0, 1]
    chance = np.where(codes[:, None] == codes[None, :], 0.3, rng.choice([0.005, 0.05, 0.3]))
    matrix = sparse.csr_matrix((rng.random((cells, cells)) < chance) * rng.random((cells, cells)))
    matrix[0, 1] = 0.5
    if seed % 2:
        matrix.setdiag(0)
        matrix.eliminate_zeros()
    # Duplicates are zero apart; they are neighbours all the same.
    matrix.data[:: 1 + seed] = 0
    adata = with_groups(matrix, codes, [f"g{i}" for i in range(groups)])
    is_scanpys(abstracted(adata, tmp_path, "--groups=kind"), scanpys(adata, "kind"), "kind")


def test_categories_that_no_cell_has(tmp_path: Path) -> None:
    """Those behind the last that has cells are no part of it, others are groups of none."""
    rng = np.random.default_rng(0)
    matrix = sparse.random(40, 40, 0.1, format="csr", rng=rng)
    codes = np.array([0, 2, 3])[rng.integers(0, 3, 40)]
    adata = with_groups(matrix, codes, list("abcdef"))
    ours = abstracted(adata, tmp_path, "--groups=kind")
    is_scanpys(ours, scanpys(adata, "kind"), "kind")
    assert ours.uns["kind_sizes"].shape == (4,) and ours.uns["kind_sizes"][1] == 0


def test_text_becomes_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    matrix = sparse.random(40, 40, 0.1, format="csr", rng=rng)
    adata = of_graph(matrix)
    adata.obs["kind"] = rng.choice(["b10", "b9", "a"], 40)
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata.write_h5ad(source, convert_strings_to_categoricals=False)
    assert ad.read_h5ad(source).obs["kind"].dtype != "category"
    done = run(source, target, "--groups=kind")
    assert done.code == 0, str(done)
    is_scanpys(ad.read_h5ad(target), scanpys(adata, "kind"), "kind")


def test_one_group_and_no_edges(tmp_path: Path) -> None:
    """There is nothing to connect; scanpy fails there."""
    matrix = sparse.random(20, 20, 0.2, format="csr", rng=np.random.default_rng(2))
    for graph, names in [
        (matrix, ["a"]),
        (sparse.csr_matrix((20, 20)), ["a", "b"]),
        (sparse.csr_matrix((0, 0)), ["a"]),
    ]:
        cells = graph.shape[0]
        codes = np.arange(cells) % len(names)
        ours = abstracted(with_groups(graph, codes, names), tmp_path, "--groups=kind")
        size = len(names) if cells else 0
        assert ours.uns["paga"]["connectivities"].shape == (size, size)
        assert ours.uns["paga"]["connectivities"].nnz == ours.uns["paga"]["connectivities_tree"].nnz == 0
        np.testing.assert_array_equal(ours.uns["kind_sizes"], np.bincount(codes, minlength=size))


def test_equally_strong_connections(tmp_path: Path) -> None:
    """The first ones, row by row, make the tree, each from the lower number to the higher."""
    groups = 7
    codes = np.repeat(np.arange(groups), 3)
    matrix = np.ones((21, 21)) - np.eye(21)
    adata = with_groups(matrix, codes, [str(i) for i in range(groups)])
    ours = abstracted(adata, tmp_path, "--groups=kind")
    is_scanpys(ours, scanpys(adata, "kind"), "kind")
    tree = ours.uns["paga"]["connectivities_tree"].tocoo()
    np.testing.assert_array_equal(tree.row, 0)
    np.testing.assert_array_equal(tree.col, np.arange(1, groups))
    inverse = ours.uns["paga"]["connectivities"].copy()
    inverse.data = 1 / inverse.data
    assert minimum_spanning_tree(inverse).nnz == groups - 1


def test_another_graph_and_what_was_there(tmp_path: Path) -> None:
    demo().write_h5ad(tmp_path / "in.h5ad")
    arguments = ["--n-neighbors=30", "--key-added=wide", "-q"]
    done = command(["neighbors", str(tmp_path / "in.h5ad"), "-o", str(tmp_path / "wide.h5ad"), *arguments])
    assert done.code == 0, str(done)
    adata = ad.read_h5ad(tmp_path / "wide.h5ad")
    adata.uns["paga"] = {"pos": np.ones((3, 2)), "groups": "old"}
    ours = abstracted(adata, tmp_path, "--neighbors-key=wide", "--groups=cell_type")
    theirs = scanpys(adata, "cell_type", neighbors_key="wide")
    is_scanpys(ours, theirs, "cell_type")
    np.testing.assert_array_equal(ours.uns["paga"]["pos"], np.ones((3, 2)))
    assert list(ours.uns["paga"]) == sorted(theirs.uns["paga"])


def test_the_same_again(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    demo().write_h5ad(source)
    files = []
    for i, arguments in enumerate([["-t1"], ["-t2"], ["-t3"], ["--memory=64M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        done = run(source, files[-1], *arguments)
        assert done.code == 0, str(done)
    assert len({path.read_bytes() for path in files}) == 1


def test_refusals(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata = of_graph(sparse.random(6, 6, 0.3, format="csr", rng=np.random.default_rng(3)))
    adata.obs["number"] = range(6)
    adata.obs["some"] = pd.Categorical(["a", "b", "a", np.nan, "a", "b"])
    adata.obs["kind"] = pd.Categorical(list("ababab"))
    adata.uns["odd"] = {"params": {}}
    adata.write_h5ad(source)
    for arguments, code, says in [
        ([], 2, "annstream leiden"),
        (["--groups=other"], 2, "no column 'other'"),
        (["--groups=number"], 2, "no categorical one"),
        (["--groups=some"], 2, "1 cells have no group"),
        (["--groups=kind", "--model=v1.0"], 2, "v1.0"),
        (["--groups=kind", "--model=v2"], 2, "v1.2"),
        (["--groups=kind", "--neighbors-key=none"], 3, "no graph of neighbours"),
        (["--groups=kind", "--neighbors-key=odd"], 3, "distances_key"),
    ]:
        done = run(source, target, *arguments)
        assert done.code == code and says in done.stderr, str(done)
        assert not target.exists()
    done = run(source, target, "--groups=kind", "--plan")
    assert done.code == 0 and "obsp/distances" in done.stdout and not target.exists()
