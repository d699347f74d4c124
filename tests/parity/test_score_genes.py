"""`annstream score-genes` and `cell-cycle` against scanpy in memory: same controls, same scores to the bit."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from . import real_data
from .newer import SCANPY
from .runner import Run
from .runner import run as command

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"
LIKE = "1.12" if SCANPY >= (1, 12) else "1.11"
"""Scanpy 1.12 adds up sparse matrices in doubles; 1.11 in the type of the values."""


def run(verb: str, source: Path, target: Path, *arguments: str) -> Run:
    return command([verb, str(source), "-o", str(target), "--force", "-q", "--like", LIKE, *arguments])


def scored(source: Path, target: Path, genes: list[str], *arguments: str) -> ad.AnnData:
    done = run("score-genes", source, target, "--genes", ",".join(genes), *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def expected(source: Path | ad.AnnData, genes: list[str], **options: object) -> np.ndarray:
    adata = source.copy() if isinstance(source, ad.AnnData) else ad.read_h5ad(source)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sc.tl.score_genes(adata, genes, **options)
    assert adata.obs["score"].dtype == np.float64
    return adata.obs["score"].to_numpy()


def family(seed: int, kind: str, dtype: str = "float32", rows: int = 300, columns: int = 200) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    values = rng.poisson(rng.gamma(0.4, 2.0, columns), size=(rows, columns)).astype(np.float64)
    if np.dtype(dtype).kind == "f":
        values = np.log1p(values * rng.gamma(4, 0.5, size=(rows, 1)))
    values = values.astype(dtype)
    values[:, 7] = 0
    values[5:6] = 0
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    names = [f"G{i}" for i in rng.permutation(columns)]
    return ad.AnnData(matrix, obs=pd.DataFrame(index=[f"c{i}" for i in range(rows)]), var=pd.DataFrame(index=names))


def check(ours: np.ndarray, theirs: np.ndarray, kind: str) -> None:
    if kind == "dense":
        # Numpy adds some rows of dense arrays in another order, in doubles.
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint16"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_layouts_and_types(kind: str, dtype: str, tmp_path: Path) -> None:
    for seed in range(3):
        adata = family(seed, kind, dtype)
        source = tmp_path / f"in{seed}.h5ad"
        adata.write_h5ad(source)
        genes = list(np.random.default_rng(seed).choice(adata.var_names, 12, replace=False))
        for options, arguments in [
            ({}, []),
            ({"ctrl_size": 3, "n_bins": 10}, ["--ctrl-size", "3", "--n-bins", "10"]),
            (
                {"ctrl_as_ref": False, "ctrl_size": 5, "n_bins": 6, "random_state": 17},
                ["--no-ctrl-as-ref", "--ctrl-size", "5", "--n-bins", "6", "--seed", "17"],
            ),
        ]:
            ours = scored(source, tmp_path / "out.h5ad", genes, *arguments)
            assert list(ours.obs.columns) == ["score"] and ours.obs["score"].dtype == np.float64
            check(ours.obs["score"].to_numpy(), expected(adata, genes, **options), kind)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_missing_values(kind: str, tmp_path: Path) -> None:
    adata = family(3, kind)
    values = adata.X.data if sparse.issparse(adata.X) else adata.X.reshape(-1)
    values[np.random.default_rng(0).choice(len(values), len(values) // 20, replace=False)] = np.nan
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    genes = list(adata.var_names[10:20])
    ours = scored(source, tmp_path / "out.h5ad", genes, "--ctrl-size", "4")
    check(ours.obs["score"].to_numpy(), expected(adata, genes, ctrl_size=4), kind)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_gene_pool(kind: str, tmp_path: Path) -> None:
    adata = family(4, kind, rows=1500)
    source, pool_file = tmp_path / "in.h5ad", tmp_path / "pool.txt"
    adata.write_h5ad(source)
    pool = list(np.random.default_rng(1).permutation(adata.var_names)[:150])
    pool_file.write_text("\n".join(pool) + "\n")
    genes = pool[:9]
    words = ["--gene-pool-file", str(pool_file), "--ctrl-size", "3"]
    ours = scored(source, tmp_path / "out.h5ad", genes, *words)
    check(ours.obs["score"].to_numpy(), expected(adata, genes, gene_pool=pool, ctrl_size=3), kind)
    outside = [name for name in adata.var_names if name not in pool][:1]
    done = run("score-genes", source, tmp_path / "no.h5ad", "--genes", outside[0], *words)
    assert done.code == 2 and outside[0] in done.stderr


def real_files() -> list[str]:
    return ["pbmc4k_half_raw.h5ad", "pbmc_donorA_raw.h5ad", "kang_ctrl_csc_int32.h5ad", "kang_stim_dense_f32.h5ad"]


IMMUNE = ["CD3D", "CD3E", "IL7R", "LYZ", "NOT-A-GENE", "CD79A", "NKG7", "MS4A1", "CD3D"]


@pytest.mark.parametrize("name", real_files())
def test_real(name: str, tmp_path: Path) -> None:
    source = real_data.path_of(name)
    adata = real_data.read(source).copy()
    kind = adata.X.format if sparse.issparse(adata.X) else "dense"
    raw = scored(source, tmp_path / "raw.h5ad", IMMUNE)
    check(raw.obs["score"].to_numpy(), expected(adata, IMMUNE), kind)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    done = tmp_path / "log.h5ad"
    adata.write_h5ad(done)
    for seed in (0, 1):
        ours = scored(done, tmp_path / "out.zarr", IMMUNE, "--seed", str(seed))
        kind = adata.X.format if sparse.issparse(adata.X) else "dense"
        check(ours.obs["score"].to_numpy(), expected(adata, IMMUNE, random_state=seed), kind)


def test_raw_and_layers(tmp_path: Path) -> None:
    adata = family(5, "csr")
    adata.raw = family(6, "csc", columns=230)
    adata.layers["other"] = family(7, "dense").X
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    genes = [name for name in adata.var_names if name in adata.raw.var_names][:10]
    for options, words, kind in [
        ({}, [], "csc"),
        ({"use_raw": True}, ["--use-raw", "yes"], "csc"),
        ({"use_raw": False}, ["--use-raw", "no"], "csr"),
        ({"layer": "other"}, ["--layer", "other"], "dense"),
    ]:
        ours = scored(source, tmp_path / "out.h5ad", genes, "--ctrl-size", "5", *words)
        check(ours.obs["score"].to_numpy(), expected(adata, genes, ctrl_size=5, **options), kind)
        assert ours.raw.shape == adata.raw.shape


def test_cell_cycle(tmp_path: Path) -> None:
    adata = ad.read_h5ad(DEMO)
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    rng = np.random.default_rng(0)
    s, g2m = (list(rng.choice(adata.var_names, count, replace=False)) for count in (43, 54))
    (tmp_path / "s.txt").write_text("\n".join(s))
    (tmp_path / "g2m.txt").write_text("\n".join(g2m))
    files = ["--s-genes-file", str(tmp_path / "s.txt"), "--g2m-genes-file", str(tmp_path / "g2m.txt")]
    done = run("cell-cycle", source, tmp_path / "out.h5ad", *files)
    assert done.code == 0, str(done)
    sc.tl.score_genes_cell_cycle(adata, s_genes=s, g2m_genes=g2m)
    adata.write_h5ad(tmp_path / "theirs.h5ad")
    ours, theirs = ad.read_h5ad(tmp_path / "out.h5ad"), ad.read_h5ad(tmp_path / "theirs.h5ad")
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    assert ours.obs["phase"].nunique() == 3


def test_neither_threads_nor_memory_matter(tmp_path: Path) -> None:
    genes = list(ad.read_h5ad(DEMO).var_names[:20])
    one = scored(DEMO, tmp_path / "one.h5ad", genes, "--threads", "1", "--memory", "96M")
    many = scored(DEMO, tmp_path / "many.h5ad", genes, "--threads", "4")
    np.testing.assert_array_equal(one.obs["score"], many.obs["score"])
    np.testing.assert_array_equal(one.obs["score"], expected(DEMO, genes))


def test_refusals(tmp_path: Path) -> None:
    adata = family(8, "csr", rows=20, columns=10)
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata.write_h5ad(source)
    name = adata.var_names[0]
    for words, message in [
        (["--genes", "nothing"], "none of the genes"),
        (["--genes", name, "--n-bins", "1"], "n_bins"),
        (["--genes", name, "--layer", "no"], "no layer"),
        (["--genes", name, "--use-raw", "yes"], "raw"),
        (["--genes", ",".join(adata.var_names)], "no gene is left"),
    ]:
        done = run("score-genes", source, target, *words)
        assert done.code == 2 and message in done.stderr, str(done)
        assert not target.exists()
    adata.var_names = ["same", "same", *adata.var_names[2:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(source)
    assert "two genes" in run("score-genes", source, target, "--genes", "same").stderr


def test_columns_are_replaced_and_named(tmp_path: Path) -> None:
    adata = family(9, "csr")
    adata.obs["mine"] = 1
    adata.obs["last"] = 2
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    ours = scored(source, tmp_path / "out.h5ad", ["G1", "G2"], "--name", "mine")
    assert list(ours.obs.columns) == ["mine", "last"] and ours.obs["mine"].dtype == np.float64


@pytest.mark.parametrize("rows", [1, 2])
def test_few_cells(rows: int, tmp_path: Path) -> None:
    adata = family(10, "csr", rows=rows)
    adata.X = sparse.csr_matrix(adata.X.toarray() + np.eye(rows, 200, dtype=np.float32))
    source = tmp_path / "in.h5ad"
    adata.write_h5ad(source)
    genes = list(adata.var_names[:8])
    ours = scored(source, tmp_path / "out.h5ad", genes)
    np.testing.assert_array_equal(ours.obs["score"], expected(source, genes))
