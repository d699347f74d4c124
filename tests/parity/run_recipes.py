"""Runs of recipes, and of single commands one after the other."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
from scipy import sparse

from .runner import Run
from .runner import run as command
from .test_pipeline_several import DEMO_FILES

DEMO = DEMO_FILES[0]


def done(words: list[str]) -> Run:
    finished = command(words)
    assert finished.code == 0, str(finished)
    return finished


def read(path: Path) -> ad.AnnData:
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path)


def run(inputs: list[Path], target: Path, *words: str, recipe: str | None = None) -> ad.AnnData:
    words = tuple(words)
    if recipe is not None:
        target.with_suffix(".toml").write_text(recipe)
        words += ("--recipe", str(target.with_suffix(".toml")))
    done(["run", *map(str, inputs), "-o", str(target), "-q", "--force", *words])
    return read(target)


def one_by_one(source: Path, folder: Path, commands: list[list[str]], suffix: str = "h5ad") -> ad.AnnData:
    """Runs commands, each on what the one before left."""
    for number, (verb, *words) in enumerate(commands):
        target = folder / f"step{number}.{suffix}"
        done([verb, str(source), "-o", str(target), "-q", "--force", *words])
        source = target
    return read(source)


def raw_input(folder: Path) -> Path:
    """Cells with embeddings, groups and a raw of their own, of which filters remove some."""
    adata = ad.read_h5ad(DEMO)
    rng = np.random.default_rng(0)
    adata = adata[:, np.asarray(adata.X.sum(axis=0)).ravel() > 2][:, ::5].copy()
    few = adata.copy()
    sc.pp.normalize_total(few)
    sc.pp.log1p(few)
    adata.raw = few[:, ::3].copy()
    adata.layers["logs"] = few.X.copy()
    adata.obsm["X_other"] = np.asarray(few.X[:, :40].toarray() + rng.normal(size=(adata.n_obs, 40)))
    adata.obsm["X_sparse"] = sparse.csr_matrix(adata.obsm["X_other"].astype(np.float32))
    adata.obs["batch"] = pd.Categorical(rng.choice(["x", "y", "z"], adata.n_obs))
    adata.write_h5ad(folder / "in.h5ad")
    return folder / "in.h5ad"


BEFORE = """
[filter_cells]
min_genes = 150
[normalize_total]
[log1p]
[highly_variable_genes]
n_top_genes = 500
[pca]
n_comps = 20
"""
RECIPES: dict[str, tuple[str, list[list[str]]]] = {
    "names and options": (
        """
[neighbors]
n_neighbors = 10
n_pcs = 15
metric = "cosine"
method = "gauss"
key_added = "mine"
random_state = 3
[umap]
min_dist = 0.1
maxiter = 50
init_pos = "pca"
random_state = 4
neighbors_key = "mine"
[leiden]
resolution = 0.7
n_iterations = 2
starts = 1
key_added = "fine"
neighbors_key = "mine"
random_state = 5
[rank_genes_groups]
method = "wilcoxon"
tie_correct = true
pts = true
n_genes = 50
use_raw = false
mask_var = "highly_variable"
key_added = "marks"
""",
        [
            ["neighbors", "--n-neighbors=10", "--n-pcs=15", "--metric=cosine", "--method=gauss", "--key-added=mine",
             "--seed=3"],
            ["umap", "--min-dist=0.1", "--maxiter=50", "--init-pos=pca", "--seed=4", "--neighbors-key=mine"],
            ["leiden", "--resolution=0.7", "--n-iterations=2", "--starts=1", "--key-added=fine",
             "--neighbors-key=mine", "--seed=5"],
            ["rank-genes-groups", "--groupby=fine", "--method=wilcoxon", "--tie-correct", "--pts", "--n-genes=50",
             "--no-raw", "--mask-var=highly_variable", "--key-added=marks"],
        ],
    ),
    "components without batches": (
        """
[harmony]
key = "batch"
theta = 1
random_state = 2
[neighbors]
n_pcs = 12
[leiden]
""",
        [
            ["harmony", "--key=batch", "--theta=1", "--seed=2"],
            ["neighbors", "--use-rep=X_pca_harmony", "--n-pcs=12"],
            ["leiden"],
        ],
    ),
    "two keys and another name": (
        """
[harmony]
key = ["batch", "cell_type"]
basis = "X_other"
adjusted_basis = "mixed"
theta = [1, 2]
max_iter_harmony = 3
[umap]
maxiter = 5
init_pos = "mixed"
[neighbors]
""",
        [
            ["harmony", "--key=batch,cell_type", "--basis=X_other", "--adjusted-basis=mixed", "--theta=1,2",
             "--max-iter-harmony=3"],
            ["neighbors", "--use-rep=mixed"],
            ["umap", "--maxiter=5", "--init-pos=mixed"],
        ],
    ),
    "raw and another embedding": (
        """
[neighbors]
use_rep = "X_other"
n_pcs = 30
[umap]
maxiter = 20
init_pos = "X_other"
[leiden]
restrict_to = { column = "batch", groups = ["x", "y"] }
[rank_genes_groups]
""",
        [
            ["neighbors", "--use-rep=X_other", "--n-pcs=30"],
            ["umap", "--maxiter=20", "--init-pos=X_other"],
            ["leiden", "--restrict-to=batch=x,y"],
            ["rank-genes-groups", "--groupby=leiden_R"],
        ],
    ),
    "a layer and groups of the input": (
        """
[neighbors]
use_rep = "X_sparse"
[leiden]
objective = "cpm"
resolution = 0.02
[rank_genes_groups]
groupby = "batch"
groups = ["z", "x"]
reference = "y"
layer = "logs"
use_raw = false
pts = true
""",
        [
            ["neighbors", "--use-rep=X_sparse"],
            ["leiden", "--objective=cpm", "--resolution=0.02"],
            ["rank-genes-groups", "--groupby=batch", "--groups=z,x", "--reference=y", "--layer=logs", "--no-raw",
             "--pts"],
        ],
    ),
    "counts and all genes": (
        """
[neighbors]
use_rep = "X"
metric = "correlation"
[rank_genes_groups]
groupby = "cell_type"
layer = "counts"
use_raw = false
method = "wilcoxon"
rankby_abs = true
corr_method = "bonferroni"
""",
        [
            ["neighbors", "--use-rep=X", "--metric=correlation"],
            ["rank-genes-groups", "--groupby=cell_type", "--layer=counts", "--no-raw", "--method=wilcoxon",
             "--rankby-abs", "--corr-method=bonferroni"],
        ],
    ),
}  # fmt: skip
