"""The faults F1 to F35 of an older package for the same purpose, which must not be here."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import anndata as ad
import annstream
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .files import dense, same


@pytest.fixture
def memory(file: Path) -> ad.AnnData:
    """The same in memory."""
    return ad.read_h5ad(file)


def test_f1_f2_a_view_keeps_the_file_open(file: Path, memory: ad.AnnData) -> None:
    part = annstream.read(file)[5:10]
    np.testing.assert_array_equal(dense(part.X[:]), dense(memory.X)[5:10])
    whole = annstream.read(file)
    part = whole[:10]
    whole.close()
    np.testing.assert_array_equal(dense(part.X), dense(memory.X)[:10])
    np.testing.assert_array_equal(dense(part.layers["counts"]), dense(memory.layers["counts"])[:10])
    np.testing.assert_array_equal(part[2:].copy().to_df().to_numpy(), dense(memory.X)[2:10])
    with pytest.raises(ValueError, match="closed"):
        _ = whole.X
    adata = annstream.read(file)
    file.unlink()
    adata = adata[:, np.arange(7)]
    np.testing.assert_allclose(adata.X.sum(0), dense(memory.X)[:, :7].sum(0))


def test_f7_writing_a_file_onto_itself(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    before = adata[:5]
    part = adata[::2].copy()
    adata.obs["new"] = 1
    adata.write_h5ad(file)
    expected = memory.copy()
    expected.obs["new"] = 1
    expected.strings_to_categoricals()
    same(ad.read_h5ad(file), expected)
    same(adata, expected)
    np.testing.assert_array_equal(dense(before.X), dense(memory.X)[:5])
    part.write(file)
    np.testing.assert_array_equal(dense(ad.read_h5ad(file).X), dense(memory.X)[::2])
    assert [path.name for path in file.parent.iterdir()] == ["a.h5ad"]


def test_f7_a_zarr_store_too(tmp_path: Path, memory: ad.AnnData) -> None:
    store = tmp_path / "a.zarr"
    annstream.read(tmp_path / "a.h5ad").write_zarr(store)
    adata = annstream.read(store)
    adata.obs["new"] = 1
    adata.write_zarr(store)
    np.testing.assert_array_equal(dense(adata.X), dense(memory.X))
    again = annstream.read(store)
    assert "new" in again.obs
    adata[::2].copy().write_zarr(store)
    with pytest.raises(OSError, match="replaced"):
        again.X.sum()


def test_f8_f9_rows_in_any_order_stream_in_that_order(file: Path, memory: ad.AnnData, tmp_path: Path) -> None:
    order = [20, 3, 30, 3]
    part = annstream.read(file)[order]
    np.testing.assert_array_equal(np.concatenate([dense(block) for _, block in part.chunks(3)]), dense(memory.X)[order])
    np.testing.assert_allclose(part.X.sum(1), dense(memory.X)[order].sum(1))
    part.write_h5ad(tmp_path / "b.h5ad")
    found = ad.read_h5ad(tmp_path / "b.h5ad")
    np.testing.assert_array_equal(dense(found.X), dense(memory.X)[order])
    assert list(found.obs_names) == list(memory.obs_names[order])


def test_f10_f17_f34_raw_lives_and_follows(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    part = adata[:10]
    copy = adata.copy()
    del part, copy
    np.testing.assert_array_equal(dense(adata.raw.X), dense(memory.raw.X))
    np.testing.assert_array_equal(dense(adata.raw[[3, 1], ["raw2", "raw0"]].X), dense(memory.raw.X)[[3, 1]][:, [2, 0]])
    np.testing.assert_array_equal(adata.raw.obs_vector("raw3"), memory.raw.obs_vector("raw3"))
    adata._inplace_subset_obs(adata.obs["flag"].to_numpy())
    memory._inplace_subset_obs(memory.obs["flag"].to_numpy())
    assert adata.raw.shape == memory.raw.shape
    same(adata, memory)
    same(adata.raw.to_adata(), memory.raw.to_adata())


def test_f11_views_of_changed_values(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    adata.layers["log"] = adata.X.with_op("log1p")
    rows = [7, 2, 2]
    np.testing.assert_allclose(dense(adata[rows].layers["log"]), np.log1p(dense(memory.X)[rows]), rtol=1e-6)
    np.testing.assert_allclose(
        adata[rows].obs_vector("gene3", layer="log"), np.log1p(dense(memory.X)[rows][:, 3]), rtol=1e-6
    )


def test_f18_f19_f20_types_stay(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    pd.testing.assert_frame_equal(adata.obs, memory.obs)
    pd.testing.assert_frame_equal(adata.obsm["frame"], memory.obsm["frame"])
    pd.testing.assert_frame_equal(adata.uns["nested"]["frame"], memory.uns["nested"]["frame"])
    assert adata.obs["group"].cat.ordered
    assert adata.obs_names.name == "barcode"


def test_f22_f31_f32_layers_are_ones_own_and_leave_no_files(file: Path) -> None:
    adata = annstream.read(file)
    stored = sparse.csr_matrix(np.eye(*adata.shape, dtype=np.float32))
    adata.layers["mine"] = stored
    assert adata.layers["mine"] is stored
    copy = adata.copy()
    copy.layers["z"] = stored
    assert "z" not in adata.layers
    repr(adata), adata._repr_html_(), "x" in adata.layers, [adata[:3].layers[key] for key in adata.layers]
    assert [path.name for path in file.parent.iterdir()] == ["a.h5ad"]


def test_f23_f24_f26_what_cannot_be_opened(tmp_path: Path, file: Path) -> None:
    for backed in ("r+", "w"):
        with pytest.raises(ValueError, match="backed"):
            annstream.read(file, backed=backed)
    assert annstream.read(file, backed="r").shape == annstream.read(file, backed=None).shape
    with pytest.raises(FileNotFoundError):
        annstream.read(tmp_path / "missing.h5ad")
    with pytest.raises(FileNotFoundError):
        annstream.LazyMatrix.open(tmp_path / "missing.h5ad")
    (tmp_path / "text.h5ad").write_text("no HDF5")
    (tmp_path / "folder").mkdir()
    for wrong in ("text.h5ad", "folder"):
        with pytest.raises(annstream.FormatError):
            annstream.read(tmp_path / wrong)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = [1]
    with pytest.raises(annstream.FormatError, match="not AnnData"):
        annstream.read(tmp_path / "other.h5")
    with pytest.raises(KeyError, match="nothing stands there"):
        annstream.LazyMatrix.open(file, "layers/none")
    gc.collect()
    with h5py.File(file, "r+") as broken:
        broken["X/indices"][3] = 1000
    damaged = annstream.read(file)
    with pytest.raises(annstream.FormatError, match="index 1000"):
        damaged.X.sum()


def test_f25_unsorted_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    expected = sparse.random(20, 9, 0.4, format="csr", random_state=2)
    for start, stop in zip(expected.indptr, expected.indptr[1:], strict=False):
        order = rng.permutation(stop - start) + start
        expected.indices[start:stop], expected.data[start:stop] = expected.indices[order], expected.data[order]
    expected.has_sorted_indices = False
    ad.AnnData(expected).write_h5ad(tmp_path / "a.h5ad")
    adata = annstream.read(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(adata.X.to_memory().indices, expected.indices)
    np.testing.assert_allclose(adata.X.var(0), expected.toarray().var(0))
    np.testing.assert_array_equal(adata[::-2, [3, 1]].X.toarray(), expected.toarray()[::-2][:, [3, 1]])


@pytest.mark.filterwarnings("ignore")
def test_f27_setters_check(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)

    def cases(x: ad.AnnData) -> list:
        return [
            lambda: setattr(x, "obs", pd.DataFrame({"a": [1]})),
            lambda: x.obsm.__setitem__("b", np.ones((3, 2))),
            lambda: setattr(x, "X", np.ones((3, 2))),
            lambda: x.layers.__setitem__("b", np.ones((3, 2))),
            lambda: x.varp.__setitem__("b", np.ones((3, 2))),
            lambda: setattr(x, "obs_names", ["a"]),
            lambda: setattr(x, "uns", 3),
        ]

    for own, other in zip(cases(adata), cases(memory), strict=True):
        with pytest.raises(Exception) as expected:
            other()
        with pytest.raises(expected.type):
            own()
    adata.X = adata.layers["counts"]
    np.testing.assert_array_equal(dense(adata.X), dense(memory.layers["counts"]))
    part = adata[:4]
    part.X = np.ones(part.shape)
    assert not part.is_view
    assert isinstance(adata.X, annstream.LazyMatrix)
    with pytest.raises(ValueError, match="wrong shape"):
        adata[:4].X = np.ones((2, 2))
    adata.X = None
    assert adata[:3].X is None


def test_f28_f29_it_is_an_anndata(file: Path, memory: ad.AnnData) -> None:
    with annstream.read(file) as adata:
        assert isinstance(adata, ad.AnnData)
        assert isinstance(adata[:3], ad.AnnData)
        assert len(adata) == memory.n_obs
        for one, expected in ((adata, memory), (adata[[3, 3, 1]], memory[[3, 3, 1]].copy())):
            again = pickle.loads(pickle.dumps(one))
            assert isinstance(again.X, annstream.LazyMatrix)
            same(again, expected)
        plain = ad.AnnData(adata.X, obs=adata.obs, var=adata.var)[2:4]
        np.testing.assert_array_equal(dense(plain.X), dense(memory.X)[2:4])


@pytest.mark.filterwarnings("ignore")
def test_f35_nothing_is_printed(file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    adata = annstream.read(file)
    adata[:3].copy().to_memory()
    adata.write_h5ad(tmp_path / "b.h5ad")
    annstream.concat([adata, adata], index_unique="-").X.sum()
    assert capfd.readouterr() == ("", "")
    text = repr(adata)
    assert "lazy: X (csr float32)" in text
    assert repr(adata[:3]).startswith("View of AnnData object with n_obs × n_vars = 3 × 23")
    assert "lazy csr float32" in adata._repr_html_()


@pytest.mark.filterwarnings("ignore")
def test_scanpy_plots_and_gets_from_it_unchanged(file: Path, memory: ad.AnnData) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    adata = annstream.read(file)
    genes = ["gene3", "gene1", "gene3"][:2]
    for x in (adata, memory):
        x.obsm["X_umap"] = np.asarray(x.obsm["X_pca"])[:, :2]
    pd.testing.assert_frame_equal(
        sc.get.obs_df(adata, [*genes, "number"], use_raw=False),
        sc.get.obs_df(memory, [*genes, "number"], use_raw=False),
    )
    pd.testing.assert_frame_equal(
        sc.get.obs_df(adata, ["raw2"], use_raw=True), sc.get.obs_df(memory, ["raw2"], use_raw=True)
    )
    pd.testing.assert_frame_equal(sc.get.var_df(adata, ["cell3"]), sc.get.var_df(memory, ["cell3"]))
    for keys in ([*genes, "kind"], ["kind", genes[0], "number", genes[1]], ["kind"]):
        expected = sc.get.obs_df(memory, keys, use_raw=False)
        pd.testing.assert_frame_equal(adata.obs_vectors(keys), expected)
    for x in (adata, adata[5:30]):
        sc.pl.umap(x, color=[*genes, "kind"], use_raw=False, show=False)
        sc.pl.violin(x, genes, groupby="group", use_raw=False, show=False)
        sc.pl.dotplot(x, genes, groupby="group", use_raw=False, show=False)
        sc.pl.dotplot(x, ["raw1"], groupby="group", use_raw=True, show=False)
        sc.pl.heatmap(x, genes, groupby="group", use_raw=False, show=False)
        sc.pl.matrixplot(x, genes, groupby="group", layer="counts", use_raw=False, show=False)
        sc.pl.scatter(x, genes[0], genes[1], use_raw=False, show=False)
        mpl.pyplot.close("all")
    found, expected = (sc.get.aggregate(x, "kind", "sum") for x in (adata.to_memory(), memory))
    same(found, expected)


def test_many_genes_take_one_pass_and_are_remembered(
    file: Path, memory: ad.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    adata = annstream.read(file)
    expected = memory[:, ["gene4", "gene2"]].X.toarray()
    np.testing.assert_array_equal(adata.obs_vectors(["gene4", "gene2"]).to_numpy(), expected)
    monkeypatch.setattr(annstream.LazyMatrix, "to_memory", None)
    np.testing.assert_array_equal(adata.obs_vector("gene2"), expected[:, 1])
    with pytest.raises(TypeError):
        adata.obs_vector("gene5")
    with pytest.raises(KeyError, match="nothing"):
        adata.obs_vectors(["nothing"])
    with pytest.raises(KeyError):
        adata.obs_vector("nothing")


def test_threads_read_at_the_same_time(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    expected, found = dense(memory.X).sum(0), []

    def work() -> None:
        found.extend(adata.X.view(slice(None)).sum(0) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(np.allclose(one, expected) for one in found)


SLOW = """
import signal, sys, numpy as np, annstream
from scipy import sparse
x = annstream.LazyMatrix.wrap(sparse.random(20000, 2000, 0.05, format="csr", dtype=np.float32, random_state=0))
# Who runs the tests in the background may have switched it off.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    while True:
        x.with_op("scale", means=np.ones(2000), deviations=np.ones(2000)).sum(0)
