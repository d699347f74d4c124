"""The mathematics of highly variable genes against scanpy, from statistics that numpy makes.

The program is `crates/sc/examples/hvg_from_stats.rs`: `$ANNSTREAM_HVG`, or what cargo builds. Nothing streams here; the
sums are made the way scanpy makes them, so what differs is the mathematics.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import warnings
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse
from skmisc import loess

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "target" / "debug" / "examples" / "hvg_from_stats"
SEEDS = range(*map(int, os.environ.get("ANNSTREAM_SEEDS", "0:5").split(":")))
V3 = ["seurat_v3", "seurat_v3_paper"]
DISPERSION = ["seurat", "cell_ranger"]


@cache
def program() -> Path:
    """The program, built if need be."""
    if given := os.environ.get("ANNSTREAM_HVG"):
        return Path(given)
    if shutil.which("cargo") is None:
        if EXAMPLE.exists():
            return EXAMPLE
        pytest.skip("no cargo to build the example hvg_from_stats: install it, or set ANNSTREAM_HVG")
    # The whole workspace: for one package alone, libhdf5 and more would be built again with other features.
    command = ["cargo", "build", "--quiet", "--locked", "--workspace", "--example", "hvg_from_stats"]
    subprocess.run(command, cwd=ROOT, check=True)
    return EXAMPLE


def plain(value: Any) -> Any:
    """The same for JSON, which has no numbers that are not finite."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value.item() if isinstance(value, np.generic) else value


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the program."""
    line = json.dumps(plain(question))
    done = subprocess.run([program()], input=line + "\n", capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def numbers(values: list[Any]) -> np.ndarray:
    """Numbers from an answer."""
    return np.array([math.nan if value is None else float(value) for value in values])


def frame(answer: dict[str, Any]) -> pd.DataFrame:
    """The table of an answer."""
    return pd.DataFrame({name: numbers(values).astype(dtype) for name, dtype, values in answer["columns"]})


def make_counts(seed: int, *, genes: int | None = None) -> AnnData:
    """Counts with three batches; by chance with genes that are empty, constant, equal, or in one batch only."""
    rng = np.random.default_rng(seed)
    cells = int(rng.integers(30, 150))
    genes = genes or int(rng.integers(80, 700))
    levels = np.exp(rng.normal(-0.5, 1.5, genes))
    counts = rng.poisson(levels * rng.gamma(2, 0.5, (cells, genes))).astype(np.float32)
    batch = rng.choice(["b", "a", "c"], cells, p=[0.5, 0.3, 0.2])
    counts[:, rng.random(genes) < rng.choice([0, 0.03])] = 0
    counts[:, rng.random(genes) < rng.choice([0, 0.03])] = 2
    for gene in np.flatnonzero(rng.random(genes) < rng.choice([0, 0.1])):
        counts[:, gene] = counts[:, rng.integers(genes)]
    counts[np.ix_(batch == "a", rng.random(genes) < 0.1)] = 0
    # Names out of order: where all else is equal, they decide.
    names = [f"g{number}" for number in rng.permutation(genes)]
    obs = pd.DataFrame({"batch": pd.Categorical(batch)}, index=[f"c{cell}" for cell in range(cells)])
    x = sparse.csr_matrix(counts) if seed % 2 else counts
    return AnnData(X=x, obs=obs, var=pd.DataFrame(index=names))


def logarithms(adata: AnnData) -> AnnData:
    """Normalised logarithms of counts."""
    adata = adata.copy()
    sc.pp.normalize_total(adata, target_sum=1e3)
    sc.pp.log1p(adata)
    return adata


def parts(adata: AnnData, batched: bool) -> list[tuple[str, Any]]:
    """The matrices of the batches."""
    if not batched:
        return [("all", adata.X)]
    batch = adata.obs["batch"]
    return [(name, adata.X[(batch == name).to_numpy()]) for name in batch.cat.categories]


def moments(x: Any) -> dict[str, Any]:
    """Sums and sums of squares as scanpy makes them: squares of float32 are float32."""
    if sparse.issparse(x):
        # Not `x.sum(axis=0)`, which adds float32 values in single precision.
        sums = [np.bincount(x.indices, data.astype(np.float64), x.shape[1]) for data in (x.data, x.data * x.data)]
    else:
        sums = [data.sum(axis=0, dtype=np.float64) for data in (x, x * x)]
    return {"cells": x.shape[0], "sums": sums[0], "squares": sums[1]}


def limits(x: Any, span: float = 0.3) -> dict[str, Any]:
    """Where the program clips."""
    return ask({"ask": "limits", "moments": moments(x), "span": span})


def ours(adata: AnnData, flavor: str, *, batched: bool = False, variances: Any = None, **options: Any) -> dict:
    """What the program answers."""
    options |= {"flavor": flavor, "batched": batched}
    question: dict[str, Any] = {"ask": "table", "options": options, "batches": []}
    for name, x in [] if flavor == "pearson_residuals" else parts(adata, batched):
        batch: dict[str, Any] = {"name": name}
        if flavor in DISPERSION:
            dense = x.toarray() if sparse.issparse(x) else x
            batch["expressed"] = (dense > 0).any(axis=0)
            batch["moments"] = moments(np.expm1(x) if flavor == "seurat" else x)
        else:
            found = limits(x, options.get("span", 0.3))
            if "error" in found:
                return found
            clip = numbers(found["clip"])
            dense = np.minimum((x.toarray() if sparse.issparse(x) else x).astype(np.float64), clip)
            batch |= {"moments": moments(x), **found, "sums": dense.sum(axis=0), "squares": (dense**2).sum(axis=0)}
        question["batches"].append(batch)
    if flavor in DISPERSION:
        question["names"] = adata.var_names.tolist()
    else:
        question |= {"all": moments(adata.X), "residual_variances": variances}
    return ask(question)


def theirs(adata: AnnData, flavor: str, *, batched: bool = False, **options: Any) -> AnnData:
    """What scanpy writes, but that ranks of equal scores follow the order of genes.

    They are left to numpy's default sort, which is not stable and differs from processor to processor.
    """
    adata = adata.copy()
    if flavor == "pearson_residuals":
        function = sc.experimental.pp.highly_variable_genes
    else:
        function = sc.pp.highly_variable_genes
    stable = partial(np.argsort, kind="stable")
    with warnings.catch_warnings(), patch.object(np, "argsort", stable):
        warnings.simplefilter("ignore")
        function(adata, flavor=flavor, batch_key="batch" if batched else None, **options)
    return adata


def assert_same(adata: AnnData, answer: dict[str, Any], *, rtol: float = 1e-12) -> None:
    """The same columns, dtypes, order, genes and numbers."""
    assert "error" not in answer, answer
    mine, reference = frame(answer), adata.var
    assert dict(answer["uns"]) == adata.uns["hvg"]
    assert list(mine.columns) == list(reference.columns)
    for name in mine.columns:
        assert mine[name].dtype == reference[name].dtype, name
        found, expected = mine[name].to_numpy(), reference[name].to_numpy()
        if found.dtype.kind == "f":
            tolerance = max(rtol, 1e-6 if found.dtype == np.float32 else 0)
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)


def both(adata: AnnData, flavor: str, **options: Any) -> None:
    """Compares, or asks that both refuse."""
    try:
        reference = theirs(adata, flavor, **options)
    except (ValueError, IndexError) as error:
        assert "error" in ours(adata, flavor, **options), error
        return
    assert_same(reference, ours(adata, flavor, **options), rtol=1e-9 if flavor in V3 else 1e-11)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("flavor", DISPERSION)
def test_dispersions(flavor: str, batched: bool, seed: int) -> None:
    """With cutoffs, few genes, and more genes than there are."""
    adata = logarithms(make_counts(seed))
    both(adata, flavor, batched=batched)
    both(adata, flavor, batched=batched, min_disp=0.1, max_disp=2, min_mean=0.1, max_mean=5, n_bins=7)
    for top in (1, 30, adata.n_vars - 5, adata.n_vars + 5):
        both(adata, flavor, batched=batched, n_top_genes=top)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("flavor", DISPERSION)
def test_dispersions_of_few_genes(flavor: str, batched: bool, seed: int) -> None:
    """Bins with one gene, or none; percentiles that coincide."""
    for genes in (1, 2, 5, 20):
        adata = logarithms(make_counts(seed, genes=genes))
        both(adata, flavor, batched=batched)
        both(adata, flavor, batched=batched, n_top_genes=2)


def test_dispersions_of_many_empty_genes_are_refused_by_cell_ranger() -> None:
    """Percentiles coincide at the replaced mean of zero, and pandas refuses duplicate edges."""
    adata = logarithms(make_counts(3))
    adata.X[:, : adata.n_vars // 2] = 0
    with pytest.raises(ValueError, match="Bin edges must be unique"):
        theirs(adata, "cell_ranger")
    assert "must differ" in ours(adata, "cell_ranger")["error"]
    both(adata, "seurat", n_top_genes=50)


@pytest.mark.parametrize("seed", range(200))
def test_loess(seed: int) -> None:
    """The curve alone, over spans, ties and sizes, where skmisc fits one."""
    rng = np.random.default_rng(seed)
    genes = int(rng.choice([40, 150, 499, 501, 3000]))
    means = np.exp(rng.normal(0, 2, genes))
    if seed % 3 == 0:
        means = np.ceil(means * 20) / 20
    variances = means * np.exp(rng.normal(0, 0.5, genes)) + 0.3 * means**2
    span = float(rng.choice([0.15, 0.3, 0.5, 0.75, 1.0]))
    cells = 1000
    squares = (variances * (cells - 1) / cells + means**2) * cells
    answer = ask(
        {"ask": "limits", "span": span, "moments": {"cells": cells, "sums": means * cells, "squares": squares}}
    )
    # What the program takes from the sums, to the bit.
    means = means * cells / cells
    variances = (squares / cells - means**2) * (cells / (cells - 1))
    model = loess.loess(np.log10(means), np.log10(variances), span=span, degree=2)
    try:
        model.fit()
    except ValueError:
        assert "error" in answer
        return
    expected = np.sqrt(10**model.outputs.fitted_values)
    np.testing.assert_allclose(numbers(answer["reg_std"]), expected, rtol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("flavor", V3)
def test_standardised_variances(flavor: str, batched: bool, seed: int) -> None:
    """Both orders, for few genes and nearly all."""
    adata = make_counts(seed)
    dense = adata.X.toarray() if sparse.issparse(adata.X) else adata.X
    # Equal genes have equal scores, whose order is an accident of numpy's sort.
    adata = adata[:, np.sort(np.unique(dense, axis=1, return_index=True)[1])].copy()
    for top in (10, 60, adata.n_vars + 10):
        both(adata, flavor, batched=batched, n_top_genes=top, span=0.5)
    both(adata, flavor, batched=batched)


def residual_variances(adata: AnnData, batched: bool) -> list[np.ndarray]:
    """Variances of clipped residuals for each batch, in numpy."""
    variances, clip = [], None
    for _, x in parts(adata, batched):
        x = (x.toarray() if sparse.issparse(x) else x).astype(np.float64)
        clip = clip or math.sqrt(x.shape[0])
        expected = np.outer(x.sum(axis=1), x.sum(axis=0)) / x.sum()
        with np.errstate(invalid="ignore"):
            residuals = np.clip((x - expected) / np.sqrt(expected + expected**2 / 100), -clip, clip)
        variances.append(np.nan_to_num(residuals.var(axis=0)))
    return variances


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("batched", [False, True])
def test_residuals(batched: bool, seed: int) -> None:
    """Ranks and choices from variances of residuals."""
    adata = make_counts(seed)
    dense = adata.X.toarray() if sparse.issparse(adata.X) else adata.X
    adata = adata[:, np.sort(np.unique(dense, axis=1, return_index=True)[1])].copy()
    variances = residual_variances(adata, batched)
    for top in (1, 25, 60):
        reference = theirs(adata, "pearson_residuals", batched=batched, n_top_genes=top)
        answer = ours(adata, "pearson_residuals", batched=batched, n_top_genes=top, variances=variances)
        assert_same(reference, answer, rtol=1e-9)
    assert "n_top_genes" in ours(adata, "pearson_residuals", variances=variances)["error"]


@cache
def real_counts() -> AnnData:
    """The cells of the demo, in two batches."""
    adata = anndata.read_h5ad(ROOT / "demo" / "pbmc4k.h5ad")
    adata = AnnData(X=sparse.csr_matrix(adata.X), obs=adata.obs[[]].copy(), var=pd.DataFrame(index=adata.var_names))
    adata.var_names_make_unique()
    adata.obs["batch"] = pd.Categorical(np.where(np.arange(adata.n_obs) % 3 == 0, "x", "y"))
    return adata


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("flavor", DISPERSION + V3)
def test_real_cells(flavor: str, batched: bool) -> None:
    """The genes that scanpy chooses on real data, and its numbers."""
    adata = real_counts().copy()
    if flavor in DISPERSION:
        # Empty genes leave cell_ranger without percentiles, in scanpy too.
        sc.pp.filter_genes(adata, min_cells=3)
        del adata.var["n_cells"]
        adata = logarithms(adata)
        both(adata, flavor, batched=batched)
    both(adata, flavor, batched=batched, n_top_genes=1000)
