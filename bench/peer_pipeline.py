#!/usr/bin/env python3
"""The pipelines of the peers: read, the steps of the scanpy tutorial, write.

    python peer_pipeline.py scanpy|anndataoom INPUT -o OUTPUT
    python peer_pipeline.py import-scanpy|import-anndataoom

anndataoom has other steps: residuals choose the genes, and components are of scaled values. It writes scores only.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import anndata as anndata_type


def tutorial(data: anndata_type.AnnData) -> None:
    """The tutorial, in memory, up to the components."""
    import scanpy as sc

    data.var["mt"] = data.var_names.str.startswith(("MT-", "mt-"))
    data.var["ribo"] = data.var_names.str.startswith(("RPS", "RPL", "Rps", "Rpl"))
    data.var["hb"] = data.var_names.str.contains("^(?:HB|Hb)[^(Pp)]")
    sc.pp.calculate_qc_metrics(data, qc_vars=["mt", "ribo", "hb"], inplace=True, log1p=True)
    sc.pp.filter_cells(data, min_genes=100)
    sc.pp.filter_genes(data, min_cells=3)
    data.layers["counts"] = data.X.copy()
    sc.pp.normalize_total(data)
    sc.pp.log1p(data)
    sc.pp.highly_variable_genes(data, n_top_genes=2000)
    sc.pp.pca(data, n_comps=50)


def scanpy(source: Path, target: Path) -> None:
    """Read, the tutorial, write."""
    import anndata

    data = anndata.read_h5ad(source)
    tutorial(data)
    data.write_h5ad(target)


def anndataoom(source: Path, target: Path) -> None:
    """Its own flow, without writing the matrix: that would be dense."""
    import anndataoom as oom
    import numpy as np

    data = oom.read(str(source))
    oom.chunked_qc_metrics(data)
    oom.chunked_gene_group_pct(data, np.asarray(data.var_names.str.startswith(("MT-", "mt-"))))
    oom.chunked_identify_robust_genes(data)
    oom.chunked_normalize_total(data)
    oom.chunked_log1p(data)
    oom.chunked_highly_variable_genes_pearson(data, n_top_genes=2000, layer="counts")
    # The parent has to stay: the part reads through it.
    part = data[:, data.var["highly_variable"].to_numpy()]
    oom.chunked_scale(part)
    scores = oom.chunked_pca(part, n_comps=50, use_highly_variable=False)[0]
    with target.open("wb") as file:
        np.save(file, scores)


JOBS = {"scanpy": scanpy, "anndataoom": anndataoom}


def main() -> None:
    """Does one job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=[*JOBS, *(f"import-{name}" for name in JOBS)])
    parser.add_argument("input", nargs="?", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.job.startswith("import-"):
        importlib.import_module(options.job.removeprefix("import-"))
    else:
        JOBS[options.job](options.input, options.output)


if __name__ == "__main__":
    main()
