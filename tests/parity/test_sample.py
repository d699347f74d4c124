"""`annstream sample` against `scanpy.pp.sample`: the same cells and genes for the same seed, in the same order."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .runner import Run
from .runner import run as command
from .scanpy_flow import dense

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"


def run(source: Path, target: Path, *arguments: str) -> Run:
    return command(["sample", str(source), "-o", str(target), "--force", "-q", *arguments])


def sampled(source: Path, target: Path, *arguments: str) -> ad.AnnData:
    done = run(source, target, *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def same(ours: ad.AnnData, theirs: ad.AnnData) -> None:
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    pd.testing.assert_frame_equal(ours.var, theirs.var)
    assert isinstance(ours.X, type(theirs.X)) and ours.X.dtype == theirs.X.dtype
    np.testing.assert_array_equal(dense(ours.X), dense(theirs.X))
    for name in theirs.layers:
        np.testing.assert_array_equal(dense(ours.layers[name]), dense(theirs.layers[name]))
    for name in theirs.obsm:
        np.testing.assert_array_equal(ours.obsm[name], theirs.obsm[name])


def family(path: Path, kind: str, rows: int = 300, columns: int = 50) -> ad.AnnData:
    rng = np.random.default_rng(len(kind))
    values = rng.poisson(1.0, size=(rows, columns)).astype(np.float32)
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    obs = pd.DataFrame({"kind": pd.Categorical(rng.choice(list("abc"), rows))}, index=[f"c{i}" for i in range(rows)])
    adata = ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(columns)]))
    adata.layers["other"] = sparse.csr_matrix(values * 2)
    adata.obsm["x"] = rng.random((rows, 3))
    adata.write_h5ad(path)
    return ad.read_h5ad(path)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--n", "20"], {"n": 20, "rng": 0}),
        (["--n", "300", "--seed", "5"], {"n": 300, "rng": 5}),
        (["--fraction", "0.35", "--seed", "1"], {"fraction": 0.35, "rng": 1}),
        (["--fraction", "1.5", "--seed", "2", "--replace"], {"fraction": 1.5, "rng": 2, "replace": True}),
        (["--n", "17", "--axis", "var", "--seed", str(2**40 + 3)], {"n": 17, "axis": "var", "rng": 2**40 + 3}),
        (["--n", "80", "--axis", "var", "--replace"], {"n": 80, "axis": "var", "replace": True, "rng": 0}),
        (["--n", "0"], {"n": 0, "rng": 0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_equals_scanpy(kind: str, arguments: list[str], options: dict[str, object], tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = family(source, kind)
    theirs = sc.pp.sample(adata, copy=True, **options)
    same(sampled(source, tmp_path / "out.h5ad", *arguments), theirs)


@pytest.mark.parametrize("size", [1, 300, 301, 15_000])
@pytest.mark.parametrize("seed", [0, 1, 42])
def test_many_cells(size: int, seed: int, tmp_path: Path) -> None:
    """Beyond 10,000 numpy chooses in another way when more than a fiftieth is asked for."""
    source = tmp_path / "in.h5ad"
    rows = 15_000
    obs = pd.DataFrame({"at": np.arange(rows)}, index=[f"c{i}" for i in range(rows)])
    ad.AnnData(
        sparse.random(rows, 5, 0.2, format="csr", dtype=np.float32, rng=np.random.default_rng(0)), obs=obs
    ).write_h5ad(source)
    ours = sampled(source, tmp_path / "out.h5ad", "--n", str(size), "--seed", str(seed))
    expected = np.random.default_rng(seed).choice(rows, size, replace=False)
    np.testing.assert_array_equal(ours.obs["at"], expected)
    assert len(set(ours.obs_names)) == size


def test_demo_to_zarr(tmp_path: Path) -> None:
    theirs = sc.pp.sample(ad.read_h5ad(DEMO), fraction=0.1, rng=7, copy=True)
    same(sampled(DEMO, tmp_path / "out.zarr", "--fraction", "0.1", "--seed", "7"), theirs)


def test_the_same_again(tmp_path: Path) -> None:
    files = []
    for i, arguments in enumerate([["--threads", "1"], ["--threads", "3"], ["--memory", "128M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        sampled(DEMO, files[-1], "--n", "500", *arguments)
    assert len({path.read_bytes() for path in files}) == 1


def test_refusals(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    family(source, "csr")
    for arguments, says in [
        (["--n", "301"], "cannot be drawn once each"),
        (["--fraction", "1.01"], "more than all there is"),
        (["--fraction", "-0.5"], "fraction"),
        (["--fraction", "nan"], "fraction"),
        (["--n", "3", "--fraction", "0.5"], "cannot be used with"),
        ([], "--n"),
        (["--n", "51", "--axis", "var"], "51 of 50"),
    ]:
        done = run(source, target, *arguments)
        assert done.code == 2 and says in done.stderr, str(done)
        assert not target.exists()


def test_plan_writes_nothing(tmp_path: Path) -> None:
    done = run(DEMO, tmp_path / "out.h5ad", "--n", "10", "--plan", "--json")
    assert done.code == 0 and not (tmp_path / "out.h5ad").exists()
    assert done.report["shape"][0] == 10
