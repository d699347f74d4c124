"""scanpy draws from the files that `annstream run` writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pytest
import scanpy as sc

from .graph_files import demo
from .runner import run

mpl.use("Agg")
from matplotlib import pyplot as plt

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    """The demo file after the default recipe, up to the components."""
    target = tmp_path_factory.mktemp("plots") / "done.h5ad"
    done = run(["run", str(DEMO), "-o", str(target), "-q", "--until", "pca"])
    assert done.code == 0, str(done)
    return ad.read_h5ad(target)


PLOTS: dict[str, Callable[[ad.AnnData], None]] = {
    "pca": lambda adata: sc.pl.pca(adata, color=["cell_type", "total_counts", "LYZ"], show=False),
    "pca_with_variance": lambda adata: sc.pl.pca(adata, annotate_var_explained=True, show=False),
    "pca_variance_ratio": lambda adata: sc.pl.pca_variance_ratio(adata, log=True, n_pcs=50, show=False),
    "pca_loadings": lambda adata: sc.pl.pca_loadings(adata, components="1,2", show=False),
    "highly_variable_genes": lambda adata: sc.pl.highly_variable_genes(adata, show=False),
    "violin": lambda adata: sc.pl.violin(adata, ["n_genes_by_counts", "total_counts", "pct_counts_mt"], show=False),
    "violin_by_type": lambda adata: sc.pl.violin(adata, "LYZ", groupby="cell_type", show=False),
    "scatter": lambda adata: sc.pl.scatter(
        adata, "total_counts", "n_genes_by_counts", color="pct_counts_mt", show=False
    ),
    "highest_expr_genes": lambda adata: sc.pl.highest_expr_genes(adata, n_top=10, show=False),
}


@pytest.mark.parametrize("name", PLOTS)
def test_scanpy_draws(name: str, processed: ad.AnnData, tmp_path: Path) -> None:
    plt.close("all")
    PLOTS[name](processed.copy())
    is_drawn(tmp_path / f"{name}.png")


def is_drawn(target: Path) -> None:
    """The last figure is not blank."""
    plt.gcf().savefig(target, dpi=60)
    plt.close("all")
    pixels = plt.imread(target)[..., :3]
    assert (np.ptp(pixels.reshape(-1, 3), axis=0) > 0.3).any()
    marked = (np.abs(pixels - pixels[0, 0]).max(axis=-1) > 0.1).mean()
    assert marked > 0.005, "the picture is blank"


def test_later_steps_work(processed: ad.AnnData) -> None:
    adata = processed.copy()
    # With umap's weights scanpy would compile for half a minute; test_run_to_end.py has them.
    sc.pp.neighbors(adata, method="gauss")
    assert adata.obsp["connectivities"].shape == (adata.n_obs, adata.n_obs)
    assert adata.uns["neighbors"]["params"]["n_neighbors"] == 15
    sc.tl.rank_genes_groups(adata, "cell_type", method="t-test")
    assert adata.uns["rank_genes_groups"]["names"].dtype.names


@pytest.fixture(scope="module")
def abstracted(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    """The demo file with a graph and all that is made of it."""
    folder = tmp_path_factory.mktemp("abstracted")
    files = [folder / f"{i}.h5ad" for i in range(4)]
    demo().write_h5ad(files[0])
    steps = [["diffmap"], ["paga", "--groups=cell_type"], ["dendrogram", "--groupby=cell_type"]]
    for step, source, target in zip(steps, files, files[1:], strict=False):
        done = run([step[0], str(source), "-o", str(target), "-q", *step[1:]])
        assert done.code == 0, str(done)
    return ad.read_h5ad(files[-1])


GENES = ["LYZ", "CD3D", "MS4A1", "NKG7"]
PLOTS_OF_GROUPS: dict[str, Callable[[ad.AnnData], None]] = {
    "diffmap": lambda adata: sc.pl.diffmap(adata, color=["cell_type", "LYZ"], show=False),
    "paga": lambda adata: sc.pl.paga(adata, threshold=0.01, show=False),
    "paga_tree": lambda adata: sc.pl.paga(adata, solid_edges="connectivities_tree", layout="rt", show=False),
    "dendrogram": lambda adata: sc.pl.dendrogram(adata, "cell_type", show=False),
    "correlation_matrix": lambda adata: sc.pl.correlation_matrix(adata, "cell_type", show=False),
    "dotplot": lambda adata: sc.pl.dotplot(adata, GENES, groupby="cell_type", dendrogram=True, show=False),
    "heatmap": lambda adata: sc.pl.heatmap(adata, GENES, groupby="cell_type", dendrogram=True, show=False),
}


@pytest.mark.parametrize("name", PLOTS_OF_GROUPS)
def test_scanpy_draws_groups(
    name: str, abstracted: ad.AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("paga"):
        pytest.importorskip("igraph")
    # Where scanpy does not find a tree it makes one.
    monkeypatch.delattr("scanpy.tools._dendrogram.dendrogram")
    plt.close("all")
    PLOTS_OF_GROUPS[name](abstracted.copy())
    is_drawn(tmp_path / f"{name}.png")
