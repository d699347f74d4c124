"""``annstream.compat.anndataoom`` as its users call it: what the README shows, return values, and scanpy's numbers."""

from __future__ import annotations

import inspect
from pathlib import Path

import anndata as ad
import annstream
import annstream.compat.anndataoom as oom
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .counts import some_cells
from .files import dense


@pytest.fixture(scope="module", params=["csr", "csc", "dense"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of real counts."""
    path = tmp_path_factory.mktemp("flow") / f"{request.param}.h5ad"
    some_cells(request.param).write_h5ad(path)
    return path


@pytest.fixture
def memory(path: Path) -> ad.AnnData:
    """The same in memory."""
    return ad.read_h5ad(path)


@pytest.fixture
def adata(path: Path) -> oom.AnnDataOOM:
    """The same, opened."""
    return oom.read(path)


def test_what_the_readme_shows(path: Path, memory: ad.AnnData, capsys: pytest.CaptureFixture[str]) -> None:
    adata = oom.read(path)
    print(adata)
    shown = capsys.readouterr().out
    assert shown.startswith("AnnDataOOM")
    assert path.name in shown
    assert f"n_obs: {memory.n_obs}" in shown
    values = dense(memory.X)

    row_sums = adata.X.sum(axis=1)
    np.testing.assert_allclose(row_sums, values.sum(1))
    mean, var = oom.chunked_mean_var(adata)
    np.testing.assert_allclose(mean, values.mean(0, dtype=float))
    np.testing.assert_allclose(var, values.var(0, ddof=1, dtype=float))
    seen = []
    for start, end, chunk in adata.X.chunked(77):
        assert chunk.shape == (end - start, memory.n_vars)
        assert isinstance(chunk, sparse.csr_matrix | np.ndarray)
        seen.append(dense(chunk))
    np.testing.assert_array_equal(np.vstack(seen), values)

    adata.var["highly_variable"] = np.arange(adata.n_vars) % 3 == 0
    for sub, expected in (
        (adata[0:100], values[:100]),
        (adata[adata.obs["batch"] == "b1"], values[(memory.obs["batch"] == "b1").to_numpy()]),
        (adata[:, ["gene1", "gene2"]], values[:, 1:3]),
        (adata[:, adata.var["highly_variable"]], values[:, ::3]),
    ):
        assert isinstance(sub, oom.AnnDataOOM)
        assert not sub.is_view
        np.testing.assert_array_equal(dense(sub.X[:]), expected)
    np.testing.assert_array_equal(adata.obs_vector("gene5"), values[:, 5])


@pytest.mark.filterwarnings("ignore")
def test_the_pipeline_gives_what_scanpy_gives(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    oom.chunked_qc_metrics(adata)
    mito = oom.chunked_gene_group_pct(adata, adata.var["mt"])
    obs, var = sc.pp.calculate_qc_metrics(memory, qc_vars=["mt"], percent_top=None)
    np.testing.assert_allclose(adata.obs["nUMIs"], obs["total_counts"])
    np.testing.assert_array_equal(adata.obs["detected_genes"], obs["n_genes_by_counts"])
    np.testing.assert_array_equal(adata.var["n_cells"], var["n_cells_by_counts"])
    np.testing.assert_allclose(mito * 100, obs["pct_counts_mt"], rtol=1e-5)

    memory.layers["counts"] = memory.X.copy()
    sc.pp.normalize_total(memory, target_sum=1e4)
    sc.pp.log1p(memory)
    oom.chunked_normalize_total(adata, target_sum=1e4)
    oom.chunked_log1p(adata)
    np.testing.assert_allclose(dense(adata.X), dense(memory.X), rtol=1e-5)
    np.testing.assert_array_equal(dense(adata.layers["counts"]), dense(memory.layers["counts"]))
    assert adata.X.dtype == np.float32

    oom.chunked_highly_variable_genes_pearson(adata, n_top_genes=100, layer="counts")
    sc.experimental.pp.highly_variable_genes(memory, n_top_genes=100, layer="counts")
    for name in ("means", "variances", "residual_variances", "highly_variable_rank"):
        np.testing.assert_allclose(adata.var[name], memory.var[name], rtol=1e-4)
    np.testing.assert_array_equal(adata.var["highly_variable"], memory.var["highly_variable"])

    adata.raw = adata
    adata = adata[:, adata.var["highly_variable"]]
    memory = memory[:, memory.var["highly_variable"]].copy()
    assert adata.raw.n_vars > adata.n_vars
    oom.chunked_scale(adata)
    sc.pp.scale(memory, max_value=10)
    np.testing.assert_allclose(adata.layers["scaled"][:], dense(memory.X), rtol=1e-4, atol=1e-4)
    scores, components, share = oom.chunked_pca(adata, n_comps=8, layer="scaled")
    sc.pp.pca(memory, n_comps=8, svd_solver="full")
    np.testing.assert_allclose(np.abs(scores), np.abs(memory.obsm["X_pca"]), rtol=1e-2, atol=5e-3)
    np.testing.assert_allclose(np.abs(components.T), np.abs(memory.varm["PCs"]), atol=1e-3)
    np.testing.assert_allclose(share, memory.uns["pca"]["variance_ratio"], rtol=1e-4)
    np.testing.assert_allclose(oom.materialise_for_pca(adata), adata.layers["scaled"][:])


def test_shapes_and_types_of_arrays(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    X, values = adata.X, dense(memory.X)
    rows, columns = X.shape
    assert (X.ndim, X.dtype, X.shape) == (2, memory.X.dtype, memory.shape)
    for index, expected in (
        (5, values[[5]]),
        ((3, 4), values[[3]][:, [4]]),
        ((slice(None), 3), values[:, [3]]),
        (([1, 2], [3, 4]), values[[1, 2]][:, [3, 4]]),
        (np.ix_([1, 2, 3], [3, 4]), values[[1, 2, 3]][:, [3, 4]]),
        (slice(None, None, 50), values[::50]),
        (np.arange(rows) % 7 == 0, values[::7]),
    ):
        assert X[index].shape == expected.shape
        np.testing.assert_array_equal(dense(X[index]), expected)
    for axis in (0, 1):
        for found, expected in (
            (X.sum(axis), values.sum(axis, dtype=float)),
            (X.mean(axis, chunk_size=10), values.mean(axis, dtype=float)),
            (X.var(axis, ddof=1), values.var(axis, ddof=1, dtype=float)),
            (X.getnnz(axis), (values != 0).sum(axis)),
        ):
            assert found.shape == expected.shape
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert X.sum(axis=1, keepdims=True).shape == (rows, 1)
    assert X.getnnz(keepdims=True).shape == (1, columns)
    np.testing.assert_array_equal(X.sum(), X.sum(axis=0))
    assert np.sum(X) == X.sum(axis=None) == values.sum()
    with pytest.raises(ValueError, match="axis"):
        X.sum(axis=2)
    np.testing.assert_array_equal(dense(X.T), values.T)
    start, end, chunk = next(adata.chunked_X(30))
    assert (start, end, chunk.shape) == (0, 30, (30, columns))
    assert adata.chunk_X(7).shape == (7, columns)
    np.testing.assert_array_equal(dense(adata.chunk_X([3, 1])), values[[3, 1]])


def test_shapes_of_what_functions_return(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    n_obs, n_vars = adata.shape
    assert oom.chunked_qc_metrics(adata, percent_top=[10]) is None
    assert [adata.obs[name].dtype for name in ("nUMIs", "detected_genes")] == [np.float64, np.int64]
    assert (adata.obs["pct_counts_in_top_10_genes"] > 0).all()
    assert oom.chunked_gene_group_pct(adata, np.arange(n_vars) < 3).shape == (n_obs,)
    assert [one.shape for one in oom.chunked_mean_var(adata)] == [(n_vars,)] * 2
    assert oom.chunked_normalize_total(adata) is None
    known = adata.uns["_pearson_precompute"]
    values = dense(memory.X).astype(float)
    np.testing.assert_allclose(known["sums_cells"], values.sum(1))
    np.testing.assert_allclose(known["sums_genes"], values.sum(0))
    np.testing.assert_allclose(known["sq_sums_genes"], (values**2).sum(0))
    assert (known["n_obs"], known["n_vars"]) == adata.shape
    counts = adata.layers["counts"]
    parts = oom.chunked_pearson_residual_variance(counts, precomputed=known)
    for found, expected in zip(parts, oom.chunked_pearson_residual_variance(counts), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(parts[2], values.var(0))
    with pytest.raises(ValueError, match="Stale precomputed"):
        oom.chunked_pearson_residual_variance(counts, precomputed=known | {"sums_cells": np.ones(3)})
    oom.chunked_log1p(adata)
    scores, components, share = oom.chunked_pca(adata[:, :80], n_comps=5, layer="scaled")
    assert (scores.shape, components.shape, share.shape) == ((n_obs, 5), (5, 80), (5,))
    assert (scores.dtype, share.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(scores.mean(0), 0, atol=1e-3)
    with pytest.raises(KeyError, match="nothing"):
        oom.chunked_mean_var(adata, layer="nothing")


def test_robust_genes_do_not_choose_for_pca(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    adata.X = sparse.csr_matrix(dense(memory.X) * (np.arange(memory.n_vars) > 4))
    oom.chunked_identify_robust_genes(adata, percent_cells=40)
    assert adata.n_vars == memory.n_vars - 5
    np.testing.assert_array_equal(adata.var["robust"], adata.X.getnnz() / adata.n_obs >= 0.4)
    adata.var["highly_variable"] = np.arange(adata.n_vars) % 30 == 0
    _, components, _ = oom.chunked_pca(adata, n_comps=3)
    assert components.shape[1] == adata.var["highly_variable"].sum()
    del adata.var["highly_variable"]
    assert oom.chunked_pca(adata, n_comps=3)[1].shape[1] == adata.var["robust"].sum()


def test_an_empty_cell_and_excluded_genes(memory: ad.AnnData, tmp_path: Path) -> None:
    values = dense(memory.X).copy()
    values[4] = 0
    ad.AnnData(sparse.csr_matrix(values)).write_h5ad(tmp_path / "e.h5ad")
    adata = oom.read(tmp_path / "e.h5ad")
    for exclude in (False, True):
        part = adata.copy()
        oom.chunked_normalize_total(part, exclude_highly_expressed=exclude, max_fraction=0.02)
        assert part.obs["_norm_factor"].iloc[4] == 1
        expected = ad.AnnData(values[np.arange(len(values)) != 4])
        sc.pp.normalize_total(expected, exclude_highly_expressed=exclude, max_fraction=0.02)
        found = np.delete(dense(part.X), 4, axis=0)
        np.testing.assert_allclose(found, expected.X, rtol=1e-5)
    oom.chunked_scale(part)
    part.X = part.layers["scaled"]
    with pytest.raises(RuntimeError, match="already a ScaledBackedArray"):
        oom.chunked_scale(part)


def test_integers_do_not_overflow(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for dtype in (np.uint8, np.int16):
        values = rng.integers(100, 200, (50, 7)).astype(dtype)
        path = tmp_path / f"{values.dtype}.h5ad"
        ad.AnnData(values).write_h5ad(path)
        adata = oom.read(path)
        np.testing.assert_allclose(oom.chunked_mean_var(adata)[1], values.var(0, ddof=1))
        oom.chunked_scale(adata)
        expected = (values - values.mean(0)) / values.std(0, ddof=1)
        np.testing.assert_allclose(adata.layers["scaled"][:], expected, rtol=1e-5, atol=1e-6)
    large = (1e4 + rng.normal(size=(500, 3))).astype(np.float32)
    ad.AnnData(large).write_h5ad(tmp_path / "l.h5ad")
    found = oom.chunked_mean_var(oom.read(tmp_path / "l.h5ad"))[1]
    np.testing.assert_allclose(found, large.var(0, ddof=1, dtype=float), rtol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_other_ways_to_choose_genes(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    oom.chunked_highly_variable_genes_pearson(adata, n_top_genes=50, batch_key="batch")
    sc.experimental.pp.highly_variable_genes(memory, n_top_genes=50, batch_key="batch")
    np.testing.assert_array_equal(adata.var["highly_variable"], memory.var["highly_variable"])
    for x in (adata, memory):
        annstream.pp.normalize_total(x)
        annstream.pp.log1p(x)
    for flavor in ("seurat", "cell_ranger"):
        for options in ({"n_top_genes": 40}, {"min_disp": 0.2}):
            oom.chunked_highly_variable_genes_dispersion(adata, flavor=flavor, **options)
            expected = sc.pp.highly_variable_genes(memory, flavor=flavor, inplace=False, **options)
            for name in ("means", "dispersions", "dispersions_norm"):
                np.testing.assert_allclose(adata.var[name], expected[name], rtol=1e-4, atol=1e-6)
            np.testing.assert_array_equal(adata.var["highly_variable"], expected["highly_variable"])
    assert "highly_variable_rank" in adata.var.columns
    with pytest.raises(ValueError, match="flavor"):
        oom.chunked_highly_variable_genes_dispersion(adata, flavor="seurat_v3")

    with pytest.raises(ValueError, match="robust"):
        oom.chunked_highly_variable_features_pegasus(adata)
    oom.chunked_identify_robust_genes(adata, percent_cells=3)
    oom.chunked_highly_variable_features_pegasus(adata, n_top=60, span=0.1)
    assert adata.var["highly_variable"].sum() == 60
    robust = adata.var["robust"].to_numpy()
    loess = pytest.importorskip("skmisc.loess").loess
    curve = loess(adata.var["mean"].to_numpy()[robust], adata.var["var"].to_numpy()[robust], span=0.1, degree=2)
    curve.fit()
    np.testing.assert_allclose(adata.var["hvf_loess"][robust], curve.outputs.fitted_values, rtol=1e-6, atol=1e-9)
    assert (adata.var["hvf_rank"][~robust] == -1).all()


def test_residuals_and_regression_are_lazy(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    values = dense(memory.X).astype(float)
    found = oom.chunked_normalize_pearson_residuals(adata, inplace=False)
    assert type(adata.X) is oom.BackedArray
    expected = sc.experimental.pp.normalize_pearson_residuals(memory, inplace=False)["X"]
    np.testing.assert_allclose(found[:], np.asarray(expected), rtol=1e-4, atol=1e-4)
    assert found.dtype == np.float32
    assert oom.chunked_normalize_pearson_residuals(adata) is adata.X
    assert isinstance(adata[3:5].X, oom.PearsonResidualBackedArray)
    nothing = oom.PearsonResidualBackedArray(np.zeros((2, 3), np.float32), np.zeros(2), np.zeros(3), 0.0)
    np.testing.assert_array_equal(nothing[:], 0)

    adata.X = memory.X
    adata.obs["a"], adata.obs["b"] = values.sum(1), np.arange(adata.n_obs) * 1e-3
    betas = oom.chunked_regress(adata, ["a", "b"])
    design = np.column_stack([np.ones(adata.n_obs), adata.obs["a"], adata.obs["b"]])
    best = np.linalg.lstsq(design, values, rcond=None)[0]
    np.testing.assert_allclose(betas, best, rtol=1e-6, atol=1e-9)
    left = adata.layers["regressed"]
    assert isinstance(left, oom.RegressedBackedArray)
    np.testing.assert_allclose(left[:], values - design @ best, atol=1e-4)
    np.testing.assert_allclose(adata[[9, 2]].layers["regressed"][:], left[[9, 2]])
    with pytest.raises(ValueError, match="batch"):
        oom.chunked_regress(adata, ["batch"])


@pytest.mark.filterwarnings("ignore")
def test_counts_for_scrublet(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    before = adata.copy()
    found, chosen, count = oom.chunked_scrublet_prepare(adata, min_cells=8, min_genes=150)
    sc.pp.filter_genes(memory, min_cells=8)
    sc.pp.filter_cells(memory, min_genes=150)
    counts = memory.X.copy()
    sc.pp.normalize_total(memory)
    sc.pp.log1p(memory)
    sc.pp.highly_variable_genes(memory)
    mask = memory.var["highly_variable"].to_numpy()
    assert count == mask.sum() == chosen.sum()
    assert list(found.var_names) == list(memory.var_names[mask]) == list(adata.var_names[chosen])
    assert list(found.obs_names) == list(memory.obs_names)
    assert isinstance(found.X, sparse.csr_matrix)
    np.testing.assert_array_equal(found.X.toarray(), dense(counts)[:, mask])
    pd.testing.assert_frame_equal(adata.var, before.var)
    assert not adata.uns


def test_layers_raw_and_cache(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    values = dense(memory.X)
    adata.layers["x"] = adata.X
    assert isinstance(adata.layers, oom.BackedLayers)
    # From anndata 0.13 on, X is the layer without a name.
    assert [name for name in adata.layers if name is not None] == ["x"]
    assert adata.layers.get("y") is None
    part = adata.layers.subset(np.arange(5), [2, 1])
    np.testing.assert_array_equal(dense(part["x"]), values[:5][:, [2, 1]])
    del adata.layers["x"]
    assert not set(adata.layers) - {None}
    alone = oom.BackedLayers(shape=(2, 2))
    alone["a"] = np.eye(2)
    with pytest.raises(ValueError, match="shape"):
        alone["b"] = np.eye(3)
    alone.close()

    adata.raw = adata
    small = adata[:, :9]
    assert (small.raw.shape, small.raw.n_vars) == (memory.shape, memory.n_vars)
    np.testing.assert_array_equal(small.raw.obs_vector("gene30"), values[:, 30])
    np.testing.assert_array_equal(dense(small.raw[:, "gene30"].X), values[:, [30]])
    plain = small.raw.to_adata()
    assert type(plain) is ad.AnnData
    np.testing.assert_array_equal(dense(plain.X), values)
    small.raw.close()
    small.raw = None
    assert small.raw is None

    adata.cache_X()
    np.testing.assert_array_equal(adata.obs_vector("gene7"), values[:, 7])
    oom.chunked_log1p(adata)
    np.testing.assert_allclose(adata.obs_vector("gene7"), np.log1p(values[:, 7]), rtol=1e-6)
    adata.clear_cache()
    np.testing.assert_allclose(adata.var_vector(adata.obs_names[3]), np.log1p(values[3]), rtol=1e-6)


def test_parts_in_place_and_assigned_values(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    part = adata.subset(np.arange(6), [4, 2], inplace=False)
    assert part.shape == (6, 2)
    assert adata.subset(np.arange(40)) is None
    assert adata.shape == (40, memory.n_vars)
    values = dense(memory.X)[:40].copy()
    values[[3, 1], 4] = 9
    adata[[3, 1], 4] = 9
    np.testing.assert_array_equal(dense(adata.X), values)
    assert adata.X.format == getattr(memory.X, "format", "dense")
    assert (adata.isview, adata.isbacked, adata.filename.suffix) == (False, False, ".h5ad")


@pytest.mark.filterwarnings("ignore:Observation names")
def test_data_sets(path: Path, memory: ad.AnnData, tmp_path: Path) -> None:
    data = oom.AnnDataSet([("a", path), ("b", oom.read(path)[:5])], filename=tmp_path / "s.h5ads", add_key="from")
    assert data.shape == (memory.n_obs + 5, memory.n_vars)
    assert list(data.adatas) == ["a", "b"]
    assert data.obs["from"].value_counts().to_dict() == {"a": memory.n_obs, "b": 5}
    np.testing.assert_array_equal(dense(data.X[-5:]), dense(memory.X)[:5])
    assert not (tmp_path / "s.h5ads").exists()
    assert type(data.to_adata(np.arange(3))) is ad.AnnData
    opened = data.to_adata(np.arange(3), file=tmp_path / "few.h5ad")
    np.testing.assert_array_equal(dense(opened.X[:]), dense(memory.X)[:3])
    assert (data.backend, data.is_closed()) == ("hdf5", False)


def test_guards(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    @oom.oom_guard(result_keys_uns=["kept"], result_keys_obs=["*"], result_keys_obsm=["X_new"], result_keys_var=["v"])
    def work(adata: ad.AnnData, factor: int) -> str:
        assert type(adata) is ad.AnnData
        adata._inplace_subset_var(np.arange(5))
        adata.uns.update(kept=factor, lost=1)
        adata.obs["new"] = 1.0
        adata.obsm["X_new"] = np.ones((adata.n_obs, 2))
        adata.var["v"] = 1.0
        return "done"

    assert work(adata, 3) == "done"
    assert adata.uns["kept"] == 3
    assert "lost" not in adata.uns
    assert (adata.obs["new"] == 1).all()
    assert adata.obsm["X_new"].shape == (adata.n_obs, 2)
    assert adata.var["v"].notna().sum() == 5
    assert work(adata=memory, factor=2) == "done"
    assert memory.n_vars == 5

    with pytest.raises(TypeError, match="refused.*better"):
        oom.oom_guard(materialize=False, suggest="better")(refused)(adata)
    with annstream.settings.override(memory="64K"), pytest.raises(annstream.BudgetError):
        work(adata, 1)


def refused(adata: ad.AnnData) -> None:
    """Is never called."""
    raise AssertionError


def test_compression(adata: oom.AnnDataOOM, tmp_path: Path) -> None:
    adata.write(tmp_path / "c.h5ad", compression=oom.Compression.gzip(7))
    assert annstream._annstream.compression_of(tmp_path / "c.h5ad").startswith("gzip:7")
    np.testing.assert_array_equal(dense(ad.read_h5ad(tmp_path / "c.h5ad").X), dense(adata.X))
    assert oom.Compression.zstd(3) == "zstd:3"


def test_everything_works_on_other_anndata(path: Path, memory: ad.AnnData) -> None:
    lazily = annstream.read(path)
    for x in (lazily, memory):
        annstream.chunked_normalize_total(x, target_sum=1e3)
        annstream.chunked_log1p(x)
        annstream.chunked_scale(x)
        assert isinstance(x.layers["scaled"], annstream.LazyMatrix)
    np.testing.assert_allclose(lazily.layers["scaled"][:], memory.layers["scaled"][:], rtol=1e-5, atol=1e-6)
    assert annstream.is_oom(lazily)
    assert oom.AnnDataOOM(lazily).X.sum().shape == (lazily.n_vars,)


def test_names_and_signatures() -> None:
    for name in set(oom.__all__) - {"__version__", "DEFAULT_CHUNK_SIZE", "read", "concat"}:
        assert getattr(annstream, name) is getattr(oom, name)
        assert inspect.getdoc(getattr(oom, name))
    expected = {
        "read": ["path", "backed", "options"],
        "chunked_qc_metrics": ["adata", "percent_top", "chunk_size"],
        "chunked_gene_group_pct": ["adata", "gene_mask", "chunk_size"],
        "chunked_normalize_total": ["adata", "target_sum", "exclude_highly_expressed", "max_fraction", "chunk_size"],
        "chunked_log1p": ["adata"],
        "chunked_mean_var": ["adata", "layer", "chunk_size"],
        "chunked_identify_robust_genes": ["adata", "percent_cells", "chunk_size"],
        "chunked_scale": ["adata", "max_value", "chunk_size"],
        "chunked_regress": ["adata", "keys", "chunk_size"],
        "materialise_for_pca": ["adata", "layer"],
        "is_oom": ["obj"],
    }
    for name, names in expected.items():
        assert list(inspect.signature(getattr(oom, name)).parameters) == names
    pca = inspect.signature(oom.chunked_pca).parameters
    assert [pca[name].default for name in ("layer", "n_comps", "n_power_iters")] == ["scaled", 50, 4]
    assert oom.read.__defaults__ == ("r",)
