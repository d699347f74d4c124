"""Shows what the steps left, with scanpy, and draws the cells."""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import anndata
import scanpy as sc


def main(path: str) -> None:
    """Prints the object and the markers of its clusters, and saves plots beside it."""
    adata = anndata.read_h5ad(path)
    print(adata)
    markers = adata.uns["rank_genes_groups"]["names"]
    for cluster, cells in adata.obs["leiden"].value_counts(sort=False).items():
        print(f"cluster {cluster}: {cells} cells, marked by {', '.join(markers[cluster][:5])}")
    picture = Path(path).with_suffix(".png")
    figure = sc.pl.umap(adata, color=["leiden", "sample", "total_counts"], show=False, return_fig=True, wspace=0.35)
    figure.savefig(picture, dpi=120, bbox_inches="tight")
    print(f"scanpy drew {picture.name} from it")


main(sys.argv[1])
