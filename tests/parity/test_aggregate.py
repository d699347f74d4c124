"""`annstream aggregate` against `scanpy.get.aggregate` in memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"
FUNCTIONS = ["sum", "mean", "var", "count_nonzero"]


def run(source: Path, target: Path, by: str, func: str, *arguments: str) -> Run:
    words = ["aggregate", str(source), "-o", str(target), "--by", by, "--func", func, "--force", "-q"]
    return command([*words, *arguments])


def aggregated(source: Path, target: Path, by: str, func: str, *arguments: str) -> ad.AnnData:
    done = run(source, target, by, func, *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def reference(adata: ad.AnnData, by: str | list[str], func: list[str], **options: object) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sc.get.aggregate(adata, by, func, axis="obs", **options)


def through_file(adata: ad.AnnData, path: Path) -> ad.AnnData:
    adata.write_h5ad(path)
    return ad.read_h5ad(path)


def same(ours: ad.AnnData, theirs: ad.AnnData, tmp_path: Path, *, rtol: float = 0.0) -> None:
    """Equal tables and layers; to the bit, unless `rtol` is given."""
    theirs = through_file(theirs, tmp_path / "theirs.h5ad")
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    pd.testing.assert_frame_equal(ours.var, theirs.var)
    assert ours.X is None and theirs.X is None
    assert not ours.obsm and not ours.varm and not ours.obsp and not ours.uns
    assert set(ours.layers) == set(theirs.layers)
    for name, values in theirs.layers.items():
        assert ours.layers[name].dtype == values.dtype == np.float64
        scale = np.abs(values[np.isfinite(values)]).max(initial=0.0)
        np.testing.assert_allclose(ours.layers[name], values, rtol=rtol, atol=rtol * scale, err_msg=name)


def family(seed: int, kind: str, dtype: str, rows: int = 150, columns: int = 40) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    values = rng.poisson(rng.gamma(0.5, 2.0, columns), size=(rows, columns)).astype(dtype)
    if values.dtype.kind == "f":
        values *= rng.random(values.shape).astype(dtype) * 3 - 1
    values[:, 3] = 0
    values[:, 4] = 2
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(
                rng.choice(["T", "B", "NK cell"], rows), categories=["T", "none", "NK cell", "B"], ordered=True
            ),
            "donor": pd.Categorical(rng.choice(["d1", "d10", "d2"], rows)),
            "number": rng.choice([20, 3, -1], rows).astype(np.int32),
            "real": rng.choice([0.5, 1e-5, 2.0, 1e17], rows),
            "flag": rng.random(rows) < 0.5,
            "whole": pd.array(rng.choice([7, 8], rows), dtype="Int64"),
        },
        index=[f"c{i}" for i in range(rows)],
    )
    obs.loc[obs.index[0], "number"] = 99
    var = pd.DataFrame(
        {"kind": pd.Categorical(rng.choice(["x", "y"], columns))}, index=[f"g{i}" for i in range(columns)]
    )
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    adata = ad.AnnData(matrix, obs=obs, var=var)
    adata.layers["other"] = sparse.csr_matrix(values * 2)
    adata.obsm["x"] = rng.random((rows, 2))
    adata.uns["type_colors"] = ["#000000"] * 4
    return adata


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("by", ["type", "type,donor"])
def test_random(kind: str, dtype: str, by: str, tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = through_file(family(len(kind) + len(by), kind, dtype), source)
    ours = aggregated(source, tmp_path / "out.h5ad", by, ",".join(FUNCTIONS))
    same(ours, reference(adata, by.split(","), FUNCTIONS), tmp_path)


@pytest.mark.parametrize("func", [*FUNCTIONS, "mean,count_nonzero", "var,sum"])
def test_each_function_and_layer(func: str, tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = through_file(family(7, "csr", "float32"), source)
    same(aggregated(source, tmp_path / "out.h5ad", "donor", func), reference(adata, "donor", func.split(",")), tmp_path)
    ours = aggregated(source, tmp_path / "out.zarr", "donor", func, "--layer", "other", "--dof", "0")
    same(ours, reference(adata, "donor", func.split(","), layer="other", dof=0), tmp_path)


@pytest.mark.parametrize("by", ["number", "real", "flag", "whole", "flag,number", "real,type,whole", "type,type"])
def test_keys_of_other_types(by: str, tmp_path: Path) -> None:
    """A group of one cell has no variance: NaN, as in scanpy."""
    source = tmp_path / "in.h5ad"
    adata = through_file(family(11, "csr", "int32"), source)
    ours = aggregated(source, tmp_path / "out.h5ad", by, ",".join(FUNCTIONS))
    same(ours, reference(adata, by.split(","), FUNCTIONS), tmp_path)


def test_condition_is_a_subset(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = through_file(family(13, "csc", "float32"), source)
    ours = aggregated(
        source, tmp_path / "out.h5ad", "type,donor", ",".join(FUNCTIONS), "--obs", "flag AND donor <> 'd10'"
    )
    kept = adata[adata.obs["flag"] & (adata.obs["donor"] != "d10")].copy()
    same(ours, reference(kept, ["type", "donor"], FUNCTIONS), tmp_path)


def test_missing_values_are_refused_unless_left_out(tmp_path: Path) -> None:
    """Scanpy raises too, for one column; with several it may count such cells to another group."""
    source = tmp_path / "in.h5ad"
    adata = family(17, "csr", "float32")
    adata.obs.loc[adata.obs.index[5:9], "type"] = np.nan
    adata = through_file(adata, source)
    with pytest.raises(ValueError, match="negative"):
        reference(adata, "type", ["sum"])
    for by in ["type", "type,donor", "donor,type"]:
        done = run(source, tmp_path / "out.h5ad", by, "sum")
        assert done.code == 2 and "no value in 4 cells" in done.stderr and "IS NOT NULL" in done.stderr, str(done)
        assert not (tmp_path / "out.h5ad").exists()
    ours = aggregated(source, tmp_path / "out.h5ad", "donor,type", "sum,var", "--obs", "type IS NOT NULL")
    kept = adata[adata.obs["type"].notna()].copy()
    same(ours, reference(kept, ["donor", "type"], ["sum", "var"]), tmp_path)


def test_refusals(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = family(19, "csr", "float32")
    adata.obs["a"] = pd.Categorical(np.where(adata.obs["flag"], "x_y", "x"))
    adata.obs["b"] = pd.Categorical(np.where(adata.obs["flag"], "z", "y_z"))
    adata = through_file(adata, source)
    target = tmp_path / "out.h5ad"
    for by, func, arguments, says in [
        ("nothing", "sum", [], "no column 'nothing'"),
        ("type", "median", [], "not one of"),
        ("type", "sum", ["--layer", "nothing"], "no layer 'nothing'"),
        ("type", "sum", ["--axis", "var"], "axis"),
        ("a,b", "sum", [], "'x_y_z'"),
    ]:
        done = run(source, target, by, func, *arguments)
        assert done.code == 2 and says in done.stderr, str(done)
        assert not target.exists()
    with pytest.raises(ValueError, match="unique"):
        reference(adata, ["a", "b"], ["sum"])


def test_budget_names_the_least(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows, columns = 800, 12_000
    matrix = sparse.random(rows, columns, 0.001, format="csr", dtype=np.float32, rng=rng)
    obs = pd.DataFrame({"cell": pd.Categorical([f"k{i}" for i in range(rows)])}, index=[f"c{i}" for i in range(rows)])
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata = through_file(ad.AnnData(matrix, obs=obs), source)
    done = run(source, target, "cell", "sum,var,count_nonzero", "--memory", "128M")
    assert done.code == 7 and "800 groups x 12000 genes" in done.stderr and "give --memory" in done.stderr, str(done)
    assert not target.exists()
    ours = aggregated(source, target, "cell", "sum", "--memory", "256M")
    same(ours, reference(adata, "cell", ["sum"]), tmp_path)


def test_threads_and_memory_change_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    through_file(family(23, "csr", "float32", rows=3000, columns=300), source)
    files = []
    for i, arguments in enumerate([["--threads", "1"], ["--threads", "3"], ["--memory", "128M"]]):
        files.append(tmp_path / f"out{i}.h5ad")
        aggregated(source, files[-1], "type,donor", "sum,var", *arguments)
    assert len({path.read_bytes() for path in files}) == 1


def test_plan_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    through_file(family(29, "csr", "float32"), source)
    done = run(source, tmp_path / "out.h5ad", "donor", "sum,mean", "--plan", "--json")
    assert done.code == 0 and not (tmp_path / "out.h5ad").exists()
    assert done.report["shape"] == [3, 40] and done.report["memory_of_sums"] == 3 * 40 * 8
    assert sum(done.report["sizes"]) == 150


def test_demo(tmp_path: Path) -> None:
    adata = ad.read_h5ad(DEMO)
    ours = aggregated(DEMO, tmp_path / "out.h5ad", "cell_type", ",".join(FUNCTIONS))
    same(ours, reference(adata, "cell_type", FUNCTIONS), tmp_path)
