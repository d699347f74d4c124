"""`annstream run` to the end: scanpy's flow from counts to markers, and the single commands one after the other."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from . import test_leiden, test_markers, test_neighbors, test_scrublet
from .compare import assert_equal
from .run_recipes import BEFORE, DEMO, RECIPES, done, one_by_one, raw_input, run
from .runner import run as command
from .scanpy_flow import tutorial
from .test_pipeline_several import DEMO_FILES, digest

mpl.use("Agg")
from matplotlib import pyplot as plt

STEPS = ["neighbors", "umap", "leiden", "rank_genes_groups"]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[ad.AnnData, Path]:
    """The demo file after the default recipe, not to be changed; and the file."""
    target = tmp_path_factory.mktemp("end") / "done.h5ad"
    return run([DEMO], target, "--metrics", str(target.with_name("metrics.json"))), target


@pytest.fixture(scope="module")
def scanpys() -> ad.AnnData:
    """The same flow in scanpy, but for the picture, which takes numba long to compile; not to be changed."""
    adata = tutorial(ad.read_h5ad(DEMO))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata)
        sc.tl.leiden(adata, 1.0, flavor="igraph", directed=False, n_iterations=-1)
        sc.tl.rank_genes_groups(adata, "leiden")
    # As `test_umap.py` finds it.
    adata.obsm["X_umap"] = np.zeros((adata.n_obs, 2), np.float32)
    adata.uns["umap"] = {"params": {"a": 0.583030019901822, "b": 1.3341669931033755}}
    return adata


@cache
def short() -> str:
    """The default recipe with components of fewer genes and a picture of few epochs, where time would go."""
    text = done(["run", "--print-recipe"]).stdout
    assert "n_top_genes = 2000" in text and "maxiter" not in text
    return text.replace("n_top_genes = 2000", "n_top_genes = 300").replace("[umap]\n", "[umap]\nmaxiter = 20\n")


@pytest.fixture(scope="module")
def shortened(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    """The demo file after this recipe; not to be changed."""
    return run([DEMO], tmp_path_factory.mktemp("short") / "done.h5ad", recipe=short())


def types(value: object, path: str = "") -> dict[str, str]:
    """What stands where, but for the groups of leiden, which are not those of scanpy."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key in value:
            found |= types(value[key], f"{path}/{key}")
        return found
    if isinstance(value, np.ndarray):
        names = value.dtype.names
        return {path: str({str(value.dtype[name]) for name in names}) if names else f"{value.dtype} {value.ndim}d"}
    return {path: type(value).__name__}


def test_keys_and_types_are_those_of_scanpy(
    ended: tuple[ad.AnnData, Path], scanpys: ad.AnnData, tmp_path: Path
) -> None:
    ours = ended[0]
    scanpys.write_h5ad(tmp_path / "theirs.h5ad")
    theirs = ad.read_h5ad(tmp_path / "theirs.h5ad")
    assert ours.shape == theirs.shape
    assert list(ours.obs.columns) == list(theirs.obs.columns) and ours.obs.columns[-1] == "leiden"
    assert (ours.obs.dtypes.drop("leiden") == theirs.obs.dtypes.drop("leiden")).all()
    groups = ours.obs["leiden"].cat
    assert list(groups.categories) == [str(i) for i in range(len(groups.categories))] and not groups.ordered
    assert groups.categories.dtype == theirs.obs["leiden"].cat.categories.dtype
    sizes = ours.obs["leiden"].value_counts(sort=False)
    assert (np.diff(sizes) <= 0).all()
    for name in ["obsm", "varm", "obsp", "layers"]:
        own, their = getattr(ours, name), getattr(theirs, name)
        assert set(own) == set(their)
        for key in their:
            assert (type(own[key]), own[key].dtype, own[key].shape) == (
                type(their[key]),
                their[key].dtype,
                their[key].shape,
            )
    # Scanpy has this from 1.12 on.
    assert types(dict(ours.uns)) == types(dict(theirs.uns)) | {"/leiden/modularity": "float"}
    assert json.dumps(ours.uns["neighbors"], default=str) == json.dumps(theirs.uns["neighbors"], default=str)
    np.testing.assert_allclose(*(list(adata.uns["umap"]["params"].values()) for adata in (ours, theirs)), rtol=1e-4)
    assert dict(ours.uns["leiden"]["params"]) == dict(theirs.uns["leiden"]["params"])
    own, their = (
        test_leiden.quality(adata.obsp["connectivities"], adata.obs["leiden"], "modularity", 1.0, directed=False)
        for adata in (ours, theirs)
    )
    assert own > 0.99 * their and own == pytest.approx(ours.uns["leiden"]["modularity"])


