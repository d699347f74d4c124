#!/usr/bin/env python3
"""The steps of the scanpy tutorial in Python: read, go to the components, write.

    python peer_pipeline.py annstream|scanpy|anndataoom INPUT -o OUTPUT [--without-x]
    python peer_pipeline.py import-annstream|import-scanpy|import-anndataoom

anndataoom has other steps: residuals choose the genes, and components are of scaled values. It writes scores only.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from steps import Steps

if TYPE_CHECKING:
    import anndata as anndata_type

# Memory that annstream is given in a notebook; what Python and its imports hold comes on top.
MEMORY = "140M"
# Genes whose values are asked for at the end.
GENES = 50


def tutorial(data: anndata_type.AnnData, steps: Steps, package: ModuleType | None = None) -> None:
    """The tutorial up to the components, in scanpy or whoever has its names."""
    if package is None:
        import scanpy as package
    pp = package.pp
    data.var["mt"] = data.var_names.str.startswith(("MT-", "mt-"))
    data.var["ribo"] = data.var_names.str.startswith(("RPS", "RPL", "Rps", "Rpl"))
    data.var["hb"] = data.var_names.str.contains("^(?:HB|Hb)[^(Pp)]")
    quality = {"qc_vars": ["mt", "ribo", "hb"], "inplace": True, "log1p": True}
    steps.run("calculate_qc_metrics", lambda: pp.calculate_qc_metrics(data, **quality))
    steps.run("filter_cells", lambda: pp.filter_cells(data, min_genes=100))
    steps.run("filter_genes", lambda: pp.filter_genes(data, min_cells=3))
    data.layers["counts"] = data.X.copy()
    steps.run("normalize_total", lambda: pp.normalize_total(data))
    steps.run("log1p", lambda: pp.log1p(data))
    steps.run("highly_variable_genes", lambda: pp.highly_variable_genes(data, n_top_genes=2000))
    steps.run("pca", lambda: pp.pca(data, n_comps=50))


def keep(data: anndata_type.AnnData, options: argparse.Namespace, steps: Steps) -> None:
    """Writes the result, or all of it but the matrices."""
    import anndata

    if options.without_x:
        parts = {name: dict(getattr(data, name)) for name in ("obsm", "varm", "uns")}
        data = anndata.AnnData(obs=data.obs, var=data.var, **parts)
    steps.run("writing", lambda: data.write_h5ad(options.output))


def some_genes(data: anndata_type.AnnData) -> list[str]:
    """Genes from all over the matrix."""
    return list(data.var_names[:: max(1, data.n_vars // GENES)][:GENES])


def annstream(options: argparse.Namespace, steps: Steps) -> None:
    """The tutorial on what stays on the disk."""
    import annstream as ans

    ans.settings.memory = MEMORY
    data = steps.run("reading", lambda: ans.read(options.input))
    tutorial(data, steps, ans)
    genes = some_genes(data)
    steps.run(f"{GENES} genes", lambda: data.obs_vectors(genes))
    keep(data, options, steps)


def scanpy(options: argparse.Namespace, steps: Steps) -> None:
    """The tutorial in memory."""
    import anndata
    import scanpy as sc

    data = steps.run("reading", lambda: anndata.read_h5ad(options.input))
    tutorial(data, steps)
    if options.without_x:
        genes = some_genes(data)
        steps.run(f"{GENES} genes", lambda: sc.get.obs_df(data, genes))
    keep(data, options, steps)


def anndataoom(options: argparse.Namespace, steps: Steps) -> None:
    """Its own flow, without writing the matrix: that would be dense."""
    import anndataoom as oom
    import numpy as np

    data = steps.run("reading", lambda: oom.read(str(options.input)))
    mitochondrial = np.asarray(data.var_names.str.startswith(("MT-", "mt-")))
    steps.run("qc_metrics", lambda: oom.chunked_qc_metrics(data))
    steps.run("gene_group_pct", lambda: oom.chunked_gene_group_pct(data, mitochondrial))
    steps.run("identify_robust_genes", lambda: oom.chunked_identify_robust_genes(data))
    steps.run("normalize_total", lambda: oom.chunked_normalize_total(data))
    steps.run("log1p", lambda: oom.chunked_log1p(data))
    choice = {"n_top_genes": 2000, "layer": "counts"}
    steps.run("highly_variable_genes_pearson", lambda: oom.chunked_highly_variable_genes_pearson(data, **choice))
    # The parent has to stay: the part reads through it.
    part = data[:, data.var["highly_variable"].to_numpy()]
    steps.run("scale", lambda: oom.chunked_scale(part))
    scores = steps.run("pca", lambda: oom.chunked_pca(part, n_comps=50, use_highly_variable=False)[0])
    with options.output.open("wb") as file:
        np.save(file, scores)


JOBS = {"annstream": annstream, "scanpy": scanpy, "anndataoom": anndataoom}


def main() -> None:
    """Does one job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=[*JOBS, *(f"import-{name}" for name in JOBS)])
    parser.add_argument("input", nargs="?", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--without-x", action="store_true", help="write tables and components only")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.job.startswith("import-"):
        importlib.import_module(options.job.removeprefix("import-"))
    else:
        steps = Steps()
        JOBS[options.job](options, steps)
        steps.write(options.output)


if __name__ == "__main__":
    main()
