"""Lazy AnnData in anndata's own writers, what jobs will take, bars and errors."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anndata as ad
import annstream
import h5py
import numpy as np
import pytest
import zarr
from anndata.io import read_elem, write_elem
from annstream import LazyMatrix
from scipy import sparse

from .files import dense, same


def opened(kind: str, folder: Path) -> Any:
    return h5py.File(folder / "out.h5", "w") if kind == "h5" else zarr.open_group(str(folder / "out.zarr"), mode="w")


@pytest.mark.parametrize("kind", ["h5", "zarr"])
def test_matrices_are_elements(lazy: annstream.AnnData, memory: ad.AnnData, kind: str, tmp_path: Path) -> None:
    group = opened(kind, tmp_path)
    some = [3, 1, 20]
    logs = lazy.X.with_op("to_double").with_op("log1p")
    empty = lazy.X.view([], None)
    written = {"whole": lazy.X, "some": lazy.X.view(some, slice(2, 9)), "logs": logs, "empty": empty}
    for name, matrix in written.items():
        write_elem(group, name, matrix)
        back = read_elem(group[name])
        assert back.dtype == matrix.dtype
        assert getattr(back, "format", "dense") == matrix.format
        np.testing.assert_array_equal(dense(back), dense(matrix))
    np.testing.assert_array_equal(dense(read_elem(group["some"])), dense(memory.X)[some, 2:9])
    write_elem(group, "within", {"a": lazy.X, "b": np.arange(3)})
    np.testing.assert_array_equal(dense(read_elem(group["within"])["a"]), dense(memory.X))


@pytest.mark.parametrize("kind", ["h5", "zarr"])
def test_the_whole_is_an_element(lazy: annstream.AnnData, memory: ad.AnnData, kind: str, tmp_path: Path) -> None:
    group = opened(kind, tmp_path)
    write_elem(group, "all", lazy)
    same(read_elem(group["all"]), memory)
    write = ad.io.write_h5ad if kind == "h5" else ad.io.write_zarr
    read = ad.read_h5ad if kind == "h5" else ad.read_zarr
    write(tmp_path / "by_anndata", lazy)
    same(read(tmp_path / "by_anndata"), memory)


def test_pieces_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annstream._io._PIECE", 100)
    values = sparse.random(50, 30, 0.2, format="csr", random_state=0)
    for matrix in (values, values.tocsc(), values.toarray()):
        with h5py.File(tmp_path / "out.h5", "w") as file:
            write_elem(file, "x", LazyMatrix.wrap(matrix), dataset_kwargs={"compression": "gzip"})
            np.testing.assert_array_equal(dense(read_elem(file["x"])), values.toarray())


def test_plan_of_a_concatenation(path: Path, memory: ad.AnnData, tmp_path: Path) -> None:
    other = memory[:10, 3:].copy()
    other.write_h5ad(tmp_path / "other.h5ad")
    plan = annstream.plan({"a": path, "b": tmp_path / "other.h5ad"}, join="inner")
    assert plan.shape == (memory.n_obs + 10, memory.n_vars - 3)
    assert plan.passes >= 1
    text = repr(plan)
    assert "2 inputs along obs" in text
    assert "passes over the data" in text
    assert {one["path"] for one in plan.details["elements"]} >= {"X", "layers/counts"}
    wide = annstream.plan([path, tmp_path / "other.h5ad"], join="outer")
    assert wide.shape == (memory.n_obs + 10, memory.n_vars)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "other.h5ad"]
    for wrong in ({"speed": 1}, {"recipe": "tutorial"}):
        with pytest.raises(TypeError):
            annstream.plan([path], **wrong)


def test_plans_of_an_object_and_of_a_recipe(lazy: annstream.AnnData, path: Path, tmp_path: Path) -> None:
    annstream.pp.log1p(lazy)
    plan = annstream.plan(lazy)
    assert plan.shape == lazy.shape
    assert plan.details["matrices"]["X"]["operators"][-1] == "log1p"
    assert "log1p" in repr(plan)
    tutorial = annstream.plan(path, recipe="tutorial")
    assert tutorial.passes == 4
    assert "in memory, no pass: neighbors, umap, leiden" in repr(tutorial)
    assert annstream.plan(lazy, until="log1p").passes < 4
    (tmp_path / "mine.toml").write_text("[log1p]\n")
    assert annstream.plan(lazy, recipe=tmp_path / "mine.toml").details["recipe"]["log1p"] is not None
    with pytest.raises(ValueError, match="step"):
        annstream.plan(lazy, until="nothing")
    with pytest.raises(TypeError, match="several"):
        annstream.plan(lazy, join="outer")


def test_bars_are_those_of_tqdm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    x = LazyMatrix.wrap(sparse.random(30000, 1000, 0.05, format="csr", dtype=np.float32, random_state=0))
    means = np.ones(1000)
    with annstream.settings.override(progress="on"):
        x.with_op("scale", means=means, deviations=means).sum(0)
    assert "statistics of columns" in capsys.readouterr().err
    with annstream.settings.override(progress="off"):
        x.with_op("scale", means=means, deviations=means).mean(0)
    assert capsys.readouterr().err == ""
    # In a notebook there are bars without being asked for.
    kernel = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    assert annstream._settings._watched()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not annstream._settings._watched()


def test_errors_have_types(tmp_path: Path, lazy: annstream.AnnData) -> None:
    with pytest.raises(FileNotFoundError):
        annstream.read(tmp_path / "missing.h5ad")
    with pytest.raises(KeyError):
        LazyMatrix.open(lazy._source, "layers/missing")
    (tmp_path / "no.h5ad").write_bytes(b"nothing of HDF5")
    with pytest.raises(annstream.FormatError):
        annstream.read(tmp_path / "no.h5ad")
    with annstream.settings.override(memory=1), pytest.raises(annstream.BudgetError, match=r"annstream\.settings"):
        lazy.X.to_memory()
    bases = {
        annstream.FormatError: ValueError,
        annstream.IncompatibleError: ValueError,
        annstream.BudgetError: MemoryError,
        annstream.LockedError: OSError,
        annstream.InternalError: RuntimeError,
    }
    assert all(issubclass(own, base) for own, base in bases.items())