def test_values_are_those_of_scanpy(ended: tuple[ad.AnnData, Path], tmp_path: Path) -> None:
    """Scanpy's steps, each on what ours left before it."""
    ours = ended[0]
    theirs = ours.copy()
    for key in STEPS[:3]:
        del theirs.uns[key]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(theirs)
        sc.tl.rank_genes_groups(theirs, "leiden", key_added="again")
    test_neighbors.same_distances(ours.obsp["distances"], theirs.obsp["distances"])
    test_neighbors.same_graph(ours.obsp["connectivities"], theirs.obsp["connectivities"], test_neighbors.LOOSE)
    again = test_markers.through_file(theirs, tmp_path / "theirs.h5ad").uns["again"]
    test_markers.same(ours.uns["rank_genes_groups"], again)


@pytest.mark.parametrize("name", RECIPES)
def test_equals_the_single_commands(name: str, tmp_path: Path) -> None:
    source = raw_input(tmp_path)
    text, commands = RECIPES[name]
    ours = run([source], tmp_path / "ours.h5ad", recipe=BEFORE + text)
    assert ours.n_obs < ad.read_h5ad(source, backed="r").n_obs, "no cell was removed"
    run([source], tmp_path / "before.h5ad", recipe=BEFORE)
    assert_equal(ours, one_by_one(tmp_path / "before.h5ad", tmp_path, commands), axis=None)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_the_default_equals_the_single_commands(suffix: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With all genes and epochs once."""
    before = tmp_path / f"before.{suffix}"
    whole = suffix == "h5ad"
    run([DEMO], before, "--until", "pca", recipe=None if whole else short())
    commands = [["neighbors"], ["umap", *([] if whole else ["--maxiter=20"])], ["leiden"]]
    stepwise = one_by_one(before, tmp_path, [*commands, ["rank-genes-groups", "--groupby=leiden"]], suffix)
    ours = request.getfixturevalue("ended")[0] if whole else run([DEMO], tmp_path / "ours.zarr", recipe=short())
    assert_equal(ours, stepwise, axis=None)


FILTERS = "[qc]\npercent_top = [50]\n[filter_cells]\nmin_genes = 150\n[filter_genes]\nmin_cells = 3\n"
AFTER_DOUBLETS = """
[normalize_total]
[log1p]
[highly_variable_genes]
n_top_genes = 400
batch_key = "batch"
[regress_out]
keys = ["doublet_score"]
[pca]
n_comps = 10
[rank_genes_groups]
groupby = "cell_type"
n_genes = 20
"""


@pytest.mark.parametrize(
    ("options", "words", "layout"),
    [
        ("", [], "csr"),
        (
            'batch_key = "batch"\nexpected_doublet_rate = 0.1\n',
            ["--batch-key=batch", "--expected-doublet-rate=0.1"],
            "csr",
        ),
        ('batch_key = "batch"\nthreshold = 0.1\n', ["--batch-key=batch", "--threshold=0.1"], "csc"),
        ("threshold = 0.1\nfilter = true\nn_prin_comps = 20\n", ["--threshold=0.1", "--n-prin-comps=20"], "csr"),
    ],
)
def test_doublets_equal_the_single_commands(options: str, words: list[str], layout: str, tmp_path: Path) -> None:
    """Between filters and normalization; batches that do not stand in one piece, and removed doublets, among them."""
    source = raw_input(tmp_path)
    if layout == "csc":
        adata = ad.read_h5ad(source)
        adata.X = sparse.csc_matrix(adata.X)
        adata.write_h5ad(source)
    removes = "filter" in options
    (tmp_path / "after.toml").write_text(AFTER_DOUBLETS)
    ours = run([source], tmp_path / "ours.h5ad", recipe=f"{FILTERS}[scrublet]\n{options}{AFTER_DOUBLETS}")
    (tmp_path / "filters.toml").write_text(FILTERS)
    stepwise = one_by_one(
        source,
        tmp_path,
        [
            ["run", "--recipe", str(tmp_path / "filters.toml")],
            ["scrublet", *words],
            *([["subset", "--obs=NOT predicted_doublet"]] if removes else []),
            ["run", "--recipe", str(tmp_path / "after.toml")],
        ],
    )
    assert_equal(ours, stepwise, axis=None)
    before = ad.read_h5ad(tmp_path / "step1.h5ad", backed="r")
    called = before.obs["predicted_doublet"]
    assert 100 < before.n_obs < ad.read_h5ad(source, backed="r").n_obs
    assert ours.n_obs == before.n_obs - (called.sum() if removes else 0)
    assert called.any() or "threshold" not in options


def test_doublets_are_those_of_scanpy(tmp_path: Path) -> None:
    adata = ad.read_h5ad(DEMO)[:, ::3].copy()
    adata.write_h5ad(tmp_path / "in.h5ad")
    steps = "[filter_cells]\nmin_genes = 100\n[filter_genes]\nmin_cells = 5\n[scrublet]\nrandom_state = 3\n"
    ours = run([tmp_path / "in.h5ad"], tmp_path / "ours.h5ad", recipe=steps + "[normalize_total]\n[log1p]\n")
    sc.pp.filter_cells(adata, min_genes=100)
    sc.pp.filter_genes(adata, min_cells=5)
    assert ours.n_obs < 700 and ours.shape == adata.shape
    test_scrublet.check(ours, test_scrublet.expected(adata, random_state=3))


def test_metrics_and_report_tell_of_doublets_and_batches(tmp_path: Path) -> None:
    source, metrics = raw_input(tmp_path), tmp_path / "metrics.json"
    steps = '[scrublet]\nbatch_key = "batch"\nthreshold = 0.1\nfilter = true\n' + BEFORE + "[harmony]\nkey = 'batch'\n"
    ours = run([source], tmp_path / "ours.h5ad", "--metrics", str(metrics), recipe=steps)
    report = json.loads(metrics.read_text())["report"]
    assert [batch["name"] for batch in report["doublets"]] == ["x", "y", "z"]
    *_, doublets = report["filters"]
    assert doublets["removed"] > 0 and doublets["left"] == ours.n_obs and "doublet" in doublets["rule"]
    cells = sum(batch["cells"] for batch in report["doublets"])
    called = sum(round(batch["cells"] * batch["detected"]) for batch in report["doublets"])
    assert (cells, called) == (ours.n_obs + doublets["removed"], doublets["removed"])
    assert report["harmony"]["clusters"] > 1 and len(report["harmony"]["objectives"]) > 1
    assert [stage["name"] for stage in report["stages"] if stage["name"] in {"scrublet", "harmony"}] == [
        "scrublet",
        "harmony",
    ]
    done(["report", str(tmp_path / "ours.h5ad"), "-o", str(tmp_path / "page.html"), "--metrics", str(metrics), "-q"])
    page = (tmp_path / "page.html").read_text()
    for said in [
        "Scrublet",
        "separately for each batch",
        "were removed",
        "Harmony",
        "batches of batch",
        "doublet_score",
    ]:
        assert said in page, said


def test_few_genes_are_their_own_embedding(tmp_path: Path) -> None:
    adata = ad.read_h5ad(DEMO)
    order = np.argsort(-np.asarray(adata.X.sum(axis=0)).ravel())[:60]
    adata[:, np.sort(order)].copy().write_h5ad(tmp_path / "in.h5ad")
    # 60 genes become 48, which scanpy takes as they are.
    before = (
        "[normalize_total]\n[log1p]\n[highly_variable_genes]\nn_top_genes = 48\nsubset = true\n[pca]\nn_comps = 9\n"
    )
    ours = run([tmp_path / "in.h5ad"], tmp_path / "ours.h5ad", recipe=before + "[neighbors]\n[leiden]\n")
    run([tmp_path / "in.h5ad"], tmp_path / "before.h5ad", recipe=before)
    assert ours.n_vars <= 50
    assert_equal(ours, one_by_one(tmp_path / "before.h5ad", tmp_path, [["neighbors"], ["leiden"]]), axis=None)


def test_a_recipe_may_begin_late(ended: tuple[ad.AnnData, Path], tmp_path: Path) -> None:
    """Steps find what stands in the input: the graph of a former run, of the cells that are kept."""
    again = run([ended[1]], tmp_path / "again.h5ad", recipe="[leiden]\nresolution = 2\n[umap]\nmaxiter = 5\n")
    commands = [["umap", "--maxiter=5"], ["leiden", "--resolution=2"]]
    assert_equal(again, one_by_one(ended[1], tmp_path, commands), axis=None)
    fewer = run([ended[1]], tmp_path / "fewer.h5ad", recipe="[filter_cells]\nmin_genes = 700\n[leiden]\n")
    assert 100 < fewer.n_obs < again.n_obs
    run([ended[1]], tmp_path / "filtered.h5ad", recipe="[filter_cells]\nmin_genes = 700\n")
    expected = one_by_one(tmp_path / "filtered.h5ad", tmp_path, [["leiden"]])
    assert_equal(fewer, expected, axis=None)


@pytest.mark.parametrize(("join", "suffix"), [("inner", "h5ad"), ("outer", "zarr")])
def test_several_inputs_are_their_concatenation(join: str, suffix: str, tmp_path: Path) -> None:
    joining = [f"--join={join}", "--label=sample", "--keys-from=stem", "--index-unique=-"]
    ours = run(DEMO_FILES, tmp_path / f"ours.{suffix}", *joining, recipe=short())
    done(["concat", *map(str, DEMO_FILES), "-o", str(tmp_path / "merged.h5ad"), "-q", *joining])
    assert_equal(ours, run([tmp_path / "merged.h5ad"], tmp_path / f"theirs.{suffix}", recipe=short()), axis=None)
    assert ours.obsm["X_umap"].shape == (ours.n_obs, 2) and ours.n_obs > 1000


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_resources_change_nothing(suffix: str, tmp_path: Path) -> None:
    """The same bytes for threads and budgets, with the external sort too."""
    recipe = BEFORE + '[neighbors]\n[umap]\nmaxiter = 30\n[leiden]\n[rank_genes_groups]\nmethod = "wilcoxon"\n'
    resources = [("--threads=1",), ("--threads=2", "--memory=160M"), ("--threads=2", "--memory=1G")]
    found = []
    for number, words in enumerate(resources):
        (tmp_path / str(number)).mkdir()
        target = tmp_path / str(number) / f"out.{suffix}"
        run(DEMO_FILES, target, "--index-unique=-", *words, recipe=recipe)
        found.append(digest(target))
    assert len(set(found)) == 1, found


@pytest.mark.parametrize("keep", ["normalized", "raw", "none"])
def test_markers_do_not_depend_on_what_is_kept(keep: str, shortened: ad.AnnData, tmp_path: Path) -> None:
    other = run([DEMO], tmp_path / f"{keep}.h5ad", "--keep-x", keep, recipe=short())
    assert (other.X is None) == (keep == "none")
    assert ("log1p" in other.uns) == (keep == "normalized" or keep == "none")
    for name in [*STEPS, "pca"]:
        first, second = (ad.AnnData(uns={name: adata.uns[name]}) for adata in (other, shortened))
        assert_equal(first, second, axis=None)
    assert (other.obs["leiden"] == shortened.obs["leiden"]).all()
    np.testing.assert_array_equal(other.obsm["X_umap"], shortened.obsm["X_umap"])


PLOTS: dict[str, Callable[[ad.AnnData], object]] = {
    "umap": lambda adata: sc.pl.umap(adata, color=["leiden", "LYZ"], show=False),
    "rank_genes_groups": lambda adata: sc.pl.rank_genes_groups(adata, n_genes=5, show=False),
    "dotplot": lambda adata: sc.pl.rank_genes_groups_dotplot(adata, n_genes=3, show=False),
}


@pytest.mark.parametrize("name", PLOTS)
def test_scanpy_draws(name: str, ended: tuple[ad.AnnData, Path], tmp_path: Path) -> None:
    plt.close("all")
    adata = ended[0].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "dotplot":
            sc.tl.dendrogram(adata, "leiden")
        PLOTS[name](adata)
    target = tmp_path / "picture.png"
    plt.gcf().savefig(target, dpi=60)
    plt.close("all")
    pixels = plt.imread(target)[..., :3]
    assert (np.ptp(pixels.reshape(-1, 3), axis=0) > 0.3).any()
    assert (np.abs(pixels - pixels[0, 0]).max(axis=-1) > 0.1).mean() > 0.005, "the picture is blank"


def test_clusters_are_cell_types(ended: tuple[ad.AnnData, Path]) -> None:
    """The whole flow finds what is known of these cells."""
    obs, markers = ended[0].obs, ended[0].uns["rank_genes_groups"]["names"]
    table = pd.crosstab(obs["leiden"], obs["cell_type"])
    assert (table.max(axis=1) / table.sum(axis=1)).mean() > 0.7
    b_cells = table.div(table.sum(axis=1), axis=0)["B"].idxmax()
    assert {"CD79A", "MS4A1", "CD74"} & set(markers[b_cells][:10])


def test_metrics_name_all_stages(ended: tuple[ad.AnnData, Path]) -> None:
    report = json.loads(ended[1].with_name("metrics.json").read_text())["report"]
    stages = report["stages"]
    names = [stage["name"] for stage in stages]
    assert [name for name in names if name in STEPS] == STEPS and names[-1] == "tables"
    assert all(stage["seconds"] >= 0 and stage["cpu_seconds"] >= 0 for stage in stages)
    peaks = [stage["peak_rss"] for stage in stages]
    assert peaks == sorted(peaks) and peaks[0] > 1 << 20
    assert report["communities"] == ended[0].obs["leiden"].nunique()
    assert report["modularity"] == ended[0].uns["leiden"]["modularity"]
    assert report["recall"] is None and report["epochs"] == 500
    assert report["passes"] == 4


@pytest.mark.parametrize(
    ("until", "memory", "passes"),
    [("pca", [], 3), ("neighbors", STEPS[:1], 3), ("umap", STEPS[:2], 3), ("rank_genes_groups", STEPS[:3], 4)],
)
def test_the_plan_shows_the_stages(until: str, memory: list[str], passes: int, tmp_path: Path) -> None:
    words = ["run", str(DEMO), "-o", str(tmp_path / "out.h5ad"), "--plan", "--until", until]
    plan = done([*words, "--json"]).report
    assert plan["in_memory"] == memory and len(plan["passes"]) == passes
    assert [step for step in STEPS if plan["recipe"][step] is not None] == STEPS[
        : STEPS.index(until) + 1 if memory else 0
    ]
    lines = done(words).stdout.splitlines()
    held = [number for number, line in enumerate(lines) if "in memory" in line]
    assert len(held) == (1 if memory else 0)
    if memory:
        assert lines[held[0]].endswith(", ".join(memory)) and "pass 3" in lines[held[0] - 1]
    if passes == 4:
        assert "pass 4: sums of groups" in lines[held[0] + 1]


@pytest.mark.parametrize("step", ["", "[scrublet]\n"])
@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_as_many_passes_as_planned(method: str, step: str, tmp_path: Path) -> None:
    markers = f'[rank_genes_groups]\ngroupby = "cell_type"\nmethod = "{method}"\n'
    (tmp_path / "recipe.toml").write_text(step + BEFORE + markers)
    words = ["run", str(DEMO), "-o", str(tmp_path / "out.h5ad"), "--recipe", str(tmp_path / "recipe.toml"), "--json"]
    assert len(done([*words, "--plan"]).report["passes"]) == done([*words, "-q"]).report["report"]["passes"]


def test_the_printed_recipe_is_the_default(ended: tuple[ad.AnnData, Path], tmp_path: Path) -> None:
    text = done(["run", "--print-recipe"]).stdout
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)[-4:] == STEPS
    assert 'groupby = "leiden"' in text and "n_neighbors = 15" in text and "min_dist = 0.5" in text
    run([DEMO], tmp_path / "again.h5ad", recipe=text)
    assert digest(tmp_path / "again.h5ad") == digest(ended[1])
    shorter = done(["run", "--print-recipe", "--until", "umap"]).stdout
    assert "[umap]" in shorter and "[leiden]" not in shorter


def test_groups_that_cannot_be_compared(tmp_path: Path) -> None:
    """What was computed is not thrown away: small groups are left out, and the step where there is one group only."""
    adata = ad.read_h5ad(DEMO)
    adata.obs["lone"] = pd.Categorical(["a", "b", *["c"] * (adata.n_obs - 3), "b"], categories=["a", "b", "c", "no"])
    adata.obs["same"] = "x"
    adata.write_h5ad(tmp_path / "in.h5ad")
    steps = '[normalize_total]\n[log1p]\n[rank_genes_groups]\ngroupby = "{}"\n'
    for by, groups, said in [("lone", ("b", "c"), "single cell"), ("same", None, "no groups to compare")]:
        (tmp_path / "recipe.toml").write_text(steps.format(by))
        target = tmp_path / f"{by}.h5ad"
        line = ["run", str(tmp_path / "in.h5ad"), "-o", str(target), "--recipe", str(tmp_path / "recipe.toml")]
        assert said in done(line).stderr
        found = ad.read_h5ad(target).uns.get("rank_genes_groups")
        assert (None if found is None else found["names"].dtype.names) == groups
    # Named ones are an error, as for the command.
    (tmp_path / "recipe.toml").write_text(steps.format("lone") + 'groups = ["a", "b"]\n')
    refused = command([*line[:3], str(tmp_path / "no.h5ad"), *line[-2:]])
    assert refused.code == 2 and "fewer than two cells" in refused.stderr and not (tmp_path / "no.h5ad").exists()
