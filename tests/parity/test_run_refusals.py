"""What `annstream run` refuses, and when: names before any pass, memory with a budget that does."""

from __future__ import annotations

import re
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
from scipy import sparse

from .run_recipes import DEMO, raw_input
from .runner import run as command


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("[neighbors]\n", ["X_pca"]),
        ('[neighbors]\nuse_rep = "X_no"\n', ["X_no"]),
        ("[umap]\n", ["uns/neighbors", "graph"]),
        ("[leiden]\n", ["uns/neighbors", "graph"]),
        ("[neighbors]\nn_neighbors = 1\n", ["[neighbors]", "2 or more"]),
        ("[leiden]\nresolution = -1\n", ["[leiden]", "resolution"]),
        ('[rank_genes_groups]\ngroupby = "no"\n', ["no column 'no'"]),
        ("[rank_genes_groups]\n", ["no column 'leiden'"]),
        ('[rank_genes_groups]\ngroupby = "cell_type"\nlayer = "no"\n', ["no layer 'no'"]),
        ('[rank_genes_groups]\ngroupby = "cell_type"\nmask_var = "no"\n', ["no column 'no'"]),
        ('[rank_genes_groups]\ngroupby = "cell_type"\nuse_raw = true\n', ["raw"]),
        ('[rank_genes_groups]\ngroupby = "cell_type"\nmethod = "logreg"\n', ["logreg", "wilcoxon"]),
        ("[harmony]\n", ["[harmony]", "no key"]),
        ("[scrublet]\nsim_doublet_ratio = 0\n", ["[scrublet]", "sim_doublet_ratio"]),
    ],
)
def test_refusals(recipe: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(recipe)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "out.h5ad"
    refused = command(["run", str(DEMO), "-o", str(target), "--recipe", str(tmp_path / "recipe.toml")])
    assert refused.code in {2, 3, 4, 6}, str(refused)
    assert all(word in refused.stderr for word in words), str(refused)
    assert not list(target.parent.iterdir())


def damaged(folder: Path, layout: str) -> Path:
    """A file whose X no pass survives: ids of genes, or cells, are beyond the end."""
    source = raw_input(folder)
    adata = ad.read_h5ad(source)
    adata.X = getattr(adata.X, f"to{layout}")()
    adata.write_h5ad(source)
    with h5py.File(source, "r+") as file:
        file["X/indices"][:] = 10**6
    return source


NO_SUCH: list[tuple[str, str]] = [
    ('[qc]\nqc_vars = ["no"]\n', "'no'"),
    ("[filter_cells]\nmax_percent = { no = 3 }\n", "'no'"),
    ('[scrublet]\nbatch_key = "no"\n', "no column 'no'"),
    ('[highly_variable_genes]\nn_top_genes = 9\nbatch_key = "no"\n', "no column 'no'"),
    ('[regress_out]\nkeys = ["no"]\n', "no column 'no'"),
    ('[pca]\nmask_var = "no"\n', "no column 'no'"),
    ('[pca]\n[harmony]\nkey = "no"\n', "no column 'no'"),
    ('[pca]\n[harmony]\nkey = "batch"\nbasis = "X_no"\n', "no X_no"),
    ("[log1p]\n[neighbors]\n", "no X_pca"),
    ('[pca]\n[neighbors]\nuse_rep = "X_pca_harmony"\n', "no X_pca_harmony"),
    ("[log1p]\n[umap]\n", "no graph"),
    ('[pca]\n[neighbors]\n[umap]\ninit_pos = "X_no"\n', "obsm/X_no"),
    ('[pca]\n[neighbors]\n[leiden]\nneighbors_key = "no"\n', "uns/no"),
    ('[pca]\n[neighbors]\n[leiden]\nrestrict_to = { column = "no", groups = ["x"] }\n', "no column 'no'"),
    ('[log1p]\n[rank_genes_groups]\ngroupby = "no"\n', "no column 'no'"),
    ('[log1p]\n[rank_genes_groups]\ngroupby = "batch"\nlayer = "no"\nuse_raw = false\n', "no layer 'no'"),
    ('[log1p]\n[rank_genes_groups]\ngroupby = "batch"\nmask_var = "no"\n', "no column 'no'"),
]


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_what_is_not_there_is_missed_before_any_pass(layout: str, tmp_path: Path) -> None:
    """X cannot be read, and nobody notices: of one file, and of several, whose names are found in the plan."""
    source, recipe = damaged(tmp_path, layout), tmp_path / "recipe.toml"
    words = ["run", "--recipe", str(recipe), "-o", str(tmp_path / "out.h5ad")]
    recipe.write_text("[log1p]\n[neighbors]\nuse_rep = 'X_other'\n[rank_genes_groups]\ngroupby = 'batch'\n")
    for inputs in ([str(source)], [f"a={source}", f"b={source}", "--index-unique=-"]):
        read = command([*words, *inputs])
        assert read.code == 3 and "X" in read.stderr, str(read)
        # What becomes of the columns of var is not known before values are compared.
        unknown = ("mask_var", "qc_vars", "neighbors_key", "[umap]") if len(inputs) > 1 else ()
        for text, said in (case for case in NO_SUCH if not any(word in case[0] for word in unknown)):
            recipe.write_text(text)
            refused = command([*words, *inputs])
            assert refused.code in {2, 3} and said in refused.stderr, (text, str(refused))
            assert not (tmp_path / "out.h5ad").exists()
        recipe.write_text("[log1p]\n[neighbors]\nuse_rep = 'X_other'\n[rank_genes_groups]\ngroupby = 'batch'\n")
    for verb in [
        ["scrublet", "--batch-key=no"],
        ["hvg", "--batch-key=no"],
        ["regress-out", "--keys=no"],
        ["pca", "--mask-var=no"],
        ["qc", "--qc-vars=no"],
        ["rank-genes-groups", "--groupby=no"],
    ]:
        refused = command([verb[0], str(source), "-o", str(tmp_path / "out.h5ad"), *verb[1:]])
        assert refused.code == 2 and "'no'" in refused.stderr, str(refused)


def test_a_small_budget_names_one_that_does(tmp_path: Path) -> None:
    """The graph is charged: a budget is refused with a larger one, which does."""
    rng = np.random.default_rng(0)
    adata = ad.AnnData(sparse.random(20_000, 60, 0.1, format="csr", dtype=np.float32, rng=rng))
    adata.obsm["X_pca"] = rng.normal(size=(20_000, 4)).astype(np.float32)
    adata.write_h5ad(tmp_path / "in.h5ad")
    (tmp_path / "recipe.toml").write_text("[neighbors]\nn_neighbors = 30\n[umap]\nmaxiter = 1\n")
    words = ["run", str(tmp_path / "in.h5ad"), "--recipe", str(tmp_path / "recipe.toml"), "--threads=2", "-q"]
    memory = [64]
    while len(memory) < 9:
        finished = command([*words, "-o", str(tmp_path / "out.h5ad"), f"--memory={memory[-1]}M"])
        if finished.code == 0:
            break
        assert finished.code == 7, str(finished)
        assert not (tmp_path / "out.h5ad").exists()
        memory.append(int(re.search(r"give --memory (\d+)M or more", finished.stderr).group(1)))
        assert memory[-1] > memory[-2]
    assert finished.code == 0 and len(memory) > 1, memory
