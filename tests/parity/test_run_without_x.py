"""Recipes of which no step reads X: it need not be there, and is carried over as it is."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest

from .compare import assert_equal, assert_values_equal
from .run_recipes import DEMO, done, run
from .runner import run as command
from .test_pipeline_several import to_components

LATE = "[neighbors]\n[umap]\nmaxiter = 10\n[leiden]\n"


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells with components, counts in a layer, and X."""
    target = tmp_path_factory.mktemp("components") / "in.h5ad"
    run([DEMO], target, recipe=to_components())
    return target


def without_x(source: Path, folder: Path) -> Path:
    target = folder / "without.h5ad"
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "r+") as file:
        del file["X"]
    return target


def test_the_result_is_the_same(components: Path, tmp_path: Path) -> None:
    bare = without_x(components, tmp_path)
    ours = run([bare], tmp_path / "ours.h5ad", recipe=LATE)
    expected = run([components], tmp_path / "expected.h5ad", recipe=LATE)
    assert ours.X is None and expected.X is not None
    assert_values_equal(expected.X, ad.read_h5ad(components).X, "X")
    expected.X = None
    assert_equal(ours, expected, axis=None)


@pytest.mark.parametrize("keep", ["both", "normalized", "raw", "none"])
def test_nothing_stands_where_x_stood(keep: str, components: Path, tmp_path: Path) -> None:
    ours = run([without_x(components, tmp_path)], tmp_path / "ours.zarr", f"--keep-x={keep}", recipe="[neighbors]\n")
    assert ours.X is None and not (tmp_path / "ours.zarr" / "X").exists()


def test_markers_of_a_layer(components: Path, tmp_path: Path) -> None:
    recipe = '[leiden]\n[rank_genes_groups]\nlayer = "logs"\n'
    adata = run([components], tmp_path / "graph.h5ad", recipe="[neighbors]\n")
    adata.layers["logs"] = adata.X
    adata.write_h5ad(tmp_path / "layered.h5ad")
    ours = run([without_x(tmp_path / "layered.h5ad", tmp_path)], tmp_path / "ours.h5ad", recipe=recipe)
    expected = run([tmp_path / "layered.h5ad"], tmp_path / "expected.h5ad", recipe=recipe)
    names = [adata.uns["rank_genes_groups"]["names"] for adata in (ours, expected)]
    np.testing.assert_array_equal(*names)


@pytest.mark.parametrize("layout", ["csc", "damaged"])
def test_x_is_not_read(layout: str, components: Path, tmp_path: Path) -> None:
    """CSC is not put in order, and values that no pass survives are carried over."""
    adata = ad.read_h5ad(components)
    if layout == "csc":
        adata.X = adata.X.tocsc()
    adata.write_h5ad(tmp_path / "in.h5ad")
    if layout == "damaged":
        with h5py.File(tmp_path / "in.h5ad", "r+") as file:
            file["X/data"][:] = np.nan
    ours = run([tmp_path / "in.h5ad"], tmp_path / "ours.h5ad", recipe="[neighbors]\n")
    assert_values_equal(ours.X, ad.read_h5ad(tmp_path / "in.h5ad").X, "X")


@pytest.mark.parametrize(
    ("recipe", "step"),
    [
        ("[log1p]\n[neighbors]\n", "[log1p]"),
        ("[pca]\n", "[pca]"),
        ('[neighbors]\nuse_rep = "X"\n', "[neighbors]"),
        (LATE + "[rank_genes_groups]\n", "[rank_genes_groups]"),
    ],
)
def test_the_step_that_needs_x_is_named(recipe: str, step: str, components: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(recipe)
    words = ["run", str(without_x(components, tmp_path)), "--recipe", str(tmp_path / "recipe.toml")]
    refused = command([*words, "-o", str(tmp_path / "out.h5ad")])
    assert refused.code == 4 or refused.code == 3, str(refused)
    assert step in refused.stderr and "there is no X" in refused.stderr, str(refused)
    assert not (tmp_path / "out.h5ad").exists()


def test_the_plan_has_no_pass(components: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(LATE)
    bare = without_x(components, tmp_path)
    words = ["run", str(bare), "--recipe", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / "out.h5ad"), "--plan"]
    assert "passes over the data: 0" in done(words).stdout