except KeyboardInterrupt:
    print("stopped", flush=True)
    print(x.view(slice(0, 3)).sum(), flush=True)
"""


def test_ctrl_c_stops_the_engine(tmp_path: Path) -> None:
    folder = str(Path(annstream.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": folder}
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    assert out.startswith("stopped\n")
    assert child.returncode == 0


def test_a_fork_reads_with_threads_of_its_own(file: Path, memory: ad.AnnData) -> None:
    adata = annstream.read(file)
    expected = adata.X.sum(0)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        fine = np.allclose(adata.X.view(slice(None, 30)).sum(0), dense(memory.X)[:30].sum(0))
        os.write(writer, b"y" if fine else b"n")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"y"
    np.testing.assert_allclose(expected, dense(memory.X).sum(0))


def test_settings() -> None:
    before = repr(annstream.settings)
    with annstream.settings.override(memory="2G", n_jobs=3, progress="off"):
        assert annstream.settings.memory == 2 << 30
        assert annstream.settings.threads == 3
    assert repr(annstream.settings) == before
    for wrong in ({"memory": "2X"}, {"memory": 0}, {"threads": 0}, {"progress": "loud"}):
        with pytest.raises(ValueError, match="memory|size|threads|progress"), annstream.settings.override(**wrong):
            pass
    with pytest.raises(AttributeError), annstream.settings.override(speed=3):
        pass
    assert repr(annstream.settings) == before


def test_progress_is_shown_when_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = []
    annstream._annstream.watch(lambda *call: calls.append(call))
    try:
        x = annstream.LazyMatrix.wrap(sparse.random(30000, 1000, 0.05, format="csr", dtype=np.float32, random_state=0))
        means = np.ones(1000)
        x.with_op("scale", means=means, deviations=means).sum(0)
    finally:
        annstream.settings.progress = "auto"
    assert calls[-1] == (None, None, 0, 0)
    assert ("statistics of columns", "rows", 30000) in {(stage, unit, total) for stage, unit, _, total in calls}
