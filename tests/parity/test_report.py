"""The numbers in a page are those of the file."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .report_data import coloring, order, read, unpack
from .runner import run

DEMO = Path(__file__).parents[2] / "demo"
GENES = ["LYZ", "CD3D", "MS4A1"]


def annstream(*arguments: object) -> None:
    done = run([*map(str, arguments)])
    assert done.code == 0, str(done)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two samples from counts to markers, and the page about them."""
    folder = tmp_path_factory.mktemp("report")
    recipe = folder / "recipe.toml"
    recipe.write_text(
        '[gene_sets]\nmt = { prefix = ["MT-"] }\n[qc]\nqc_vars = ["mt"]\npercent_top = [50]\n'
        "[filter_cells]\nmin_genes = 400\n[filter_cells.max_percent]\nmt = 6\n[filter_genes]\nmin_cells = 3\n"
        "[normalize_total]\n[log1p]\n[highly_variable_genes]\nn_top_genes = 800\n[pca]\nn_comps = 20\n"
    )
    inputs = [f"healthy={DEMO / 'pbmc4k.h5ad'}", f"donor_a={DEMO / 'donor_a.h5ad'}"]
    several = ["--join", "outer", "--label", "sample", "--index-unique", "-"]
    metrics = folder / "run.json"
    annstream("run", *inputs, *several, "-o", folder / "a.h5ad", "--recipe", recipe, "--metrics", metrics, "-q")
    annstream("neighbors", folder / "a.h5ad", "-o", folder / "b.h5ad", "-q")
    annstream("umap", folder / "b.h5ad", "-o", folder / "c.h5ad", "-q")
    annstream("leiden", folder / "c.h5ad", "-o", folder / "d.h5ad", "-q")
    annstream("rank-genes-groups", folder / "d.h5ad", "-o", folder / "done.h5ad", "--groupby", "leiden", "-q")
    page = folder / "page.html"
    annstream("report", folder / "done.h5ad", "-o", page, "--metrics", metrics, "--genes", ",".join(GENES), "-q")
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict:
    return read(folder / "page.html")


@pytest.fixture(scope="module")
def adata(folder: Path) -> ad.AnnData:
    return ad.read_h5ad(folder / "done.h5ad")


def test_overview_and_quality(report: dict, adata: ad.AnnData) -> None:
    assert report["overview"]["shape"] == list(adata.shape)
    samples = adata.obs["sample"].value_counts(sort=False)
    assert report["overview"]["samples"]["names"] == list(samples.index)
    assert report["overview"]["samples"]["cells"] == samples.to_list()
    quality = report["quality"]
    assert [metric["name"] for metric in quality["metrics"]] == ["n_genes_by_counts", "total_counts", "pct_counts_mt"]
    for metric in quality["metrics"]:
        values = adata.obs[metric["name"]].astype(float)
        for name, found in zip(quality["samples"], metric["groups"], strict=True):
            own = values[adata.obs["sample"] == name]
            np.testing.assert_allclose(found["quantiles"], np.percentile(own, [0, 25, 50, 75, 100]), rtol=1e-6)
            assert found["count"] == len(own)
            np.testing.assert_allclose(found["mean"], own.mean(), rtol=1e-6)
        np.testing.assert_allclose(metric["all"]["quantiles"][2], values.median(), rtol=1e-6)


