"""Shows what `annstream run` left, with scanpy, and draws its components."""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import anndata
import scanpy as sc


def main(path: str) -> None:
    """Prints the object and its leading variances, and saves two plots beside it."""
    adata = anndata.read_h5ad(path)
    print(adata)
    ratio = adata.uns["pca"]["variance_ratio"]
    print(f"the first components explain {', '.join(f'{share:.1%}' for share in ratio[:5])} of the variance")
    picture = Path(path).with_suffix(".png")
    figure = sc.pl.pca(adata, color=["sample", "total_counts"], show=False, return_fig=True, wspace=0.35)
    figure.savefig(picture, dpi=120, bbox_inches="tight")
    print(f"scanpy drew {picture.name} from it")


main(sys.argv[1])
