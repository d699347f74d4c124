"""``regress_out``, draws, ``scrublet`` and ``harmony_integrate`` against scanpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from annstream import LazyMatrix
from scipy import stats

from .counts import open_as, same, some_cells
from .files import dense
from .test_pp import quietly

KINDS = ["lazy", "memory"]


@pytest.fixture(scope="module")
def counts() -> ad.AnnData:
    adata = some_cells()
    adata.obs["total"] = np.asarray(adata.X.sum(1)).ravel()
    adata.obs["share"] = np.linspace(0, 1, adata.n_obs) ** 2
    return adata


@pytest.fixture(scope="module")
def logs(counts: ad.AnnData) -> ad.AnnData:
    adata = counts.copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keys", ["total", ["total", "share"], "batch"], ids=str)
def test_regress_out(logs: ad.AnnData, keys: Any, kind: str, tmp_path: Path) -> None:
    expected, found = logs.copy(), open_as(kind, logs, tmp_path)
    quietly(sc.pp.regress_out, expected, keys)
    annstream.pp.regress_out(found, keys)
    same(found, expected, rtol=1e-4, atol=5e-6)
    assert isinstance(found.X, LazyMatrix) == (kind == "lazy")
    other = annstream.pp.regress_out(open_as("memory", logs, tmp_path), keys, copy=True)
    np.testing.assert_allclose(dense(other.X), dense(expected.X), rtol=1e-4, atol=5e-6)


def test_regress_out_of_counts_and_of_some_cells(counts: ad.AnnData, tmp_path: Path) -> None:
    whole = counts.copy()
    whole.X = whole.X.astype(np.int32)
    order = np.random.default_rng(2).permutation(whole.n_obs)[:150]
    expected = whole[order].copy()
    quietly(sc.pp.regress_out, expected, ["total"])
    found = open_as("lazy", whole, tmp_path)[order].copy()
    annstream.pp.regress_out(found, ["total"])
    assert found.X.dtype == expected.X.dtype == np.float32
    np.testing.assert_allclose(dense(found.X), expected.X, atol=1e-4)
    for keys, error in ((["batch", "total"], ValueError), ("missing", KeyError), ([], KeyError)):
        with pytest.raises(error):
            annstream.pp.regress_out(found, keys)
    found.obs.loc[found.obs_names[3], "share"] = np.nan
    with pytest.raises(ValueError, match="finite"):
        annstream.pp.regress_out(found, "share")


def test_components_of_scaled_genes_are_not_made_dense(logs: ad.AnnData, tmp_path: Path) -> None:
    expected, found = logs.copy(), open_as("lazy", logs, tmp_path)
    for pp, adata in ((sc.pp, expected), (annstream.pp, found)):
        quietly(pp.scale, adata, max_value=3)
    for centred in (True, False):
        # Scanpy's own choice for values that are not centred is not exact.
        sc.pp.pca(expected, n_comps=5, zero_center=centred, svd_solver="arpack")
        annstream.pp.pca(found, n_comps=5, zero_center=centred)
        scores = expected.obsm["X_pca"]
        signs = np.sign((found.obsm["X_pca"] * scores).sum(0))
        np.testing.assert_allclose(found.obsm["X_pca"] * signs, scores, atol=5e-3 * np.abs(scores).max())
    part = found[:, :200].copy()
    annstream.pp.pca(part, n_comps=5, zero_center=True)
    straight = annstream.pp.pca(part.X.toarray(), n_comps=5)
    np.testing.assert_allclose(part.obsm["X_pca"], straight, atol=1e-3 * np.abs(straight).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "given",
    [
        {"fraction": 0.3, "rng": 1},
        {"n": 40, "rng": 5, "replace": True},
        {"n": 20, "rng": 2, "axis": "var"},
        {"n": 10, "rng": 3, "p": "chosen"},
    ],
    ids=str,
)
def test_sample(counts: ad.AnnData, given: dict[str, Any], kind: str, tmp_path: Path) -> None:
    adata = counts.copy()
    adata.obs["chosen"] = np.arange(adata.n_obs) % 3 == 0
    expected = quietly(sc.pp.sample, adata, copy=True, **given)
    found = open_as(kind, adata, tmp_path)
    other = annstream.pp.sample(found, copy=True, **given)
    quietly(annstream.pp.sample, found, **given)
    for own in (found, other):
        assert list(own.obs_names) == list(expected.obs_names)
        assert list(own.var_names) == list(expected.var_names)
        np.testing.assert_array_equal(dense(own.X), dense(expected.X))


def test_sample_of_matrices_and_subsample(counts: ad.AnnData, tmp_path: Path) -> None:
    lazy = open_as("lazy", counts, tmp_path)
    expected, places = sc.pp.sample(counts.X, 0.2, rng=4)
    found, own = annstream.pp.sample(lazy.X, 0.2, rng=4)
    assert isinstance(found, LazyMatrix)
    np.testing.assert_array_equal(own, places)
    np.testing.assert_array_equal(dense(found), dense(expected))
    expected = quietly(sc.pp.subsample, counts.copy(), 0.5, random_state=3, copy=True)
    assert list(annstream.pp.subsample(lazy, 0.5, random_state=3, copy=True).obs_names) == list(expected.obs_names)
    annstream.pp.subsample(lazy, n_obs=7)
    assert lazy.n_obs == 7
    for wrong, error in (({}, TypeError), ({"fraction": 2}, ValueError), ({"n": 8, "fraction": 1}, TypeError)):
        with pytest.raises(error):
            annstream.pp.sample(lazy, **wrong)
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    with pytest.raises(NotImplementedError, match="Inplace"):
        annstream.pp.sample(backed, 0.1)
    part = annstream.pp.sample(backed, n=9, rng=1, copy=True)
    assert part.n_obs == 9
    assert not part.isbacked


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("kind", KINDS)
def test_downsample_counts(layout: str, kind: str, tmp_path: Path) -> None:
    counts = some_cells(layout, np.float32 if layout == "csr" else np.int64)
    each = np.arange(counts.n_obs) * 3
    givens = ({"counts_per_cell": 300}, {"counts_per_cell": each, "replace": True}, {"total_counts": 20_000})
    for number, given in enumerate(givens):
        folder = tmp_path / str(number)
        folder.mkdir()
        expected, found = counts.copy(), open_as(kind, counts, folder)
        quietly(sc.pp.downsample_counts, expected, random_state=4, **given)
        annstream.pp.downsample_counts(found, random_state=4, **given)
        np.testing.assert_array_equal(dense(found.X), dense(expected.X))
        # What is looked at does not change what was drawn.
        genes = [7, 3, 100]
        np.testing.assert_array_equal(dense(found[5:90, genes].X), dense(expected.X)[5:90, genes])
        np.testing.assert_array_equal(np.asarray(found.X.sum(1)).ravel(), dense(expected.X).sum(1))
        if kind == "memory":
            assert found.X.dtype == expected.X.dtype
    with pytest.raises(ValueError, match="exactly one"):
        annstream.pp.downsample_counts(found)


@pytest.mark.parametrize("kind", KINDS)
def test_scrublet(counts: ad.AnnData, kind: str, tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    expected, found = counts.copy(), open_as(kind, counts, tmp_path)
    quietly(sc.pp.scrublet, expected, n_prin_comps=10, verbose=False)
    annstream.pp.scrublet(found, n_prin_comps=10)
    assert list(found.obs) == list(expected.obs)
    assert (found.obs.dtypes == expected.obs.dtypes).all()
    assert stats.spearmanr(found.obs["doublet_score"], expected.obs["doublet_score"]).statistic > 0.95
    own, other = found.uns["scrublet"], expected.uns["scrublet"]
    assert set(own) - {"threshold"} == set(other) - {"threshold"}
    np.testing.assert_array_equal(own["doublet_parents"], other["doublet_parents"])
    assert own["parameters"] == other["parameters"]
    assert sc.pl.scrublet_score_distribution is not None


def test_scrublet_of_batches(counts: ad.AnnData, tmp_path: Path) -> None:
    found = open_as("lazy", counts, tmp_path)
    given = {"batch_key": "batch", "n_prin_comps": 5, "threshold": 0.1, "get_doublet_neighbor_parents": True}
    annstream.pp.scrublet(found, **given)
    assert found.uns["scrublet"]["batched_by"] == "batch"
    assert list(found.uns["scrublet"]["batches"]) == ["b0", "b1", "b2"]
    for name, entry in found.uns["scrublet"]["batches"].items():
        cells = counts[counts.obs["batch"] == name].copy()
        annstream.pp.scrublet(cells, **{**given, "batch_key": None})
        np.testing.assert_array_equal(found.obs["doublet_score"][cells.obs_names], cells.obs["doublet_score"])
        np.testing.assert_array_equal(entry["doublet_parents"], cells.uns["scrublet"]["doublet_parents"])
        assert len(entry["doublet_neighbor_parents"]) == cells.n_obs
    assert found.obs["predicted_doublet"].dtype == bool
    assert (found.obs["predicted_doublet"] == (found.obs["doublet_score"] > 0.1)).all()
    with pytest.raises(NotImplementedError, match="adata_sim"):
        annstream.pp.scrublet(found, found)


def test_harmony(counts: ad.AnnData) -> None:
    rng = np.random.default_rng(0)
    cells = ad.AnnData(np.zeros((400, 1), np.float32))
    kind = rng.integers(0, 3, 400)
    cells.obs["batch"] = pd.Categorical(rng.choice(["x", "y"], 400))
    shift = (cells.obs["batch"] == "y").to_numpy()[:, None] * np.array([0.0, 0, 3, 0, 0])
    cells.obsm["X_pca"] = 8 * np.eye(3, 5)[kind] + shift + rng.normal(size=(400, 5))
    annstream.pp.harmony_integrate(cells, "batch")
    found = cells.obsm["X_pca_harmony"]
    assert found.dtype == np.float64

    def apart(values: np.ndarray) -> float:
        means = [values[(cells.obs["batch"] == name).to_numpy() & (kind == 0)].mean(0) for name in ("x", "y")]
        return np.linalg.norm(means[0] - means[1])

    assert apart(cells.obsm["X_pca"]) > 2.5
    assert apart(found) < 1
    same_names = {"adjusted_basis": "again", "theta": 2.0, "nclust": None, "max_iter_kmeans": 4, "verbose": False}
    annstream.external.pp.harmony_integrate(cells, ["batch"], **same_names)
    np.testing.assert_array_equal(cells.obsm["again"], found)
    with pytest.raises(TypeError, match="no parameter 'other'"):
        annstream.external.pp.harmony_integrate(cells, "batch", other=1)
    with pytest.raises(KeyError, match="missing"):
        annstream.pp.harmony_integrate(cells, "missing")
    cells.obs["holes"] = pd.Categorical(["a"] * 399 + [None])
    with pytest.raises(ValueError, match="no value for 1 cells"):
        annstream.pp.harmony_integrate(cells, "holes")


def test_harmony_as_in_harmonypy(logs: ad.AnnData) -> None:
    # Scanpy's function turns the result, which harmonypy 2 does not expect.
    harmonypy = pytest.importorskip("harmonypy")
    found = logs.copy()
    sc.pp.pca(found, n_comps=10)
    expected = harmonypy.run_harmony(found.obsm["X_pca"], found.obs, ["batch"], verbose=False).Z_corr
    annstream.external.pp.harmony_integrate(found, "batch")
    for own, other in zip(found.obsm["X_pca_harmony"].T, expected.T, strict=True):
        assert np.corrcoef(own, other)[0, 1] > 0.95


def test_what_neighbours_are_not_offered(logs: ad.AnnData) -> None:
    adata = logs[:50].copy()
    annstream.pp.pca(adata, n_comps=5)
    for wrong in (
        {"knn": False, "method": "gauss"},
        {"transformer": object()},
        {"metric": np.dot},
        {"metric_kwds": {"p": 3}},
        {"method": "jaccard"},
    ):
        with pytest.raises(NotImplementedError):
            annstream.pp.neighbors(adata, **wrong)
    annstream.pp.neighbors(adata, transformer="sklearn")
    exact = adata.obsp["distances"].copy()
    annstream.pp.neighbors(adata)
    assert (exact != adata.obsp["distances"]).nnz == 0
