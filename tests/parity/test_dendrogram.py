"""`annstream dendrogram` against `scanpy.tl.dendrogram`: the same tree, to the bit."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .graph_files import demo, layout
from .runner import Run
from .runner import run as command

METHODS = ["single", "complete", "average", "weighted", "ward", "centroid", "median"]


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["dendrogram", str(source), "-o", str(target), "--force", "-q", "--json", *arguments])


def arguments_of(options: dict) -> list[str]:
    names = [f"--{name.replace('_', '-')}" for name in options]
    return [name if value is True else f"{name}={value}" for name, value in zip(names, options.values(), strict=True)]


def treed(adata: ad.AnnData, groupby: str, folder: Path, **options: object) -> ad.AnnData:
    source, target = folder / "in.h5ad", folder / "out.h5ad"
    adata.write_h5ad(source)
    done = run(source, target, f"--groupby={groupby}", *arguments_of(options))
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


def scanpys(adata: ad.AnnData, groupby: str, folder: Path, **options: object) -> ad.AnnData:
    """As it comes back from a file."""
    adata = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.dendrogram(adata, groupby.split(",") if "," in groupby else groupby, **options)
    adata.write_h5ad(folder / "theirs.h5ad")
    return ad.read_h5ad(folder / "theirs.h5ad")


def same(ours: object, theirs: object) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            same(ours[name], theirs[name])
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert ours == theirs


def compared(adata: ad.AnnData, groupby: str, folder: Path, **options: object) -> dict:
    ours, theirs = treed(adata, groupby, folder, **options), scanpys(adata, groupby, folder, **options)
    key = options.get("key_added", f"dendrogram_{groupby.replace(',', '_')}")
    same(ours.uns[key], theirs.uns[key])
    assert layout(folder / "out.h5ad", f"uns/{key}") == layout(folder / "theirs.h5ad", f"uns/{key}")
    return ours.uns[key]


def cells(groups: int, width: int, seed: int = 0, dtype: type = np.float32) -> ad.AnnData:
    """A few cells of each group, around some place."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(groups * 7) % groups)
    values = rng.normal(size=(groups, width))[codes] + rng.normal(size=(len(codes), width)) * 0.3
    values = (values * (1 if np.issubdtype(dtype, np.floating) else 10)).astype(dtype)
    names = [f"g{i}" for i in range(groups)]
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(codes, categories=names[::-1]),
            "half": pd.Categorical(rng.choice(["x", "y"], len(codes))),
        },
        index=[f"c{i}" for i in range(len(codes))],
    )
    adata = ad.AnnData(values[:, : min(width, 20)], obs=obs)
    adata.obsm["X_rep"] = values
    return adata


@pytest.mark.parametrize(
    ("groupby", "options"),
    [
        ("cell_type", {}),
        ("leiden", {"linkage_method": "average", "optimal_ordering": True}),
        ("leiden", {"cor_method": "spearman", "n_pcs": 10}),
        ("cell_type", {"cor_method": "kendall", "use_rep": "X_pca", "key_added": "tree"}),
        ("cell_type,leiden", {"linkage_method": "ward"}),
    ],
)
def test_real_cells(groupby: str, options: dict, tmp_path: Path) -> None:
    tree = compared(demo(), groupby, tmp_path, **options)
    assert len(tree["categories_ordered"]) > 5
    assert len(set(tree["dendrogram_info"]["color_list"])) > 1


@pytest.mark.parametrize("method", METHODS)
def test_linkage_methods(method: str, tmp_path: Path) -> None:
    for groups, ordering in [(2, False), (3, True), (31, False), (23, True)]:
        options = {"linkage_method": method, **({"optimal_ordering": True} if ordering else {})}
        # Wide enough for centroids: with few columns they are not euclidean, and scipy gives NaN.
        compared(cells(groups, 40, groups), "kind", tmp_path, use_rep="X_rep", **options)


@pytest.mark.parametrize("method", METHODS[:5])
def test_ties(method: str, tmp_path: Path) -> None:
    """Correlations of two columns are 1 or -1; ranks of three columns take a few values only."""
    for width, correlation in [(2, "pearson"), (4, "spearman"), (3, "kendall")]:
        adata = cells(12, width, width)
        options = {"linkage_method": method, "cor_method": correlation, "use_rep": "X_rep"}
        ordered = {"optimal_ordering": True} if correlation == "spearman" else {}
        tree = compared(adata, "kind", tmp_path, **options, **ordered)
        assert len(np.unique(tree["linkage"][:, 2])) < 11


