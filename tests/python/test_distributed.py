"""Steps on a cluster of two processes have the bits of one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
from annstream import _annstream
from scipy import sparse

from .counts import some_cells

CELLS, GENES, FILLED = 20_000, 1200, 450
# Seconds after which a test that waits for a cluster fails, so that it does not wait for ever.
LONGEST = 300


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    def late(*_: object) -> None:
        msg = f"not done after {LONGEST} s"
        raise TimeoutError(msg)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster of two processes, of limited memory."""
    from distributed import Client, LocalCluster

    arguments: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "memory_limit": "1GiB"}
    with LocalCluster(dashboard_address=None, **arguments) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of more values than a stretch has, with fractions, so that sums depend on their order."""
    rng = np.random.default_rng(3)
    columns = np.sort(rng.permuted(np.arange(GENES)[None].repeat(50, 0), axis=1)[:, :FILLED], axis=1).astype(np.int32)
    columns = np.tile(columns, (CELLS // 50, 1)).ravel()
    values = rng.gamma(1.0, 1.0, CELLS * FILLED) * (1 + columns % 7)
    pointers = np.arange(CELLS + 1) * FILLED
    adata = ad.AnnData(sparse.csr_matrix((values, columns, pointers), shape=(CELLS, GENES)))
    adata.var["mt"] = np.arange(GENES) % 40 == 0
    adata.obs["batch"] = pd.Categorical([f"b{i % 3}" for i in range(CELLS)])
    path = tmp_path_factory.mktemp("large") / "large.h5ad"
    adata.write_h5ad(path)
    return path


def both(path: Path, client: Any, name: str, before: Any = None, **options: Any) -> tuple[ad.AnnData, ad.AnnData]:
    """The results of a step by one process and by the cluster."""
    one, many = annstream.read(path), annstream.read(path)
    for adata in (one, many):
        if before is not None:
            before(adata)
    getattr(annstream.pp, name)(one, **options)
    getattr(annstream.distributed, name)(client, many, **options)
    return one, many


def equal(one: ad.AnnData, many: ad.AnnData) -> None:
    """To the bit."""
    pd.testing.assert_frame_equal(many.obs, one.obs, check_exact=True)
    pd.testing.assert_frame_equal(many.var, one.var, check_exact=True)
    for name in ("obsm", "varm"):
        assert list(getattr(one, name)) == list(getattr(many, name))
        for key, value in getattr(one, name).items():
            np.testing.assert_array_equal(getattr(many, name)[key], value)
    for key, value in one.uns.get("pca", {}).items():
        np.testing.assert_equal(many.uns["pca"][key], value)


def logarithms(adata: ad.AnnData) -> None:
    adata.X = adata.X.with_op("log1p")


def test_there_is_more_than_one_stretch(path: Path) -> None:
    matrix = annstream.read(path).X._matrix
    stretches = _annstream.stretches(matrix, False)
    assert len(stretches) > 1
    assert stretches[0][0] == 0
    assert stretches[-1][1] == CELLS
    assert all(before[1] == after[0] for before, after in pairwise(stretches))


def test_quality_and_filters(path: Path, client: Any) -> None:
    one, many = both(path, client, "calculate_qc_metrics", qc_vars=["mt"], inplace=True)
    equal(one, many)
    assert one.obs["total_counts"].iloc[0] == pytest.approx(one.X[0].sum())
    equal(*both(path, client, "filter_cells", min_counts=900))
    equal(*both(path, client, "filter_genes", min_counts=20_000))


def test_normalize_total(path: Path, client: Any) -> None:
    one, many = both(path, client, "normalize_total", key_added="factors")
    equal(one, many)
    np.testing.assert_array_equal(many.X[-3:].toarray(), one.X[-3:].toarray())


@pytest.mark.parametrize(
    "options",
    [
        {"flavor": "seurat", "n_top_genes": 100},
        {"flavor": "cell_ranger", "n_top_genes": 100, "batch_key": "batch"},
        {"flavor": "seurat_v3", "n_top_genes": 100, "batch_key": "batch", "check_values": False},
    ],
    ids=lambda options: options["flavor"],
)
def test_variable_genes(path: Path, client: Any, options: dict[str, Any]) -> None:
    equal(*both(path, client, "highly_variable_genes", logarithms, **options))


@pytest.mark.parametrize("zero_center", [True, False])
def test_components(path: Path, client: Any, zero_center: bool) -> None:
    def before(adata: ad.AnnData) -> None:
        logarithms(adata)
        adata.var["highly_variable"] = np.arange(GENES) % 8 == 0

    equal(*both(path, client, "pca", before, n_comps=5, zero_center=zero_center))


def test_views_small_files_and_layouts(client: Any, tmp_path: Path) -> None:
    for layout in ("csr", "dense"):
        small = some_cells(layout)
        path = tmp_path / f"{layout}.h5ad"
        small.write_h5ad(path)

        def before(adata: ad.AnnData) -> None:
            # Rows in another order, with repetitions, and scaled, which makes them dense.
            adata._init_as_actual(adata[np.arange(200)[::-1] // 2 * 2 % 151, :120].copy())
            adata.obs_names_make_unique()
            annstream.pp.scale(adata, max_value=5)

        equal(*both(path, client, "calculate_qc_metrics", before, qc_vars=["mt"], percent_top=[9], inplace=True))
        equal(*both(path, client, "pca", before, n_comps=7))
    ad.AnnData(sparse.csr_matrix((0, 5), dtype=np.float32)).write_h5ad(tmp_path / "none.h5ad")
    equal(*both(tmp_path / "none.h5ad", client, "calculate_qc_metrics", percent_top=None, inplace=True))


def test_large_means_take_one_more_pass(client: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = (1e4 + rng.normal(size=(500, 20))).astype(np.float32)
    ad.AnnData(values).write_h5ad(tmp_path / "large.h5ad")
    equal(*both(tmp_path / "large.h5ad", client, "pca", n_comps=5))


def test_what_a_cluster_cannot_do_says_so(client: Any, tmp_path: Path) -> None:
    on = annstream.distributed
    with pytest.raises(ValueError, match="all workers see"):
        on.pca(client, some_cells())
    some_cells("csc").write_h5ad(tmp_path / "csc.h5ad")
    with pytest.raises(NotImplementedError, match="--layout csr"):
        on.calculate_qc_metrics(client, annstream.read(tmp_path / "csc.h5ad"))
    some_cells().write_h5ad(tmp_path / "csr.h5ad")
    adata = annstream.read(tmp_path / "csr.h5ad")
    with pytest.raises(NotImplementedError, match=r"annstream\.pp"):
        on.normalize_total(client, adata, exclude_highly_expressed=True)
    with pytest.raises(ValueError, match="components"):
        on.pca(client, adata, n_comps=1000)
    (tmp_path / "csr.h5ad").unlink()
    with pytest.raises(FileNotFoundError, match=r"csr\.h5ad"):
        on.calculate_qc_metrics(client, adata)


def files(store: Path) -> dict[str, bytes]:
    """What a store is made of."""
    return {str(one.relative_to(store)): one.read_bytes() for one in sorted(store.rglob("*")) if one.is_file()}


@pytest.mark.parametrize("join", ["inner", "outer"])
def test_shards_written_by_workers_are_those_of_one_process(client: Any, tmp_path: Path, join: str) -> None:
    rng = np.random.default_rng(5)
    for i, columns in enumerate((slice(0, 500), slice(100, 600), slice(0, 500))):
        values = sparse.random(2500 if i else 0, 600, 0.4, format="csr", random_state=rng, dtype=np.float32)[:, columns]
        adata = ad.AnnData(values)
        adata.var_names = [f"gene{j}" for j in range(600)[columns]]
        adata.obs["number"] = np.arange(adata.n_obs)
        adata.layers["counts"] = values.astype(np.float64)
        adata.layers["dense"] = values[:, ::1].toarray()
        adata.obsm["X_pca"] = rng.normal(size=(adata.n_obs, 3))
        adata.write_h5ad(tmp_path / f"{i}.h5ad")
    inputs = {f"s{i}": tmp_path / f"{i}.h5ad" for i in range(3)}
    options: dict[str, Any] = {"join": join, "label": "sample", "index_unique": "-"}
    annstream.distributed.concat_on_disk(client, inputs, tmp_path / "many.zarr", shard="512K", **options)
    one = tmp_path / "one.zarr"
    one_process(inputs, one, "512K", **options)
    found, expected = files(tmp_path / "many.zarr"), files(one)
    assert len([name for name in expected if name.startswith("X/data/c/")]) > 3
    assert list(found) == list(expected)
    assert found == expected
    # The usual shards, of which there is one only here, give the usual file.
    annstream.distributed.concat_on_disk(client, inputs, tmp_path / "many.zarr", **options)
    annstream.concat_on_disk(inputs, one, **options)
    assert files(tmp_path / "many.zarr") == files(one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.h5ad", "1.h5ad", "2.h5ad", "many.zarr", "one.zarr"]


def one_process(inputs: dict[str, Path], output: Path, shard: str, **options: Any) -> None:
    """The same without a cluster."""
    spec = dict.fromkeys(("fill_value", "compression"), None) | {
        "merge": "none",
        "uns_merge": "none",
        "pairwise": False,
    }
    spec |= {**options, "keys": list(inputs)}
    job = _annstream.Concat(list(inputs.values()), spec, _annstream.size_in_bytes(shard), False)
    job.write_around(output, [])


def test_what_workers_cannot_write_says_so(client: Any, tmp_path: Path) -> None:
    some_cells().write_h5ad(tmp_path / "a.h5ad")
    some_cells("csc").write_h5ad(tmp_path / "b.h5ad")
    inputs = {"a": tmp_path / "a.h5ad", "b": tmp_path / "b.h5ad"}
    for output, options in (("c.h5ad", {}), ("c.zarr", {"zarr_format": 2}), ("c.zarr", {"axis": 1})):
        with pytest.raises(NotImplementedError, match=r"annstream\.concat_on_disk"):
            annstream.distributed.concat_on_disk(client, inputs, tmp_path / output, **options)
    with pytest.raises(annstream.FormatError, match="by columns"):
        annstream.distributed.concat_on_disk(client, inputs, tmp_path / "c.zarr")
    assert not (tmp_path / "c.zarr").exists()
