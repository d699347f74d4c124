"""Lazy matrices as dask arrays, and dask arrays as X."""

from __future__ import annotations

import gc
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import dask.array as da
import numpy as np
import pytest
import scanpy as sc
from annstream import LazyMatrix
from annstream._dask import Handle
from scipy import sparse

from .counts import same, some_cells
from .files import dense, matrix


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster of two processes."""
    from distributed import Client, LocalCluster

    arguments: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "memory_limit": "1GiB"}
    with LocalCluster(dashboard_address=None, **arguments) as cluster, Client(cluster) as client:
        yield client


def changed(lazy: LazyMatrix) -> LazyMatrix:
    """With operators of rows and of columns, some rows and columns."""
    rows, columns = lazy.shape
    lazy = lazy.with_op("divide_rows", divisors=np.linspace(1, 2, rows)).with_op("log1p")
    lazy = lazy.view(slice(1, None), np.arange(columns)[::2])
    return lazy.with_op("scale", means=None, deviations=np.linspace(1, 2, lazy.shape[1]), limit=3.0)


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_blocks_are_rows(lazy: annstream.AnnData, memory: ad.AnnData, scheduler: str) -> None:
    for found in (lazy.X, lazy.layers["counts"], changed(lazy.X)):
        expected = found.to_memory()
        array = found.to_dask(9)
        assert array.shape == found.shape
        assert array.dtype == found.dtype
        assert array.chunks[1] == (found.shape[1],)
        computed = array.compute(scheduler=scheduler)
        np.testing.assert_array_equal(dense(computed), dense(expected))
        if found.format == "dense":
            assert isinstance(array._meta, np.ndarray)
        else:
            assert sparse.isspmatrix_csr(array._meta)
            assert sparse.isspmatrix_csr(computed)
            assert array._meta.dtype == computed.dtype == expected.dtype


def test_processes_open_the_file_themselves(tmp_path: Path) -> None:
    some_cells().write_h5ad(tmp_path / "a.h5ad")
    found = changed(LazyMatrix.open(tmp_path / "a.h5ad"))
    computed = found.to_dask(150).compute(scheduler="processes", num_workers=1)
    np.testing.assert_array_equal(dense(computed), dense(found))


def test_a_graph_has_no_values_and_a_name_that_follows_from_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.h5ad"
    ad.AnnData(matrix(rng, 3000, 50, "csr")).write_h5ad(path)
    lazy = LazyMatrix.open(path)
    array = lazy.with_op("log1p").to_dask(100)
    assert len(pickle.dumps(dict(array.dask))) < 20_000
    assert array.name == LazyMatrix.open(path).with_op("log1p").to_dask(100).name
    names = {array.name, lazy.to_dask(100).name, lazy.to_dask(99).name, lazy.view(slice(2000)).to_dask(100).name}
    assert len(names) == 4
    ad.AnnData(matrix(rng, 3000, 50, "csr")).write_h5ad(tmp_path / "b.h5ad")
    (tmp_path / "b.h5ad").replace(path)
    assert LazyMatrix.open(path).with_op("log1p").to_dask(100).name != array.name
    again = pickle.loads(pickle.dumps(Handle(lazy)))
    assert again.open() is pickle.loads(pickle.dumps(again)).open()


def test_sizes_of_chunks(lazy: annstream.AnnData) -> None:
    assert lazy.X.to_dask([30, 7]).chunks[0] == (30, 7)
    assert lazy.X.view([]).to_dask().chunks[0] == (0,)
    assert lazy.X.view([]).to_dask().compute().shape == (0, lazy.n_vars)
    for wrong in (0, -1, [30, 8], []):
        with pytest.raises(ValueError, match="chunks of"):
            lazy.X.to_dask(wrong)


def test_workers_open_the_file_themselves(lazy: annstream.AnnData, client: Any) -> None:
    for found in (lazy.X, changed(lazy.X)):
        array = found.to_dask(9)
        np.testing.assert_array_equal(dense(client.compute(array).result()), dense(found))
        sums = np.asarray(client.compute(array.map_blocks(_sums, dtype=float, chunks=(array.chunks[0], (1,)))).result())
        np.testing.assert_allclose(sums[:, 0], dense(found).sum(1), rtol=1e-5)
    settings = client.run(lambda: (annstream.settings.memory, annstream.settings.threads))
    assert (1 << 29, 1) in settings.values()


def _sums(block: Any) -> np.ndarray:
    return np.asarray(block.sum(1)).reshape(-1, 1)


def test_scanpy_takes_it(tmp_path: Path) -> None:
    plain = some_cells()
    plain.write_h5ad(tmp_path / "counts.h5ad")
    adata = ad.AnnData(annstream.read(tmp_path / "counts.h5ad").X.to_dask(70), obs=plain.obs, var=plain.var)
    for one in (adata, plain):
        sc.pp.normalize_total(one, target_sum=1e4)
        sc.pp.log1p(one)
    np.testing.assert_allclose(dense(adata.X.compute()), dense(plain.X), rtol=1e-5)


def as_dask(values: Any, rows: int = 70) -> da.Array:
    """Blocks of rows that nobody else knows."""
    return da.from_array(values, chunks=(rows, -1), asarray=False).map_blocks(lambda block: block.copy())


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_steps_on_dask_arrays(layout: str, dtype: str, tmp_path: Path) -> None:
    # Blocks of columns are put down as rows.
    expected = some_cells("dense" if layout == "dense" else "csr", dtype)
    found = annstream.AnnData(as_dask(some_cells(layout, dtype).X), obs=expected.obs, var=expected.var)
    with annstream.settings.override(tmpdir=tmp_path):
        for adata in (found, expected):
            annstream.pp.calculate_qc_metrics(adata, qc_vars=["mt"], inplace=True)
            annstream.pp.normalize_total(adata, target_sum=1e4, key_added="factors")
            annstream.pp.log1p(adata)
            annstream.pp.highly_variable_genes(adata, n_top_genes=100, batch_key="batch")
            annstream.pp.pca(adata, n_comps=10)
        # The first was computed once; what followed reads from there.
        assert isinstance(found.X, da.Array)
        assert len(list(tmp_path.iterdir())) == 1
        np.testing.assert_array_equal(found.obsm["X_pca"], expected.obsm["X_pca"])
        np.testing.assert_array_equal(found.uns["pca"]["variance"], expected.uns["pca"]["variance"])
        for name in ("obsm", "varm", "uns"):
            getattr(found, name).clear()
            getattr(expected, name).clear()
        found.X = found.X.compute()
        found.uns["log1p"] = expected.uns["log1p"] = {}
        types = {name: expected.var[name].dtype for name in found.var if name.startswith("n_cells")}
        found.var = found.var.astype(types)
        same(found, expected, rtol=1e-6)
        del found
        gc.collect()
        assert list(tmp_path.iterdir()) == []


def test_blocks_of_columns_and_rows_in_disorder(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = matrix(rng, 40, 30, "csr", np.float64)
    values.indices[values.indptr[3] : values.indptr[4]] = values.indices[values.indptr[3] : values.indptr[4]][::-1]
    values.has_sorted_indices = False
    with annstream.settings.override(tmpdir=tmp_path):
        pieces = da.from_array(values.toarray(), chunks=(7, 11))
        for array in (as_dask(values, 9), pieces, pieces.map_blocks(sparse.csr_matrix), as_dask(values[:0])):
            found = LazyMatrix.wrap(array)
            assert found.shape == array.shape
            np.testing.assert_array_equal(dense(found), dense(array.compute()))
        assert LazyMatrix.wrap(array) is found
        mixed = da.concatenate([da.zeros((2, 3), dtype="f4"), da.zeros((2, 3)) + 0.5])
        with pytest.raises(TypeError, match="a block of float64"):
            LazyMatrix.wrap(mixed.map_blocks(_single_first, dtype=np.float64))
        for wrong in (da.zeros(3), pieces[pieces[:, 0] > 0]):
            with pytest.raises(ValueError, match="compute_chunk_sizes"):
                LazyMatrix.wrap(wrong)


def _single_first(block: np.ndarray) -> np.ndarray:
    return block.astype(np.float32) if (block == 0).all() else block


def test_f_tasks_of_ours_within_a_dask_array_do_not_wait_for_us(lazy: annstream.AnnData, tmp_path: Path) -> None:
    # The blocks are read by the engine, while the engine would wait for them.
    array = lazy.X.to_dask(2).map_blocks(lambda block: block * 2)
    with annstream.settings.override(tmpdir=tmp_path, threads=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(dense(LazyMatrix.wrap(array)), dense(lazy.X) * 2)
        assert LazyMatrix.wrap(lazy.X.to_dask(2)).paths == lazy.X.paths