def test_what_filters_removed(report: dict, folder: Path) -> None:
    """Against scanpy, one filter after the other."""
    merged = ad.concat([ad.read_h5ad(DEMO / f"{name}.h5ad") for name in ("pbmc4k", "donor_a")], join="outer")
    merged.X = sparse.csr_matrix(merged.X)
    merged.obs_names_make_unique()
    merged.var["mt"] = merged.var_names.str.startswith("MT-")
    sc.pp.calculate_qc_metrics(merged, qc_vars=["mt"], percent_top=None, inplace=True)
    sizes = [merged.n_obs]
    sc.pp.filter_cells(merged, min_genes=400)
    sizes.append(merged.n_obs)
    merged = merged[merged.obs["pct_counts_mt"] <= 6].copy()
    sizes.append(merged.n_obs)
    genes = merged.n_vars
    sc.pp.filter_genes(merged, min_cells=3)
    found = [(one["axis"], one["rule"], one["removed"], one["left"]) for one in report["run"]["report"]["filters"]]
    assert found == [
        ("cells", "at least 400 genes", sizes[0] - sizes[1], sizes[1]),
        ("cells", "at most 6 % mt", sizes[1] - sizes[2], sizes[2]),
        ("genes", "in at least 3 cells", genes - merged.n_vars, merged.n_vars),
    ]
    assert report["run"]["process"]["wall_seconds"] > 0
    told = json.loads((folder / "run.json").read_text())
    assert told["recipe"]["pca"]["n_comps"] == 20
    assert [Path(name).name for name in told["inputs"]] == report["overview"]["inputs"]


def test_genes_and_components(report: dict, adata: ad.AnnData) -> None:
    variable = report["variable"]
    assert variable["names"].split("\n") == list(adata.var_names)
    assert variable["chosen"] == adata.var["highly_variable"].sum() == unpack(variable["highly_variable"]).sum()
    np.testing.assert_array_equal(unpack(variable["x"]), adata.var["means"].astype("f4"))
    for measure in variable["measures"]:
        np.testing.assert_array_equal(unpack(measure["values"]), adata.var[measure["name"]].astype("f4"))
    assert [measure["name"] for measure in variable["measures"]] == ["dispersions_norm", "dispersions"]
    np.testing.assert_allclose(report["components"]["variance_ratio"], adata.uns["pca"]["variance_ratio"], rtol=1e-6)


def test_cells(report: dict, adata: ad.AnnData) -> None:
    embedding = report["embedding"]
    cells = order(adata.n_obs)
    assert (embedding["basis"], embedding["shown"]) == ("X_umap", adata.n_obs)
    for axis, packed in enumerate((embedding["x"], embedding["y"])):
        values = adata.obsm["X_umap"][cells, axis]
        np.testing.assert_allclose(unpack(packed), values, atol=np.ptp(values) / 131_000)
    for name in ("leiden", "sample", "cell_type"):
        found = coloring(report, name)
        column = adata.obs[name].cat.remove_unused_categories()
        assert found["labels"] == list(column.cat.categories)
        np.testing.assert_array_equal(unpack(found["values"]), column.cat.codes.to_numpy()[cells])
    for name in ("n_genes_by_counts", "total_counts", "pct_counts_mt"):
        values = adata.obs[name].to_numpy(float)[cells]
        np.testing.assert_allclose(unpack(coloring(report, name)["values"]), values, atol=np.ptp(values) / 131_000)
    for gene in GENES:
        values = adata[cells, gene].X.toarray().ravel()
        np.testing.assert_allclose(unpack(coloring(report, gene)["values"]), values, atol=np.ptp(values) / 131_000)
    assert [one["name"] for one in embedding["colors"] if one["kind"] == "gene"] == GENES


def test_clusters_and_markers(report: dict, adata: ad.AnnData) -> None:
    clusters = report["clusters"]
    crossed = pd.crosstab(adata.obs["leiden"], adata.obs["sample"])
    assert clusters["names"] == list(crossed.index)
    assert clusters["composition"] == crossed.to_numpy().tolist()
    assert clusters["sizes"] == crossed.sum(axis=1).to_list()
    for group in report["markers"]["groups"]:
        ranked = sc.get.rank_genes_groups_df(adata, group["name"]).head(50)
        assert group["genes"] == ranked["names"].to_list()
        np.testing.assert_allclose(group["scores"], ranked["scores"], rtol=1e-6)
        np.testing.assert_allclose(group["logfoldchanges"], ranked["logfoldchanges"], rtol=1e-6)
        np.testing.assert_allclose(group["pvals"], ranked["pvals"], rtol=1e-3)
        np.testing.assert_allclose(group["pvals_adj"], ranked["pvals_adj"], rtol=1e-3)


