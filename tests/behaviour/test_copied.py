"""What a command leaves as it is, it copies as it is stored; and still notices what can be noticed cheaply."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import h5py
import hdf5plugin  # noqa: F401  (reads what zstd compressed)
import numpy as np
import pytest
import scipy.sparse as sp
import zarr

from .inputs import large_sparse
from .support import INVALID, OK, digest, run

ROWS, COLUMNS = 400, 600


def sample() -> ad.AnnData:
    """Matrices of every kind, of many chunks."""
    counts = large_sparse(ROWS, COLUMNS, 20, seed=3)
    counts.data[:] = np.round(np.abs(counts.data) * 10 + 1)
    counts = counts.astype(np.float32)
    adata = ad.AnnData(counts)
    adata.layers["csc"] = sp.csc_matrix(counts.astype(np.int32))
    adata.layers["dense"] = counts.toarray()
    adata.obsp["graph"] = sp.random(ROWS, ROWS, 0.01, "csr", random_state=1)
    adata.obsm["pca"] = np.random.default_rng(0).normal(size=(ROWS, 7))
    adata.raw = adata[:, :200].copy()
    return adata


ARRAYS = [
    *(f"{element}/{part}" for element in ("X", "layers/csc", "obsp/graph", "raw/X") for part in ("data", "indices")),
    "layers/dense",
    "obsm/pca",
]


def same(a: ad.AnnData, b: ad.AnnData) -> None:
    """Every matrix holds the same."""
    for left, right in (
        (a.X, b.X),
        (a.layers["csc"], b.layers["csc"]),
        (a.obsp["graph"], b.obsp["graph"]),
        (a.raw.X, b.raw.X),
    ):
        assert type(left) is type(right) and left.dtype == right.dtype
        assert (left != right).nnz == 0
    for left, right in ((a.layers["dense"], b.layers["dense"]), (a.obsm["pca"], b.obsm["pca"])):
        np.testing.assert_array_equal(left, right)


def chunks_of(path: Path, array: str) -> list[tuple[int, bytes]]:
    """The stored chunks of an array of an HDF5 file."""
    with h5py.File(path) as file:
        found = file[array].id
        return [found.read_direct_chunk(found.get_chunk_info(i).chunk_offset) for i in range(found.get_num_chunks())]


@pytest.fixture(scope="module", params=["gzip", "lzf"])
def hdf5(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file, and its compression."""
    path = tmp_path_factory.mktemp("copied") / "in.h5ad"
    sample().write_h5ad(path, compression=request.param)
    # Several chunks, of extents that annstream would not choose.
    with h5py.File(path, "r+") as file:
        for name in ARRAYS:
            values, attributes = file[name][...], dict(file[name].attrs)
            del file[name]
            chunks = (1000,) if values.ndim == 1 else (64, 5)
            shuffle = request.param == "gzip"
            array = file.create_dataset(name, data=values, chunks=chunks, compression=request.param, shuffle=shuffle)
            array.attrs.update(attributes)
    return path, request.param


def test_chunks_of_hdf5(hdf5: tuple[Path, str], tmp_path: Path) -> None:
    """The chunks of what stays are those of the input, byte by byte; not if another compression is asked for."""
    path, _ = hdf5
    target, other = tmp_path / "out.h5ad", tmp_path / "other.h5ad"
    assert run("qc", path, "-o", target).code == OK
    assert run("qc", path, "-o", other, "--compression", "zstd").code == OK
    for name in ARRAYS:
        before, after = chunks_of(path, name), chunks_of(target, name)
        assert len(before) > 1 and before == after, name
        assert before != chunks_of(other, name), name
    result = ad.read_h5ad(target)
    assert "n_genes_by_counts" in result.obs
    same(result, ad.read_h5ad(path))
    again = tmp_path / "again.h5ad"
    assert run("qc", path, "-o", again, "--threads", "1", "--memory", "96M").code == OK
    assert digest(again) == digest(target)


def test_cells_that_go_are_not_copied(hdf5: tuple[Path, str], tmp_path: Path) -> None:
    """Where cells are left out, every matrix is written anew, and is right."""
    path, _ = hdf5
    target = tmp_path / "out.h5ad"
    expected = ad.read_h5ad(path)[3:].copy()
    assert run("subset", path, "-o", target, "--obs-index=3:").code == OK
    same(ad.read_h5ad(target), expected)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("shards", [False, True])
def test_chunks_of_zarr(zarr_format: int, shards: bool, tmp_path: Path) -> None:
    """The same between zarr stores, with shards and without."""
    path, target = tmp_path / "in.zarr", tmp_path / "out.zarr"
    adata = sample()
    ad.settings.zarr_write_format = zarr_format
    try:
        adata.write_zarr(path)
    finally:
        ad.settings.zarr_write_format = 2
    if shards:
        # Ours, which has shards in format 3.
        made = tmp_path / "shards.zarr"
        arguments = ["convert", path, made, "--chunk", "50", "--zarr-format", str(zarr_format)]
        assert run(*arguments).code == OK
        path = made
    assert run("qc", path, "-o", target, "--zarr-format", str(zarr_format)).code == OK
    same(ad.read_zarr(target), adata)
    before, after = zarr.open(str(path), mode="r"), zarr.open(str(target), mode="r")
    for name in ARRAYS:
        assert before[name].chunks == after[name].chunks, name
        np.testing.assert_array_equal(before[name][...], after[name][...])


