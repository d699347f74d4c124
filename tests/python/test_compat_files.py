"""Files that only the backend of ``anndataoom`` reads and writes: Matrix Market, and one for each value of a column."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import anndata as ad
import annstream
import annstream.compat.anndataoom as oom
import numpy as np
import pandas as pd
import pytest
from anndata.tests.helpers import assert_equal
from scipy import io, sparse

from .files import dense, example


def entries(rng: np.random.Generator, rows: int, columns: int, count: int, field: str) -> sparse.coo_matrix:
    """Entries in no order, some of them twice."""
    places = rng.integers(0, rows, count), rng.integers(0, columns, count)
    values = rng.integers(-9, 10**12, count) if field == "integer" else rng.normal(size=count)
    return sparse.coo_matrix((values, places), (rows, columns))


@pytest.mark.parametrize("memory", ["4G", "64K"])
@pytest.mark.parametrize("field", ["integer", "real", "pattern"])
@pytest.mark.parametrize(
    ("rows", "columns", "count"), [(50, 30, 2000), (1, 4, 3), (7, 1, 1), (6, 9, 0), (900, 5, 4000)]
)
def test_matrix_market_is_what_scipy_reads(
    rows: int, columns: int, count: int, field: str, memory: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.mtx"
    io.mmwrite(
        path, entries(np.random.default_rng(count), rows, columns, count, field), field=field, comment="of tests"
    )
    (tmp_path / "scratch").mkdir()
    with annstream.settings.override(memory=memory, tmpdir=tmp_path / "scratch"):
        adata = oom.read_mtx(path)
    expected = io.mmread(path).toarray()
    assert oom.is_oom(adata)
    assert adata.X.format == "csr"
    # Of no entries scipy says that they are real.
    assert adata.X.dtype == (np.int64 if count and field != "real" else np.float64) or field == "pattern"
    np.testing.assert_allclose(dense(adata.X), expected, rtol=1e-12)
    assert list(adata.obs_names) == [str(i) for i in range(rows)]
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    del adata
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("symmetry", ["symmetric", "skew-symmetric"])
def test_halves_of_symmetric_matrices(symmetry: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4, (12, 12))
    values = values + values.T if symmetry == "symmetric" else values - values.T
    io.mmwrite(tmp_path / "m.mtx", sparse.coo_matrix(values), symmetry=symmetry)
    np.testing.assert_array_equal(dense(oom.read_mtx(tmp_path / "m.mtx").X), values)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_matrix_market_with_names_goes_to_a_file(suffix: str, tmp_path: Path) -> None:
    values = entries(np.random.default_rng(1), 20, 10, 90, "integer")
    with gzip.open(tmp_path / "matrix.mtx.gz", "wb") as text:
        io.mmwrite(text, values)
    (tmp_path / "barcodes.tsv").write_text("".join(f"c{i}\n" for i in range(20)))
    with gzip.open(tmp_path / "features.tsv.gz", "wt") as text:
        text.writelines(f"ENSG{i}\tG{i}\tGene Expression\r\n" for i in range(10))
    target = tmp_path / f"a.{suffix}"
    adata = oom.read_mtx(
        tmp_path / "matrix.mtx.gz",
        obs_names=tmp_path / "barcodes.tsv",
        var_names=str(tmp_path / "features.tsv.gz"),
        file=target,
        backend="hdf5",
        sorted=True,
    )
    assert adata.filename == target
    found = ad.read_h5ad(target) if suffix == "h5ad" else ad.read_zarr(target)
    for one in (adata, found):
        assert list(one.obs_names) == [f"c{i}" for i in range(20)]
        assert list(one.var_names) == [f"ENSG{i}" for i in range(10)]
        np.testing.assert_array_equal(dense(one.X), values.toarray())
    with pytest.raises(ValueError, match=r"barcodes.tsv: found 20 names, expected 10"):
        oom.read_mtx(tmp_path / "matrix.mtx.gz", var_names=tmp_path / "barcodes.tsv")


HEAD = "%%MatrixMarket matrix coordinate integer general\n"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("", "first line"),
        ("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n", "coordinate"),
        ("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 1\n", "complex"),
        (HEAD + "2 2\n1 1 1\n", "numbers of rows"),
        (HEAD + "2 2 2\n1 1 1\n", "found 1 entries, expected 2"),
        (HEAD + "2 2 1\n1 1 1\n2 2 2\n", "found 2 entries, expected 1"),
        (HEAD + "2 2 2\n1 1 1\n3 1 1\n", "entry 2: found row 3, expected 1 to 2"),
        (HEAD + "2 2 1\n1 0 1\n", "entry 1: found column 0"),
        (HEAD + "2 2 2\n1 1 1\n1 2 many\n", "many"),
        (HEAD + "2 2 2\n1 1 1\n1 2 1.5\n", "int64"),
        (HEAD + "2 2 2\n1 1 1\n1 2\n", "m.mtx"),
        ("%%MatrixMarket matrix coordinate integer symmetric\n2 3 0\n", "as many"),
    ],
)
def test_what_is_wrong_with_matrix_market(text: str, about: str, tmp_path: Path) -> None:
    (tmp_path / "m.mtx").write_text(text)
    with pytest.raises(annstream.FormatError, match=about):
        oom.read_mtx(tmp_path / "m.mtx", file=tmp_path / "a.h5ad")
    assert [path.name for path in tmp_path.iterdir()] == ["m.mtx"]


def test_a_damaged_archive_of_matrix_market(tmp_path: Path) -> None:
    whole = gzip.compress((HEAD + "900 2 900\n" + "".join(f"{i + 1} 1 {i * 7919}\n" for i in range(900))).encode())
    (tmp_path / "m.mtx.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(annstream.FormatError, match=r"m\.mtx\.gz"):
        oom.read_mtx(tmp_path / "m.mtx.gz")


LABELS: dict[str, Any] = {
    "categories": lambda obs: "group",
    "numbers": lambda obs: "number",
    "labels": lambda obs: ["x", None, "y"] * (len(obs) // 3) + ["x"] * (len(obs) % 3),
    "holes": lambda obs: "holes",
}


@pytest.mark.parametrize("name", LABELS)
def test_a_file_for_each_value(name: str, layout: str, tmp_path: Path) -> None:
    memory = example(np.random.default_rng(3), layout)
    memory.obs["number"] = np.arange(memory.n_obs) % 2
    memory.obs["holes"] = memory.obs["group"].cat.remove_categories(["a"])
    memory.write_h5ad(tmp_path / "a.h5ad")
    memory = ad.read_h5ad(tmp_path / "a.h5ad")
    key = LABELS[name](memory.obs)
    parts = oom.read(tmp_path / "a.h5ad").split_obs_by(key, out_dir=tmp_path / "new" / "out")
    labels = memory.obs[key] if isinstance(key, str) else pd.Series(key, index=memory.obs_names)
    assert set(parts) == {str(value) for value in labels.dropna().unique()}
    if name == "categories":
        assert list(parts) == ["c", "a", "b"]
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {f"{value}.h5ad" for value in parts}
    for value, part in parts.items():
        assert isinstance(part, oom.AnnDataOOM)
        assert part.filename == tmp_path / "new" / "out" / f"{value}.h5ad"
        mine = (labels.astype(object).map(str) == value).to_numpy()
        expected = memory[mine].copy()
        for column in ("group", "kind", "holes"):
            expected.obs[column] = expected.obs[column].cat.remove_unused_categories()
        found = ad.read_h5ad(part.filename)
        np.testing.assert_array_equal(dense(part.X), dense(memory.X)[mine])
        np.testing.assert_array_equal(dense(found.raw.X), dense(memory.raw.X)[mine])
        expected.uns.pop("kind_colors")
        found.uns.pop("kind_colors")
        # Both written: no categories are left where every cell has a hole, and those have no type until then.
        expected.write_h5ad(tmp_path / "expected.h5ad")
        assert_equal(found, ad.read_h5ad(tmp_path / "expected.h5ad"))


def test_files_that_cannot_be_named(tmp_path: Path) -> None:
    adata = oom.AnnDataOOM(np.eye(2, dtype=np.float32))
    for labels, about in ((["a", "b/c"], "'b/c'"), ([1, "1"], "the same name"), (["a"], "1 labels for 2 cells")):
        with pytest.raises(ValueError, match=about):
            adata.split_obs_by(labels, tmp_path / "out")
    with pytest.raises(KeyError):
        adata.split_obs_by("nothing", tmp_path / "out")
    assert not list(tmp_path.iterdir())
