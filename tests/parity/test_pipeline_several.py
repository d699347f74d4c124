"""`annstream run` on several files against `annstream concat` and then `run`: the same result, to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from . import scanpy_flow
from .combinations import covering
from .compare import assert_equal
from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo"
DEMO_FILES = [DEMO / "pbmc4k.h5ad", DEMO / "donor_a.h5ad"]

SMALL = {"min_genes": 10, "min_cells": 4, "n_comps": 10}

FEW_STEPS = scanpy_flow.recipe(**SMALL).split("[normalize_total]")[0]


@cache
def to_components() -> str:
    """The default recipe up to its 50 components, of fewer genes: nearly all time would go to these components."""
    text = done(["run", "--print-recipe", "--until", "pca"]).stdout
    assert "n_top_genes = 2000" in text
    return text.replace("n_top_genes = 2000", "n_top_genes = 300")


def read(path: Path) -> ad.AnnData:
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path)


def write(adata: ad.AnnData, path: Path) -> Path:
    (adata.write_zarr if path.suffix == ".zarr" else adata.write_h5ad)(path)
    return path


def digest(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            total.update(str(file.relative_to(path)).encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def done(words: list[str]) -> Run:
    finished = command(words)
    assert finished.code == 0, str(finished)
    return finished


def check(
    inputs: list[Path],
    folder: Path,
    *joining: str,
    recipe: str | None = None,
    extra: tuple[str, ...] = (),
    suffix: str = "h5ad",
) -> ad.AnnData:
    """Runs both ways, and returns the result if they agree."""
    words = list(extra)
    if recipe is not None:
        (folder / "recipe.toml").write_text(recipe)
        words += ["--recipe", str(folder / "recipe.toml")]
    before = [digest(path) for path in inputs]
    names = [str(path) for path in inputs]
    merged, theirs, ours = folder / "merged.h5ad", folder / f"theirs.{suffix}", folder / f"ours.{suffix}"
    done(["concat", *names, "-o", str(merged), "-q", *joining])
    done(["run", str(merged), "-o", str(theirs), "-q", *words])
    scratch = folder / "scratch"
    scratch.mkdir()
    done(["run", *names, "-o", str(ours), "-q", *joining, *words, "--tmpdir", str(scratch)])
    assert not list(scratch.iterdir()), "files left behind in scratch space"
    assert [digest(path) for path in inputs] == before, "an input was changed"
    result = read(ours)
    assert_equal(result, read(theirs), axis=None)
    return result


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_tutorial_on_two_samples(join: str, suffix: str, tmp_path: Path) -> None:
    joining = [f"--join={join}", "--label=sample", "--keys-from=stem", "--index-unique=-"]
    result = check(DEMO_FILES, tmp_path, *joining, recipe=to_components(), suffix=suffix)
    assert set(result.obs["sample"]) == {"pbmc4k", "donor_a"}
    assert result.obsm["X_pca"].shape == (result.n_obs, 50)
    assert result.layers["counts"].dtype == result.X.dtype == np.float32


@pytest.mark.parametrize("keep", ["normalized", "raw", "none"])
def test_what_becomes_of_x(keep: str, tmp_path: Path) -> None:
    joining = ["--join=outer", "--index-unique=-"]
    result = check(DEMO_FILES, tmp_path, *joining, recipe=to_components(), extra=(f"--keep-x={keep}",))
    assert (result.X is None) == (keep == "none")


@pytest.mark.parametrize("keep", ["both", "raw"])
def test_only_counts(keep: str, tmp_path: Path) -> None:
    """X is written, though no step changes it."""
    result = check(DEMO_FILES, tmp_path, extra=(f"--keep-x={keep}", "--until=filter_genes"))
    assert not result.layers and result.X is not None


def sample(seed: int, kind: str, dtype: str, rows: int, genes: list[str]) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.4, 1.0, size=(4, len(genes)))[rng.integers(0, 4, rows)] * rng.gamma(4, 0.5, size=(rows, 1))
    values = rng.poisson(rates).astype(dtype)
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    obs = pd.DataFrame(
        {"batch": pd.Categorical(rng.choice(["x", "y"], rows)), f"own{seed}": rng.normal(size=rows)},
        index=[f"c{seed}_{i}" for i in range(rows)],
    )
    adata = ad.AnnData(matrix, obs=obs, var=pd.DataFrame({"length": np.arange(len(genes))}, index=genes))
    adata.layers["twice"] = matrix * 2
    adata.obsm["spatial"] = rng.normal(size=(rows, 2))
    adata.uns["about"] = {"seed": seed}
    return adata


def genes(*numbers: range) -> list[str]:
    return ["MT-A", "MT-B", *(f"G{i}" for own in numbers for i in own)]


def samples(folder: Path, kinds: list[tuple[str, str, str]], *, shuffle: bool = True, seed: int = 0) -> list[Path]:
    """One file for each layout, type and format; they share most genes."""
    rng = np.random.default_rng(seed)
    paths = []
    for number, (kind, dtype, suffix) in enumerate(kinds):
        own = genes(range(number * 7, 140 + number * 7))
        if shuffle and number > 0:
            own = [own[i] for i in rng.permutation(len(own))]
        adata = sample(seed * 10 + number, kind, dtype, 120 + 31 * number, own)
        paths.append(write(adata, folder / f"in{number}.{suffix}"))
    return paths


MIXTURES: dict[str, list[tuple[str, str, str]]] = {
    "h5ad and zarr": [("csr", "float32", "h5ad"), ("csr", "float32", "zarr")],
    "csc and dense": [("csc", "float32", "h5ad"), ("dense", "float32", "h5ad")],
    "two csc": [("csc", "int32", "zarr"), ("csc", "int32", "h5ad")],
    "two dense": [("dense", "float32", "h5ad"), ("dense", "float32", "zarr")],
    "three of all": [("csr", "float32", "zarr"), ("csc", "float64", "h5ad"), ("dense", "int32", "h5ad")],
}


@pytest.mark.parametrize(("mixture", "flavor", "join"), covering(MIXTURES, ["seurat", "seurat_v3"], ["inner", "outer"]))
def test_mixtures(join: str, flavor: str, mixture: str, tmp_path: Path) -> None:
    paths = samples(tmp_path, MIXTURES[mixture], shuffle=True, seed=len(mixture))
    if join == "outer" and mixture == "two dense":
        # Holes of dense matrices are not a number, of which no components can be taken.
        pytest.skip("the result has no numbers to work on")
    recipe = scanpy_flow.recipe(**SMALL, flavor=flavor, batch_key="file" if flavor == "seurat" else None)
    result = check(paths, tmp_path, f"--join={join}", "--label=file", recipe=recipe)
    assert set(result.layers) == {"counts", "twice"} and "spatial" in result.obsm
    assert sparse.issparse(result.X) == (mixture != "two dense")


@pytest.mark.parametrize("resources", [("--memory=160M", "--threads=1"), ("--threads=3",)])
def test_resources_do_not_matter(resources: tuple[str, ...], tmp_path: Path) -> None:
    """Enough values for several blocks, which begin elsewhere than the files do."""
    paths = []
    for number, kind in enumerate(["csr", "csc", "csr"]):
        adata = sample(40 + number, kind, "float32", 2000 + 301 * number, genes(range(number * 20, 900 + number * 20)))
        del adata.layers["twice"]
        paths.append(write(adata, tmp_path / f"in{number}.h5ad"))
    recipe = scanpy_flow.recipe(**SMALL, flavor="cell_ranger")
    check(paths, tmp_path, "--join=inner", recipe=recipe, extra=resources)


def test_keys_stand_with_the_paths(tmp_path: Path) -> None:
    named = [f"{key}={path}" for key, path in zip(["left", "right"], DEMO_FILES, strict=True)]
    done(["run", *named, "-o", str(tmp_path / "out.h5ad"), "-q", "--label=side", "--until=qc"])
    assert set(ad.read_h5ad(tmp_path / "out.h5ad").obs["side"]) == {"left", "right"}


def test_one_input_is_taken_as_it_is(tmp_path: Path) -> None:
    path = samples(tmp_path, [("csr", "float32", "h5ad")])[0]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(FEW_STEPS)
    done(["run", str(path), "-o", str(tmp_path / "out.h5ad"), "-q", "--recipe", str(recipe)])
    result = ad.read_h5ad(tmp_path / "out.h5ad")
    assert result.uns["about"]["seed"] == 0 and "length" in result.var


def test_one_input_gets_a_label(tmp_path: Path) -> None:
    path = samples(tmp_path, [("csr", "float32", "h5ad")])[0]
    result = check([path], tmp_path, "--label=file", "--keys=a", recipe=FEW_STEPS)
    assert set(result.obs["file"]) == {"a"}


def refused(folder: Path, change: Callable[[ad.AnnData], None], *words: str) -> str:
    paths = samples(folder, [("csr", "float32", "h5ad"), ("csr", "float32", "h5ad")])
    adata = ad.read_h5ad(paths[1])
    change(adata)
    write(adata, paths[1])
    output = folder / "output"
    output.mkdir()
    finished = command(["run", *map(str, paths), "-o", str(output / "out.h5ad"), "-q", *words])
    assert finished.code in {2, 3, 4}, str(finished)
    assert not list(output.iterdir()), "files left behind after a refusal"
    return finished.stderr


def without_x(adata: ad.AnnData) -> None:
    adata.X = None


def test_refusals(tmp_path: Path) -> None:
    for number, (change, words, message) in enumerate(
        [
            (without_x, [], "there is no X"),
            (lambda _: None, ["--keys=a"], "1 keys for 2 inputs"),
            (lambda _: None, ["--keys=a,a"], "given twice"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert message in refused(folder, change, *words)


def test_the_output_is_no_input(tmp_path: Path) -> None:
    paths = samples(tmp_path, [("csr", "float32", "h5ad"), ("csr", "float32", "h5ad")])
    finished = command(["run", *map(str, paths), "-o", str(paths[1]), "--force"])
    assert finished.code != 0 and "is the input" in finished.stderr


def test_the_plan_says_what_is_joined(tmp_path: Path) -> None:
    finished = done(["run", *map(str, DEMO_FILES), "-o", str(tmp_path / "out.h5ad"), "--plan", "--json"])
    assert finished.report["shape"][0] == 1300
    assert not (tmp_path / "out.h5ad").exists()