def test_dot_plot(report: dict, adata: ad.AnnData) -> None:
    """Against scanpy's own."""
    dots = report["dots"]
    plot = sc.pl.dotplot(adata, dots["genes"], groupby="leiden", use_raw=False, return_fig=True, show=False)
    np.testing.assert_allclose(dots["fraction"], plot.dot_size_df, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(dots["mean"], plot.dot_color_df, rtol=1e-5, atol=1e-12)
    assert dots["groups"] == list(plot.dot_size_df.index)
    first = [group["genes"][0] for group in report["markers"]["groups"]]
    assert set(first) <= set(dots["genes"])


def test_layouts_and_formats_give_the_same(report: dict, folder: Path, tmp_path: Path) -> None:
    """CSC by genes, dense, zarr; one thread and little memory."""
    for name, options in {"csc.h5ad": ["--layout", "csc"], "dense.h5ad": ["--layout", "dense"], "a.zarr": []}.items():
        annstream("convert", folder / "done.h5ad", tmp_path / name, *options, "-q")
        page = tmp_path / f"{name}.html"
        genes = ["--genes", ",".join(GENES), "--metrics", folder / "run.json"]
        annstream("report", tmp_path / name, "-o", page, *genes, "--memory", "128M", "--threads", "1", "-q")
        found = read(page)
        assert {**found, "title": "", "overview": ""} == {**report, "title": "", "overview": ""}
    annstream("report", folder / "done.h5ad", "-o", tmp_path / "again.html", *genes, "--threads", "3", "-q")
    assert (tmp_path / "again.html").read_bytes() == (folder / "page.html").read_bytes()


def test_methods(report: dict) -> None:
    text = report["methods"]["text"]
    for words in (
        "at least 400 genes",
        "20 principal components of the highly variable genes",
        "15 nearest neighbours",
        "UMAP",
        "Leiden",
        "t-test",
        "benjamini-hochberg",
        "scanpy",
    ):
        assert words in text, text
    steps = {step["name"]: dict(step["parameters"]) for step in report["methods"]["parameters"]}
    assert steps["filter_genes"]["min_cells"] == "3"
    assert steps['uns["neighbors"]']["n_neighbors"] == "15"


def test_few_points(folder: Path, adata: ad.AnnData, tmp_path: Path) -> None:
    """Cells beyond the most that are drawn are left out, always the same ones; all are counted."""
    annstream("report", folder / "done.h5ad", "-o", tmp_path / "few.html", "--points", "100", "-q")
    found = read(tmp_path / "few.html")
    cells = order(adata.n_obs, 100)
    assert (found["embedding"]["shown"], found["embedding"]["cells"]) == (100, adata.n_obs)
    codes = adata.obs["leiden"].cat.codes.to_numpy()[cells]
    np.testing.assert_array_equal(unpack(coloring(found, "leiden")["values"]), codes)
    assert sum(coloring(found, "leiden")["sizes"]) == adata.n_obs
    assert found["missing"][0]["section"] == "run"


@pytest.fixture(scope="module")
def by_scanpy(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    """The same things, all done by scanpy, with raw, colours and a missing group."""
    adata = ad.read_h5ad(DEMO / "pbmc4k.h5ad")[:250].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.var["mt"] = adata.var_names.str.startswith("MT-")
        sc.pp.calculate_qc_metrics(adata, qc_vars=["mt"], inplace=True)
        sc.pp.filter_genes(adata, min_cells=3)
        sc.pp.highly_variable_genes(adata, flavor="seurat_v3", n_top_genes=500)
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
        adata.raw = adata
        adata = adata[:, adata.var["highly_variable"]].copy()
        sc.pp.scale(adata, max_value=10)
        sc.pp.pca(adata, n_comps=10)
        sc.pp.neighbors(adata)
        sc.tl.umap(adata)
        sc.tl.leiden(adata, flavor="igraph", n_iterations=2)
        adata.obs["group"] = pd.Categorical(np.where(np.arange(250) % 7 == 0, None, adata.obs["leiden"].astype(str)))
        adata.uns["group_colors"] = ["#ff0000"] * len(adata.obs["group"].cat.categories)
        sc.tl.rank_genes_groups(adata, "group", method="wilcoxon")
    adata.write_h5ad(tmp_path_factory.mktemp("scanpy") / "scanpy.h5ad")
    return adata


def test_a_file_of_scanpy(by_scanpy: ad.AnnData, tmp_path: Path) -> None:
    adata = by_scanpy
    path = tmp_path / "scanpy.h5ad"
    adata.write_h5ad(path)
    annstream("report", path, "-o", tmp_path / "page.html", "-q")
    found = read(tmp_path / "page.html")
    assert [missing["section"] for missing in found["missing"]] == ["run"]
    assert found["variable"]["flavor"] == "seurat_v3"
    assert [measure["name"] for measure in found["variable"]["measures"]] == ["variances_norm", "variances"]
    assert found["clusters"]["column"] == "group"
    assert found["clusters"]["colors"] == ["#ff0000"] * len(found["clusters"]["names"])
    assert sum(found["clusters"]["sizes"]) == adata.obs["group"].notna().sum()
    assert (unpack(coloring(found, "group")["values"]) == -1).sum() == adata.obs["group"].isna().sum()
    # raw is what scanpy's plots look at.
    dots = found["dots"]
    assert dots["source"] == "raw.X"
    known = adata[adata.obs["group"].notna()].copy()
    plot = sc.pl.dotplot(known, dots["genes"], groupby="group", return_fig=True, show=False)
    np.testing.assert_allclose(dots["fraction"], plot.dot_size_df, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(dots["mean"], plot.dot_color_df, rtol=1e-5, atol=1e-12)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """Counts only, and no cells at all."""
    counts = ad.read_h5ad(DEMO / "pbmc4k.h5ad")[:50].copy()
    bare = ad.AnnData(X=counts.X)
    empty = bare[:0].copy()
    for name, adata in {"bare": bare, "empty": empty}.items():
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
        page = tmp_path / f"{name}.html"
        annstream("report", tmp_path / f"{name}.h5ad", "-o", page, "--figures", tmp_path / name, "-q")
        found = read(page)
        sections = {missing["section"]: missing["command"] for missing in found["missing"]}
        assert set(sections) == {"run", "quality", "variable", "components", "embedding", "clusters", "markers"}
        for part, command in {"components": "pca", "clusters": "leiden", "markers": "rank-genes-groups"}.items():
            assert f"annstream {command} " in sections[part]
            assert found[part] is None
        assert list((tmp_path / name).iterdir()) == []


def test_a_column_of_the_wrong_kind(folder: Path, tmp_path: Path) -> None:
    """Entries of uns that are not what their names promise are as good as not there."""
    shutil.copy(folder / "done.h5ad", tmp_path / "odd.h5ad")
    adata = ad.read_h5ad(tmp_path / "odd.h5ad")
    adata.uns["pca"] = {"variance_ratio": "text"}
    adata.uns["rank_genes_groups"] = {"params": {"groupby": "leiden"}, "names": np.arange(3)}
    adata.uns["umap"] = np.zeros(0)
    adata.uns["neighbors"] = {"params": {"n_neighbors": np.zeros(0), "metric": np.zeros((2, 2))}}
    adata.uns["leiden_colors"] = np.array(["red", "#12"], dtype=object)
    adata.obsm = {"X_umap": np.full((adata.n_obs, 2), np.nan)}
    adata.obsp = {}
    adata.write_h5ad(tmp_path / "odd.h5ad")
    annstream("report", tmp_path / "odd.h5ad", "-o", tmp_path / "odd.html", "--figures", tmp_path / "figures", "-q")
    found = read(tmp_path / "odd.html")
    assert found["components"] is None and found["markers"] is None
    assert np.isnan(unpack(found["embedding"]["x"])).all()
    assert found["clusters"]["colors"][0] == "#1f77b4"
