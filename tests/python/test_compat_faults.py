"""The faults F1 to F35 of ``anndataoom`` 0.1.8: by its names, what it should have done."""

from __future__ import annotations

import pickle
from pathlib import Path

import anndata as ad
import annstream
import annstream.compat.anndataoom as oom
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .counts import same as agree
from .counts import some_cells
from .files import dense, same


@pytest.fixture
def memory(file: Path) -> ad.AnnData:
    """The same in memory."""
    return ad.read_h5ad(file)


@pytest.fixture
def adata(file: Path) -> oom.AnnDataOOM:
    """The same, opened."""
    return oom.read(file)


def test_f1_the_name_of_the_whole_may_go_to_a_part(file: Path, memory: ad.AnnData) -> None:
    a = oom.read(file)
    a.var["highly_variable"] = np.arange(a.n_vars) % 2 == 0
    a = a[:, a.var.highly_variable]
    oom.chunked_scale(a)
    expected = sc.pp.scale(dense(memory.X)[:, ::2].astype(float), max_value=10)
    np.testing.assert_allclose(a.layers["scaled"][:], expected, rtol=1e-5, atol=1e-6)


def test_f2_parts_outlive_the_whole(file: Path, memory: ad.AnnData) -> None:
    np.testing.assert_array_equal(dense(oom.read(file)[:20].X[:]), dense(memory.X)[:20])
    a = oom.read(file)
    part = a[:10]
    a.close()
    np.testing.assert_array_equal(dense(part.X[:]), dense(memory.X)[:10])