@pytest.mark.parametrize("correlation", ["pearson", "spearman", "kendall"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_types_and_missing_values(correlation: str, dtype: type, tmp_path: Path) -> None:
    adata = cells(9, 17, dtype=dtype)
    compared(adata, "kind", tmp_path, use_rep="X_rep", cor_method=correlation)
    if dtype is not np.int32:
        values = adata.obsm["X_rep"]
        values[3, 2] = values[5] = np.nan
        values[adata.obs["kind"] == "g4", 7] = np.nan
        values[adata.obs["kind"] == "g5", 8] = np.inf
        compared(adata, "kind", tmp_path, use_rep="X_rep", cor_method=correlation)


def test_groups_that_some_cells_lack(tmp_path: Path) -> None:
    adata = cells(6, 10)
    adata.obs.loc[adata.obs_names[:9], "kind"] = np.nan
    compared(adata, "kind", tmp_path, use_rep="X_rep")
    tree = compared(adata, "kind,half", tmp_path, use_rep="X_rep")
    assert any(name.startswith("nan_") for name in tree["categories_ordered"])
    compared(adata, "half,kind", tmp_path, use_rep="X_rep")


def test_genes(tmp_path: Path) -> None:
    """Of at most 50 genes X is taken. Scanpy cannot average a sparse one; it counts as a dense one here."""
    adata = cells(5, 20)
    tree = compared(adata, "kind", tmp_path)
    adata.X = sparse.csr_matrix(adata.X)
    for matrix in (adata.X, adata.X.tocsc()):
        adata.X = matrix
        same(treed(adata, "kind", tmp_path).uns["dendrogram_kind"], tree)
    # All genes of a file that has an embedding too.
    adata = demo()[:, :400].copy()
    dense = adata.copy()
    dense.X = dense.X.toarray()
    theirs = scanpys(dense, "cell_type", tmp_path, use_rep="X").uns["dendrogram_cell_type"]
    ours = treed(adata, "cell_type", tmp_path, use_rep="X").uns["dendrogram_cell_type"]
    np.testing.assert_allclose(ours.pop("correlation_matrix"), theirs.pop("correlation_matrix"), rtol=1e-6)
    np.testing.assert_allclose(ours.pop("linkage"), theirs.pop("linkage"), rtol=1e-5)
    del ours["dendrogram_info"]["dcoord"], theirs["dendrogram_info"]["dcoord"]
    same(ours, theirs)


def test_categories_that_no_cell_has(tmp_path: Path) -> None:
    """They are left out, and told; scanpy fails there."""
    adata = cells(6, 10)
    expected = treed(adata, "kind", tmp_path, use_rep="X_rep").uns["dendrogram_kind"]
    adata.obs["kind"] = adata.obs["kind"].cat.set_categories(["first", *adata.obs["kind"].cat.categories, "last"])
    same(treed(adata, "kind", tmp_path, use_rep="X_rep").uns["dendrogram_kind"], expected)
    done = command(["dendrogram", str(tmp_path / "in.h5ad"), "-o", str(tmp_path / "o.h5ad"), "--groupby=kind"])
    assert done.code == 0 and "first, last" in done.stderr
    with pytest.raises(KeyError):
        sc.tl.dendrogram(adata, "kind", use_rep="X_rep")


def test_text_becomes_groups(tmp_path: Path) -> None:
    adata = cells(12, 10)
    expected = adata.copy()
    expected.obs["kind"] = adata.obs["kind"].astype(str).astype(object)
    expected.strings_to_categoricals()
    assert list(expected.obs["kind"].cat.categories[:3]) == ["g0", "g1", "g2"]
    adata.obs["kind"] = adata.obs["kind"].astype(str).astype(object)
    adata.write_h5ad(tmp_path / "in.h5ad", convert_strings_to_categoricals=False)
    done = run(tmp_path / "in.h5ad", tmp_path / "out.h5ad", "--groupby=kind", "--use-rep=X_rep")
    assert done.code == 0, str(done)
    theirs = scanpys(expected, "kind", tmp_path, use_rep="X_rep")
    same(ad.read_h5ad(tmp_path / "out.h5ad").uns["dendrogram_kind"], theirs.uns["dendrogram_kind"])


def test_the_same_again(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    demo().write_h5ad(source)
    files = []
    for i, arguments in enumerate([["-t1"], ["-t2"], ["-t3"], ["--memory=128M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        done = run(source, files[-1], "--groupby=leiden", "--use-rep=X", *arguments)
        assert done.code == 0, str(done)
    assert len({path.read_bytes() for path in files}) == 1
    adata, before = ad.read_h5ad(files[0]), demo()
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    assert (adata.X != before.X).nnz == 0 and set(adata.uns) == {*before.uns, "dendrogram_leiden"}


@pytest.mark.parametrize("method", ["centroid", "median"])
def test_centroids_of_no_places(method: str, tmp_path: Path) -> None:
    """Distances that no places have, and such that are nearly the same, so that clusters come nearer by merging."""
    compared(cells(25, 3), "kind", tmp_path, use_rep="X_rep", linkage_method=method)
    tree = compared(cells(25, 300), "kind", tmp_path, use_rep="X_rep", linkage_method=method)
    assert (np.diff(tree["linkage"][:, 2]) < 0).any()


def test_refusals(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata = cells(4, 60)
    adata.obs["number"] = range(28)
    adata.obs["one"] = pd.Categorical(["a"] * 28)
    adata.obsm["X_flat"] = np.ones((28, 5), np.float32)
    adata.obsm["X_thin"] = adata.obsm["X_rep"][:, :1]
    adata.write_h5ad(source)
    for arguments, code, says in [
        (["--groupby=other"], 2, "no column 'other'"),
        (["--groupby=number"], 2, "no categorical one"),
        (["--groupby=one"], 2, "1 groups of cells"),
        (["--groupby=kind", "--use-rep=X_other"], 6, "X_rep"),
        (["--groupby=kind", "--use-rep=X_flat"], 2, "no correlation"),
        (["--groupby=kind", "--use-rep=X_thin"], 2, "no correlation"),
        (["--groupby=kind", "--use-rep=X_rep", "--n-pcs=61"], 2, "60 dimensions"),
        (["--groupby=kind", "--cor-method=tau"], 2, "kendall"),
        (["--groupby=kind", "--linkage-method=far"], 2, "weighted"),
    ]:
        done = run(source, target, *arguments)
        assert done.code == code and says in done.stderr, str(done)
        assert not target.exists()
    done = run(source, target, "--groupby=kind,half", "--plan")
    assert done.code == 0 and "dendrogram_kind_half" in done.stdout and not target.exists()