@pytest.mark.parametrize("damage", ["pointer", "length", "column"])
@pytest.mark.parametrize("verb", ["qc", "subset", "convert"])
def test_what_is_noticed(verb: str, damage: str, hdf5: tuple[Path, str], tmp_path: Path) -> None:
    """Pointers that fall, lengths that differ and columns out of range are errors, though no value is decoded."""
    path, compression = hdf5
    damaged, target = tmp_path / "damaged.h5ad", tmp_path / "out.h5ad"
    damaged.write_bytes(path.read_bytes())
    with h5py.File(damaged, "r+") as file:
        group = file["obsp/graph"]
        if damage == "pointer":
            pointers = group["indptr"][...]
            pointers[5], pointers[6] = pointers[6] + 1, pointers[5]
            group["indptr"][...] = pointers
        elif damage == "length":
            values = group["indices"][:-1]
            del group["indices"]
            group.create_dataset("indices", data=values, chunks=(1000,), compression=compression)
        else:
            group["indices"][700] = ROWS
    arguments = {"subset": ["--obs-index=:"]}.get(verb, [])
    output = [target] if verb == "convert" else ["-o", target]
    done = run(verb, damaged, *output, *arguments)
    assert done.code == INVALID and "obsp/graph" in done.stderr, done
    assert damage != "column" or f"index {ROWS} is outside 0..{ROWS}" in done.stderr
    assert not target.exists()


def spoil(path: Path, array: str) -> None:
    """Changes a byte in the middle of a stored chunk."""
    with h5py.File(path) as file:
        chunk = file[array].id.get_chunk_info(1)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        [byte] = raw.read(1)
        raw.seek(-1, 1)
        raw.write(bytes([byte ^ 0xFF]))


def test_values_are_not_looked_at(hdf5: tuple[Path, str], tmp_path: Path) -> None:
    """Damage inside of compressed values stays where it is: that is the price, and README.md says so."""
    path, compression = hdf5
    damaged, target = tmp_path / "damaged.h5ad", tmp_path / "out.h5ad"
    damaged.write_bytes(path.read_bytes())
    spoil(damaged, "obsp/graph/data")
    assert run("qc", damaged, "-o", target).code == OK
    assert chunks_of(target, "obsp/graph/data") == chunks_of(damaged, "obsp/graph/data")
    if compression == "gzip":
        target.unlink()
        done = run("qc", damaged, "-o", target, "--compression", "lzf")
        assert done.code == INVALID and "obsp/graph" in done.stderr and not target.exists()


def test_checksums_are_looked_at(tmp_path: Path) -> None:
    """Chunks with a checksum are decoded, so that it is compared."""
    path, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    sample().write_h5ad(path)
    name = "obsp/graph/data"
    with h5py.File(path, "r+") as file:
        values = file[name][...]
        del file[name]
        file.create_dataset(name, data=values, chunks=(100,), compression="lzf", fletcher32=True)
    assert run("qc", path, "-o", target, "--compression", "lzf").code == OK
    np.testing.assert_array_equal(ad.read_h5ad(target).obsp["graph"].data, values)
    target.unlink()
    spoil(path, name)
    done = run("qc", path, "-o", target, "--compression", "lzf")
    assert done.code == INVALID and name in done.stderr and "checksum" in done.stderr, done
    assert not target.exists()


def test_convert(hdf5: tuple[Path, str], tmp_path: Path) -> None:
    """A conversion copies what it does not change, and says so."""
    path, _ = hdf5
    target, again = tmp_path / "out.h5ad", tmp_path / "again.h5ad"
    done = run("convert", path, target, "--dtype", "float64", "--json")
    assert done.code == OK, done
    sums = {matrix["path"]: matrix["sum"] for matrix in json.loads(done.stdout)["matrices"]}
    assert sums["X"] is not None and sums["obsp/graph"] is None and sums["raw/X"] is None
    for name in ("obsp/graph/data", "obsp/graph/indices", "raw/X/data", "obsm/pca"):
        assert chunks_of(path, name) == chunks_of(target, name), name
    assert chunks_of(path, "X/data") != chunks_of(target, "X/data")
    expected = ad.read_h5ad(path)
    result = ad.read_h5ad(target)
    assert result.X.dtype == np.float64 and (result.X != expected.X).nnz == 0
    # Chunks that somebody chose are made.
    assert run("convert", path, again, "--chunk", "500").code == OK
    with h5py.File(again) as file:
        assert file["obsp/graph/data"].chunks == (500,)
    same(ad.read_h5ad(again), expected)


def test_columns_of_counts_and_x(tmp_path: Path) -> None:
    """The columns and pointers of the counts are those of X, in the same chunks."""
    path, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    counts = large_sparse(ROWS, COLUMNS, 20, seed=5)
    ad.AnnData(counts).write_h5ad(path)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[normalize_total]\n[log1p]\n")
    for compression in ("gzip", "zstd", "none"):
        done = run(
            "run", path, "-o", target, "--recipe", recipe, "--compression", compression, "--keep-x=both", "--force"
        )
        assert done.code == OK, done
        with h5py.File(target) as file:
            for part in ("indices", "indptr"):
                x, layer = file[f"X/{part}"], file[f"layers/counts/{part}"]
                assert x.chunks == layer.chunks and x.dtype == layer.dtype
                np.testing.assert_array_equal(x[...], layer[...])
                if x.chunks:
                    assert chunks_of(target, x.name) == chunks_of(target, layer.name)
    result = ad.read_h5ad(target)
    np.testing.assert_array_equal(result.layers["counts"].toarray(), counts.toarray())
    totals = np.asarray(counts.sum(axis=1))
    expected = np.log1p(counts.toarray() / (totals / np.median(totals)))
    np.testing.assert_allclose(result.X.toarray(), expected, rtol=1e-6)
