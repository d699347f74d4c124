"""From file to file: every element, in every format, and several files as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import annstream
import numpy as np
import pandas as pd
import pytest
from anndata.experimental import concat_on_disk
from scipy import sparse

from .files import dense, example, same

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.filterwarnings("ignore")
def test_reading_and_writing_changes_nothing(path: Path, memory: ad.AnnData, layout: str, tmp_path: Path) -> None:
    expected = ad.read_h5ad(path)
    adata = annstream.read(path)
    same(adata, expected)
    adata.write_h5ad(tmp_path / "a.h5ad")
    same(ad.read_h5ad(tmp_path / "a.h5ad"), expected)
    for zarr_format in (2, 3):
        store = tmp_path / f"{zarr_format}.zarr"
        adata.write_zarr(store, zarr_format=zarr_format)
        same(ad.read_zarr(store), expected)
        same(annstream.read(store), expected)
    part = (np.array([4, 30, 4, 9]), slice(None, None, -2))
    adata[part].copy().write_h5ad(tmp_path / "b.h5ad")
    same(ad.read_h5ad(tmp_path / "b.h5ad"), expected[part[0]].copy()[:, part[1]].copy())


@pytest.mark.filterwarnings("ignore")
def test_what_was_changed_is_written(path: Path, layout: str, tmp_path: Path) -> None:
    adata, expected = annstream.read(path), ad.read_h5ad(path)
    for x in (adata, expected):
        x.obs["new"] = np.arange(x.n_obs)
        del x.obs["number"]
        x.layers["mine"] = sparse.csr_matrix(np.eye(*x.shape))
        del x.layers["counts"]
        x.uns["added"] = {"k": "v"}
        x.raw = None
    adata.X = adata.X.with_op("log1p")
    expected.X = expected.X.log1p() if sparse.issparse(expected.X) else np.log1p(expected.X)
    adata.write_h5ad(tmp_path / "a.h5ad", compression="gzip", as_dense=["X"])
    found = ad.read_h5ad(tmp_path / "a.h5ad")
    assert isinstance(found.X, np.ndarray)
    np.testing.assert_allclose(found.X, dense(expected.X), rtol=1e-6)
    found.X = expected.X
    same(found, expected)
    again = adata.copy(tmp_path / "b.h5ad")
    np.testing.assert_allclose(dense(again.X), dense(expected.X), rtol=1e-6)


def test_a_failure_leaves_what_was_there(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.h5ad"
    target.write_text("precious")
    adata = annstream.read(path)
    adata.uns["wrong"] = object()
    with pytest.raises(Exception, match="wrong|object|write"):
        adata.write_h5ad(target)
    assert target.read_text() == "precious"
    assert [one.name for one in tmp_path.iterdir()] == ["a.h5ad"]
    with pytest.raises(FileNotFoundError):
        adata.write_h5ad(tmp_path / "no" / "a.h5ad")
    with pytest.raises(ValueError, match=r"\.zarr"):
        adata.write_zarr(tmp_path / "a")


@pytest.mark.parametrize("name", ["anndata_v0.5.0", "anndata_v0.7.0", "anndata_v0.11.4"])
@pytest.mark.filterwarnings("ignore")
def test_files_of_all_ages(name: str) -> None:
    path = DATA / "legacy" / f"{name}.h5ad"
    if not path.exists():
        pytest.skip("without the real files")
    same(annstream.read(path), ad.read_h5ad(path), exact=False)


def parts(rng: np.random.Generator, layouts: list[str]) -> list[ad.AnnData]:
    """AnnData with some genes in common."""
    out = []
    for i, layout in enumerate(layouts):
        one = example(rng, layout, cells=9 + i)
        one = one[:, rng.permutation(one.n_vars)[:15]].copy()
        one.obs_names = [f"{i}-{name}" for name in one.obs_names]
        if i == 1:
            del one.layers["counts"]
        del one.obsm["frame"]
        out.append(one)
    return out


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("layouts", [["csr", "csc", "csr"], ["dense", "dense"], ["dense", "csr"]], ids="-".join)
@pytest.mark.parametrize("fill", [None, 3])
@pytest.mark.filterwarnings("ignore")
def test_lazy_concatenation(join: str, layouts: list[str], fill: int | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    own = parts(rng, layouts)
    paths = {}
    for i, one in enumerate(own):
        paths[f"k{i}"] = tmp_path / f"{i}.h5ad"
        one.write_h5ad(paths[f"k{i}"])
    options = {"join": join, "merge": "same", "label": "batch", "uns_merge": "first", "fill_value": fill}
    expected = ad.concat({key: ad.read_h5ad(path) for key, path in paths.items()}, **options)
    found = annstream.read(paths, **options)
    assert isinstance(found.X, annstream.LazyMatrix)
    for name in ("X", *expected.layers):
        one, other = (x.X if name == "X" else x.layers[name] for x in (found, expected))
        np.testing.assert_array_equal(dense(one), dense(other))
        assert one.dtype == other.dtype, name
    np.testing.assert_array_equal(dense(found[::-1, [2, 0]].X), dense(expected[::-1, [2, 0]].X))
    pd.testing.assert_frame_equal(found.obs, expected.obs)
    np.testing.assert_array_equal(dense(found.raw.X), dense(expected.raw.X))
    found.write_h5ad(tmp_path / "all.h5ad")
    assert ad.read_h5ad(tmp_path / "all.h5ad").shape == expected.shape
    mixed = annstream.concat([own[0], annstream.read(paths["k1"])[:3]], join=join)
    np.testing.assert_array_equal(dense(mixed.X), dense(ad.concat([own[0], own[1][:3]], join=join).X))


def firsts(mappings: list) -> dict:
    """A strategy of one's own: whatever comes last."""
    return dict(mappings[-1])


@pytest.mark.parametrize("merge", [None, "same", firsts])
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
@pytest.mark.filterwarnings("ignore")
def test_concat_on_disk_has_the_arguments_of_anndata(merge: str | Callable | None, suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    paths = {}
    for i, one in enumerate(parts(rng, ["csr", "csr"])):
        one.raw = None
        paths[f"k{i}"] = tmp_path / f"{i}.h5ad"
        one.write_h5ad(paths[f"k{i}"])
    target = tmp_path / f"all.{suffix}"
    options = {"join": "outer", "label": "batch", "index_unique": "-", "merge": merge, "uns_merge": merge}
    annstream.concat_on_disk(paths, target, **options, memory="500M", threads=1)
    found = ad.read_h5ad(target) if suffix == "h5ad" else ad.read_zarr(target)
    expected = ad.concat({key: ad.read_h5ad(path) for key, path in paths.items()}, **options)
    expected.strings_to_categoricals()
    found.strings_to_categoricals()
    pd.testing.assert_frame_equal(found.obs, expected.obs)
    pd.testing.assert_frame_equal(found.var, expected.var)
    np.testing.assert_array_equal(dense(found.X), dense(expected.X))
    assert set(found.uns) == set(expected.uns)
    assert set(found.varm) == set(expected.varm)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["0.h5ad", "1.h5ad", f"all.{suffix}"]
    with pytest.raises(ValueError, match="one of the inputs"):
        annstream.concat_on_disk(paths, paths["k0"])
    with pytest.raises(ValueError, match="merge"):
        annstream.concat_on_disk(paths, target, merge="nonsense")
    import inspect

    theirs = inspect.signature(concat_on_disk).parameters
    ours = inspect.signature(annstream.concat_on_disk).parameters
    assert {name: one.default for name, one in theirs.items()}.items() <= {
        name: one.default for name, one in ours.items()
    }.items()