@pytest.mark.filterwarnings("ignore:Observation names")
def test_f3_f4_concat_takes_what_read_gives(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    both = oom.concat([adata, adata], label="run", keys=["x", "y"])
    expected = ad.concat([memory, memory], label="run", keys=["x", "y"], merge="same", uns_merge="same")
    assert isinstance(both, oom.AnnDataOOM)
    assert isinstance(both.X, oom.BackedArray)
    same(both, expected)


@pytest.mark.filterwarnings("ignore:Observation names")
def test_f5_what_concat_writes_others_read(adata: oom.AnnDataOOM, memory: ad.AnnData, tmp_path: Path) -> None:
    path = tmp_path / "both.h5ad"
    both = oom.concat([adata, adata], file=path)
    found = ad.read_h5ad(path)
    assert both.filename == path
    assert found.obs["kind"].dtype == memory.obs["kind"].dtype
    np.testing.assert_array_equal(dense(found.X), np.vstack([dense(memory.X)] * 2))


@pytest.mark.filterwarnings("ignore:Observation names")
def test_f6_concat_of_different_columns(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    other, of_other = adata.copy(), memory.copy()
    for x in (other, of_other):
        x.obs = x.obs[["text", "group"]].assign(more=1)
    for join in ("inner", "outer"):
        found = oom.concat([adata, other], join=join).obs
        pd.testing.assert_frame_equal(found, ad.concat([memory, of_other], join=join).obs)


def test_f7_writing_a_file_onto_itself(file: Path, adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    adata.obs["new"] = 1
    adata.write(file)
    memory.obs["new"] = 1
    memory.strings_to_categoricals()
    same(ad.read_h5ad(file), memory)
    same(adata, memory)
    assert isinstance(adata.layers["counts"], oom.BackedArray)


def test_f8_rows_stream_in_the_order_of_obs(adata: oom.AnnDataOOM, memory: ad.AnnData, tmp_path: Path) -> None:
    order = [20, 3, 30]
    part, expected = adata[order], dense(memory.X)[order]
    chunks = list(part.X.chunked(2))
    assert [(start, end) for start, end, _ in chunks] == [(0, 2), (2, 3)]
    np.testing.assert_array_equal(np.vstack([dense(chunk) for *_, chunk in chunks]), expected)
    np.testing.assert_array_equal(part.X.sum(1), expected.sum(1))
    part.write(tmp_path / "part.h5ad")
    np.testing.assert_array_equal(dense(ad.read_h5ad(tmp_path / "part.h5ad").X), expected)
    oom.chunked_qc_metrics(part)
    np.testing.assert_array_equal(part.obs["nUMIs"], expected.sum(1))
    oom.chunked_normalize_total(part, target_sum=10)
    np.testing.assert_allclose(part.obs["_norm_factor"], expected.sum(1) / 10)
    np.testing.assert_allclose(dense(part.X), expected / expected.sum(1, keepdims=True) * 10, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Observation names")
def test_f9_repeated_rows(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    part = adata[[5, 5, 6]]
    [(start, end, chunk)] = part.X.chunked()
    assert (start, end) == (0, 3)
    np.testing.assert_array_equal(dense(chunk), dense(memory.X)[[5, 5, 6]])


def test_f10_raw_outlives_parts_and_copies(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    part, copy = adata[:10], adata.copy()
    del part, copy
    np.testing.assert_array_equal(dense(adata.raw.X[:]), dense(memory.raw.X))
    same(adata.to_adata(), memory)
    assert adata.T.shape == memory.shape[::-1]


def test_f11_parts_of_scaled_values_are_scaled(adata: oom.AnnDataOOM) -> None:
    oom.chunked_scale(adata)
    whole, rows = adata.layers["scaled"][:], [7, 2, 30]
    np.testing.assert_array_equal(adata.layers["scaled"][rows], whole[rows])
    np.testing.assert_array_equal(adata[rows].layers["scaled"][:], whole[rows])
    np.testing.assert_array_equal(adata[rows].obs_vector("gene3", layer="scaled"), whole[rows, 3])
    assert isinstance(adata[rows, 3:9].layers["scaled"], oom.ScaledBackedArray)
    assert np.abs(whole).max() > 1


def test_f12_numbers_and_negative_ones(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    values = dense(memory.X)
    for index in (-1, 5, np.int64(-3), [-1, -2], (slice(None), 5), (slice(None), -2), (3, [-1, 0])):
        found, expected = adata[index], memory[index]
        assert found.shape == expected.shape
        assert list(found.obs_names) == list(expected.obs_names)
        np.testing.assert_array_equal(dense(found.X), dense(expected.X))
    np.testing.assert_array_equal(dense(adata.X[-1]), values[[-1]])
    np.testing.assert_array_equal(dense(adata.X[[-1, -2]]), values[[-1, -2]])
    with pytest.raises(IndexError):
        adata[1000]


def test_f13_names_of_cells(adata: oom.AnnDataOOM) -> None:
    assert adata["cell7"].shape == (1, adata.n_vars)
    assert list(adata["cell7"].obs_names) == ["cell7"]
    assert list(adata["gene7"].var_names) == ["gene7"]
    with pytest.raises(KeyError, match="no such name"):
        adata["no such name"]


def test_f14_masks_of_another_length(adata: oom.AnnDataOOM) -> None:
    with pytest.raises(IndexError, match="does not match"):
        adata[np.ones(30, bool)]
    with pytest.raises(IndexError, match="mask"):
        adata.X[np.ones(30, bool)]


def test_f15_slices_of_names(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    found = adata[:, "gene3":"gene8"]
    assert list(found.var_names) == list(memory[:, "gene3":"gene8"].var_names)
    np.testing.assert_array_equal(dense(found.X), dense(memory[:, "gene3":"gene8"].X))


def test_f16_pairs_stay(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    np.testing.assert_array_equal(dense(adata[:10].obsp["graph"]), dense(memory[:10].obsp["graph"]))
    np.testing.assert_array_equal(adata[:, :10].varp["links"], memory[:, :10].varp["links"])


def test_f17_raw_follows_the_cells(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    mask = np.arange(adata.n_obs) % 2 == 0
    adata._inplace_subset_obs(mask)
    memory._inplace_subset_obs(mask)
    assert adata.raw.shape == memory.raw.shape
    np.testing.assert_array_equal(dense(adata.raw.X), dense(memory.raw.X))
    assert adata.filename is not None


def test_f18_categories_keep_their_order(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    assert adata.obs["group"].cat.ordered
    assert adata.obs["group"].dtype == memory.obs["group"].dtype


def test_f19_frames_stay_frames(adata: oom.AnnDataOOM, memory: ad.AnnData, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(adata.obsm["frame"], memory.obsm["frame"])
    pd.testing.assert_frame_equal(adata.uns["nested"]["frame"], memory.uns["nested"]["frame"])
    adata.write(tmp_path / "b.h5ad")
    again = oom.read(tmp_path / "b.h5ad")
    pd.testing.assert_frame_equal(again.uns["nested"]["frame"], memory.uns["nested"]["frame"])


def test_f20_types_and_names_stay(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    pd.testing.assert_frame_equal(adata.obs, memory.obs)
    pd.testing.assert_frame_equal(adata.var, memory.var)
    assert adata.obs_names.name == "barcode"
    assert isinstance(adata.obs["count"].dtype, pd.Int64Dtype)
    assert isinstance(adata.obs["maybe"].dtype, pd.BooleanDtype)


def test_f21_written_as_it_was(adata: oom.AnnDataOOM, memory: ad.AnnData, tmp_path: Path) -> None:
    adata.write(tmp_path / "b.h5ad")
    memory.strings_to_categoricals()
    same(ad.read_h5ad(tmp_path / "b.h5ad"), memory)


def test_f22_sparse_layers_stay_sparse(adata: oom.AnnDataOOM) -> None:
    stored = sparse.csr_matrix(np.eye(*adata.shape, dtype=np.float32))
    adata.layers["mine"] = stored
    assert adata.layers["mine"] is stored
    assert sparse.issparse(adata[:5].layers["mine"])


def test_f23_what_may_be_written_is_written(file: Path, memory: ad.AnnData) -> None:
    a = oom.read(file, backed="r+")
    a.obs["n"] = 1
    part = a[:3]
    part.close()
    assert "n" not in ad.read_h5ad(file).obs
    a.close()
    found = ad.read_h5ad(file)
    assert (found.obs["n"] == 1).all()
    np.testing.assert_array_equal(dense(found.X), dense(memory.X))
    with pytest.raises(ZeroDivisionError), oom.read(file, backed="r+") as a:
        a.obs["m"] = 1 // 0
    with oom.read(file) as a:
        a.obs["m"] = 1
    assert "m" not in ad.read_h5ad(file).obs


def test_f24_errors_are_exceptions_that_say_what(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        oom.read(tmp_path / "missing.h5ad")
    for options in ({"backed": "w"}, {"backend": "parquet"}):
        with pytest.raises(ValueError, match="backe"):
            oom.read(file, **options)
    (tmp_path / "text.h5ad").write_text("no HDF5")
    with pytest.raises(annstream.FormatError):
        oom.read(tmp_path / "text.h5ad")
    assert oom.read(str(file), backed=None, backend="hdf5").shape == oom.read(file).shape


def test_f25_unsorted_rows(tmp_path: Path) -> None:
    matrix = sparse.csr_matrix((np.float32([1, 2, 3]), [4, 1, 0], [0, 2, 3]), shape=(2, 5))
    ad.AnnData(matrix).write_h5ad(tmp_path / "u.h5ad")
    found = oom.read(tmp_path / "u.h5ad")
    np.testing.assert_array_equal(dense(found.X[:]), matrix.toarray())
    np.testing.assert_array_equal(found.X.sum(), matrix.toarray().sum(0))


def test_f26_zarr_stores(adata: oom.AnnDataOOM, memory: ad.AnnData, tmp_path: Path) -> None:
    adata.write(tmp_path / "a.zarr")
    found = oom.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(dense(found.X[:7]), dense(memory.X)[:7])
    np.testing.assert_array_equal(found.X.sum(), dense(memory.X).sum(0))


def test_f27_what_does_not_fit_is_refused(adata: oom.AnnDataOOM) -> None:
    with pytest.raises(ValueError, match="shape|Length"):
        adata.obs = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError, match="shape"):
        adata.obsm["b"] = np.ones((3, 2))
    with pytest.raises(ValueError, match="shape"):
        adata.X = np.ones((3, 2))
    with pytest.raises(ValueError, match="shape"):
        adata.layers["b"] = np.ones((3, 2))
    adata.X = np.ones(adata.shape, np.float32)
    assert isinstance(adata.X, oom.BackedArray)
    assert adata.X.sum(axis=None) == adata.n_obs * adata.n_vars


def test_f28_length_context_and_pickle(file: Path, memory: ad.AnnData) -> None:
    with oom.read(file) as a:
        assert len(a) == memory.n_obs
        oom.chunked_scale(a)
        again = pickle.loads(pickle.dumps(a[3:9]))
        assert isinstance(again, oom.AnnDataOOM)
        assert isinstance(again.layers["scaled"], oom.ScaledBackedArray)
        np.testing.assert_array_equal(again.layers["scaled"][:], a.layers["scaled"][3:9])
        part = pickle.loads(pickle.dumps(a.X))
    assert type(part) is oom.BackedArray
    np.testing.assert_array_equal(dense(part), dense(memory.X))
    with pytest.raises(ValueError, match="closed"):
        _ = a.X


def test_f29_it_is_an_anndata(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    assert isinstance(adata, ad.AnnData)
    assert isinstance(adata[:3], ad.AnnData)
    assert oom.is_oom(adata)
    assert not oom.is_oom(memory)


@pytest.mark.filterwarnings("ignore")
def test_f30_steps_with_scanpys_names_take_it(tmp_path: Path) -> None:
    expected = some_cells()
    expected.write_h5ad(tmp_path / "a.h5ad")
    found = oom.read(tmp_path / "a.h5ad")
    for x, pp in ((expected, sc.pp), (found, annstream.pp)):
        pp.filter_cells(x, min_genes=150)
        pp.filter_genes(x, min_cells=5)
        pp.normalize_total(x, target_sum=1e4)
        pp.log1p(x)
        pp.highly_variable_genes(x, n_top_genes=100)
    assert isinstance(found, oom.AnnDataOOM)
    agree(found, expected)
    for x, pp in ((expected, sc.pp), (found, annstream.pp)):
        pp.pca(x, n_comps=5)
    np.testing.assert_allclose(np.abs(found.obsm["X_pca"]), np.abs(expected.obsm["X_pca"]), rtol=1e-2, atol=1e-3)
    own, other = (sc.get.obs_df(x, ["gene3", "n_genes"]) for x in (found, expected))
    pd.testing.assert_frame_equal(own, other, rtol=1e-5)


def test_f31_copies_share_no_layers(adata: oom.AnnDataOOM) -> None:
    copy = adata.copy()
    copy.layers["z"] = copy.layers["counts"]
    copy.obs["z"] = 1
    assert "z" not in adata.layers
    assert "z" not in adata.obs


def test_f32_looking_makes_no_files(file: Path, adata: oom.AnnDataOOM) -> None:
    assert "x" not in adata.layers
    repr(adata), adata._repr_html_(), list(adata.layers.keys())
    for _ in range(3):
        adata[:5].layers["dense"] = np.ones((5, adata.n_vars))
    adata.layers.subset(np.arange(3), None)
    assert [path.name for path in file.parent.iterdir()] == ["a.h5ad"]


def test_f33_logarithms_twice_and_of_scaled_values(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    oom.chunked_log1p(adata)
    oom.chunked_log1p(adata)
    np.testing.assert_allclose(dense(adata.X), np.log1p(np.log1p(dense(memory.X))), rtol=1e-6)
    oom.chunked_scale(adata)
    scaled = adata.layers["scaled"]
    adata.X = scaled
    with np.errstate(invalid="ignore"):
        expected = np.log1p(scaled[:])
    oom.chunked_log1p(adata)
    np.testing.assert_allclose(adata.X[:], expected, rtol=1e-5, atol=1e-6)
    assert type(adata.X) is oom.TransformedBackedArray


def test_f34_rows_of_raw(adata: oom.AnnDataOOM, memory: ad.AnnData) -> None:
    found = adata.raw[[3, 1], ["raw2", "raw0"]]
    np.testing.assert_array_equal(dense(found.X), dense(memory.raw.X)[[3, 1]][:, [2, 0]])
    assert found.shape == (2, 2)


@pytest.mark.filterwarnings("ignore")
def test_f35_nothing_is_printed(adata: oom.AnnDataOOM, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adata.copy(to_memory=True)
    adata.to_memory()
    assert adata.T.n_obs == adata.n_vars
    adata[3, 4] = 5
    adata[:3].to_df()
    adata.write(tmp_path / "b.h5ad")
    oom.oom_guard(result_keys_uns=["z"], suggest="other")(lambda adata: adata.uns.update(z=1))(adata)
    assert capfd.readouterr() == ("", "")
    assert adata.X[3, 4][0, 0] == 5
    assert adata.X.format == "csr"
    assert adata.uns["z"] == 1
