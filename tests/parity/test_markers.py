"""`annstream rank-genes-groups` against `scanpy.tl.rank_genes_groups` in memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from .runner import Run
from .runner import run as command

mpl.use("Agg")
from matplotlib import pyplot as plt

DEMO = Path(__file__).parents[2] / "demo" / "pbmc4k.h5ad"
METHODS = {
    "t-test": {"method": "t-test"},
    "overestim": {"method": "t-test_overestim_var"},
    "wilcoxon": {"method": "wilcoxon"},
    "tied": {"method": "wilcoxon", "tie_correct": True},
}
FIELDS = ["names", "scores", "pvals", "pvals_adj", "logfoldchanges"]


def arguments_of(options: dict[str, object]) -> list[str]:
    """The options of scanpy as those of the command line."""
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if name == "use_raw":
            words.append("--use-raw" if value else "--no-raw")
        elif isinstance(value, bool):
            words += [flag] if value else []
        else:
            words += [flag, ",".join(value) if isinstance(value, list) else str(value)]
    return words


def run(source: Path, target: Path, by: str, *arguments: str) -> Run:
    return command(["rank-genes-groups", str(source), "-o", str(target), "--groupby", by, "--force", "-q", *arguments])


def marked(source: Path, target: Path, by: str, *arguments: str) -> ad.AnnData:
    done = run(source, target, by, *arguments)
    assert done.code == 0, str(done)
    return ad.read_zarr(target) if target.suffix == ".zarr" else ad.read_h5ad(target)


def reference(adata: ad.AnnData, by: str, **options: object) -> ad.AnnData:
    adata = adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(adata, by, **options)
    return adata


def ranks_agree(ours: pd.DataFrame, theirs: pd.DataFrame, *, by_absolute: bool) -> None:
    """The same gene at each place, unless the scores around it are equal but for rounding."""
    ranked = theirs["scores"].abs() if by_absolute else theirs["scores"]
    own = ours["scores"].abs() if by_absolute else ours["scores"]
    np.testing.assert_allclose(own, ranked, rtol=1e-4, atol=1e-6)
    different = (ours["names"].to_numpy() != theirs["names"].to_numpy()).nonzero()[0]
    values = ranked.to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        step = np.abs(np.diff(values, prepend=np.inf, append=-np.inf))
    near = np.minimum(step[:-1], step[1:])
    limit = 1e-5 * np.maximum(1, np.abs(values))
    last = values[-1]
    for at in different:
        tied = not near[at] > limit[at] or abs(values[at] - last) <= limit[at]
        assert tied, f"place {at}: {ours['names'][at]}, {theirs['names'][at]} expected"


def same(ours: dict, theirs: dict, *, by_absolute: bool = False) -> None:
    """Equal parameters, names where scores differ, and numbers to 1e-4 gene by gene."""
    assert set(ours) == set(theirs)
    assert ours["params"] == theirs["params"]
    groups = theirs["names"].dtype.names
    for field in FIELDS:
        assert ours[field].dtype.names == groups
        for group in groups:
            assert ours[field][group].dtype == theirs[field][group].dtype, field
            assert ours[field].shape == theirs[field].shape
    for group in groups:
        first, second = (pd.DataFrame({field: entry[field][group] for field in FIELDS}) for entry in (ours, theirs))
        assert first["names"].is_unique == second["names"].is_unique
        ranks_agree(first, second, by_absolute=by_absolute)
        both = sorted(set(first["names"]) & set(second["names"]))
        assert len(both) >= len(first) * 0.9 or len(first) < 50
        first, second = first.set_index("names").loc[both], second.set_index("names").loc[both]
        for field in FIELDS[1:]:
            a, b = first[field].to_numpy(dtype=float), second[field].to_numpy(dtype=float)
            # A p-value falls by z**2 / 2 as the score rises; what is left of it says no more.
            rtol = 1e-4 if field in {"scores", "logfoldchanges"} else 1e-3
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-300 if "pvals" in field else 2e-6, err_msg=field)
    for field in {"pts", "pts_rest"} & set(theirs):
        pd.testing.assert_frame_equal(ours[field], theirs[field], rtol=1e-12)


def through_file(adata: ad.AnnData, path: Path) -> ad.AnnData:
    adata.write_h5ad(path)
    return ad.read_h5ad(path)


def family(seed: int, kind: str, dtype: str, rows: int = 240, columns: int = 60) -> ad.AnnData:
    """Log-normalised numbers with markers, many ties, and genes that say nothing."""
    rng = np.random.default_rng(seed)
    types = ["T", "B", "NK cell", "none"]
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(rng.choice(types[:3], rows, p=[0.5, 0.3, 0.2]), categories=["T", "NK cell", "B"]),
            "text": rng.choice(["x", "y"], rows),
        },
        index=[f"c{i}" for i in range(rows)],
    )
    mean = rng.gamma(0.5, 2.0, columns)[None, :] * np.ones((rows, 1))
    for place, name in enumerate(types[:3]):
        mean[np.ix_(obs["type"] == name, np.arange(place, columns, 7))] *= 3
    values = rng.poisson(mean).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values = np.log1p(values / np.maximum(values.sum(axis=1, keepdims=True), 1) * 100).astype(dtype)
        values[:, 6] -= 0.5
        values[:, 7] = -values[:, 7]
    values[:, 3] = 0
    values[:, 4] = 2
    values[obs["type"] != "B", 5] = 0
    matrix = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[kind](values)
    var = pd.DataFrame({"some": rng.random(columns) < 0.6}, index=[f"g{i}" for i in range(columns)])
    adata = ad.AnnData(matrix, obs=obs, var=var)
    adata.layers["other"] = sparse.csr_matrix(values * 2)
    adata.uns["log1p"] = {"base": None}
    adata.uns["other"] = np.arange(3)
    return adata


@pytest.fixture(scope="module")
def pbmc(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ad.AnnData]:
    """Real log-normalised cells, with a column that says something and one that does not."""
    path = tmp_path_factory.mktemp("markers") / "pbmc.h5ad"
    adata = ad.read_h5ad(DEMO)
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    adata.obs["random"] = pd.Categorical(np.random.default_rng(0).choice(list("abcd"), adata.n_obs))
    return path, through_file(adata, path)


@pytest.mark.parametrize("corr_method", ["benjamini-hochberg", "bonferroni"])
@pytest.mark.parametrize("against", ["rest", "group"])
@pytest.mark.parametrize("method", METHODS)
def test_real(method: str, against: str, corr_method: str, pbmc: tuple[Path, ad.AnnData], tmp_path: Path) -> None:
    source, adata = pbmc
    by = "cell_type" if corr_method == "bonferroni" else "random"
    groups = list(adata.obs[by].cat.categories)
    options = {**METHODS[method], "corr_method": corr_method, "pts": by == "cell_type"}
    if against == "group":
        options |= {"reference": groups[1], "groups": groups[:3]}
    theirs = reference(adata, by, **options)
    ours = marked(source, tmp_path / "out.h5ad", by, *arguments_of(options))
    same(ours.uns["rank_genes_groups"], theirs.uns["rank_genes_groups"])
    group = theirs.uns["rank_genes_groups"]["names"].dtype.names[0]
    frames = [sc.get.rank_genes_groups_df(each, group=group, pval_cutoff=0.01) for each in (ours, theirs)]
    assert list(frames[0].columns) == list(frames[1].columns) and abs(len(frames[0]) - len(frames[1])) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("method", METHODS)
def test_random(method: str, kind: str, dtype: str, tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = through_file(family(len(kind) + len(method), kind, dtype), source)
    for extra in (
        {"pts": True},
        {"reference": "B", "pts": True},
        {"groups": ["NK cell"], "reference": "T", "n_genes": 20, "rankby_abs": True},
        {"groups": ["B", "T"], "n_genes": 500, "corr_method": "bonferroni"},
    ):
        options = {**METHODS[method], **extra}
        ours = marked(source, tmp_path / "out.h5ad", "type", *arguments_of(options))
        theirs = reference(adata, "type", **options)
        by_absolute = bool(extra.get("rankby_abs"))
        same(ours.uns["rank_genes_groups"], theirs.uns["rank_genes_groups"], by_absolute=by_absolute)
        np.testing.assert_array_equal(ours.uns["other"], adata.uns["other"])
        assert type(ours.X) is type(adata.X)


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_raw_layers_masks_and_names(method: str, tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = family(5, "csr", "float32")
    adata.uns["log1p"] = {"base": 2.0}
    adata.raw = family(6, "csc", "float32")
    adata.var.index.name = "symbol"
    adata = through_file(adata, source)
    for extra in (
        {},
        {"use_raw": True, "pts": True},
        {"use_raw": False, "pts": True},
        {"layer": "other", "use_raw": False},
        {"mask_var": "some", "use_raw": False, "pts": True},
        {"mask_var": "some"},
        {"key_added": "mine"},
    ):
        options = {"method": method, **extra}
        target = tmp_path / "out.zarr" if "pts" in extra else tmp_path / "out.h5ad"
        ours = marked(source, target, "type", *arguments_of(options))
        theirs = reference(adata, "type", **options)
        key = extra.get("key_added", "rank_genes_groups")
        same(ours.uns[key], theirs.uns[key])


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_raw_with_more_genes(method: str, tmp_path: Path) -> None:
    source = tmp_path / "in.h5ad"
    adata = family(5, "csr", "float32")
    adata.raw = adata.copy()
    adata = through_file(adata[:, 20:].copy(), source)
    ours = marked(source, tmp_path / "out.h5ad", "type", "--method", method)
    same(ours.uns["rank_genes_groups"], reference(adata, "type", method=method).uns["rank_genes_groups"])
    done = run(source, tmp_path / "other.h5ad", "type", "--mask-var", "some")
    assert done.code == 2 and "--no-raw" in done.stderr, str(done)


@pytest.mark.parametrize("method", METHODS)
def test_cells_without_a_group_and_text(method: str, tmp_path: Path) -> None:
    """Cells without a group are among the rest, as in scanpy; text becomes categories."""
    source = tmp_path / "in.h5ad"
    adata = family(8, "csr", "float32")
    adata.obs.iloc[:30, 0] = np.nan
    adata = through_file(adata, source)
    for by, extra in (("type", {}), ("type", {"reference": "B"}), ("text", {})):
        options = {**METHODS[method], **extra, "pts": True}
        ours = marked(source, tmp_path / "out.h5ad", by, *arguments_of(options))
        same(ours.uns["rank_genes_groups"], reference(adata, by, **options).uns["rank_genes_groups"])


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_nan_and_infinity(method: str, tmp_path: Path) -> None:
    """One NaN is above all numbers in the ranks; a t-test knows nothing of such a gene."""
    source = tmp_path / "in.h5ad"
    adata = family(9, "csr", "float64")
    values = adata.X.toarray()
    values[17, 11] = np.nan
    adata.X = sparse.csr_matrix(values)
    adata = through_file(adata, source)
    ours = marked(source, tmp_path / "out.h5ad", "type", "--method", method)
    same(ours.uns["rank_genes_groups"], reference(adata, "type", method=method).uns["rank_genes_groups"])


def test_tiny_p_values(tmp_path: Path) -> None:
    """Down to 1e-300, beside scipy."""
    source = tmp_path / "in.h5ad"
    rng = np.random.default_rng(3)
    rows, columns = 6000, 40
    values = rng.normal(5, 1, (rows, columns)) + np.outer(np.arange(rows) < rows // 2, np.linspace(0, 2, columns))
    obs = pd.DataFrame({"half": pd.Categorical(np.repeat(["a", "b"], rows // 2))}, index=[f"c{i}" for i in range(rows)])
    adata = through_file(ad.AnnData(values, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(columns)])), source)
    for method in ("t-test", "wilcoxon"):
        ours = marked(source, tmp_path / "out.h5ad", "half", "--method", method).uns["rank_genes_groups"]
        theirs = reference(adata, "half", method=method).uns["rank_genes_groups"]
        np.testing.assert_array_equal(ours["names"]["a"], theirs["names"]["a"])
        a, b = ours["pvals"]["a"], theirs["pvals"]["a"]
        assert (b < 1e-250).any() and (b > 1e-3).any()
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(a[b > 1e-300], b[b > 1e-300], rtol=1e-8 if method == "t-test" else 1e-10)


def test_the_same_again(pbmc: tuple[Path, ad.AnnData], tmp_path: Path) -> None:
    for method in ("t-test", "wilcoxon"):
        files = []
        for i, more in enumerate([["--threads", "1"], ["--threads", "3"], ["--memory", "128M"]]):
            files.append(tmp_path / f"{method}{i}.h5ad")
            marked(pbmc[0], files[-1], "cell_type", "--method", method, "--pts", *more)
        assert len({path.read_bytes() for path in files}) == 1


def test_table(pbmc: tuple[Path, ad.AnnData], tmp_path: Path) -> None:
    table = tmp_path / "genes.csv"
    ours = marked(pbmc[0], tmp_path / "out.h5ad", "cell_type", "--pts", "--n-genes", "50", "--table", str(table))
    frame = pd.read_csv(table, keep_default_na=False)
    expected = sc.get.rank_genes_groups_df(ours, group=None)
    assert list(frame.columns) == list(expected.columns)
    for name in frame.columns:
        if frame[name].dtype == object:
            assert frame[name].tolist() == expected[name].astype(str).tolist()
        else:
            np.testing.assert_allclose(frame[name], expected[name], rtol=1e-6)


def test_plots(pbmc: tuple[Path, ad.AnnData], tmp_path: Path) -> None:
    ours = marked(pbmc[0], tmp_path / "out.h5ad", "cell_type", "--method", "wilcoxon")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.pca(ours, n_comps=20)
        sc.tl.dendrogram(ours, "cell_type")
        for name, draw in {"panels": sc.pl.rank_genes_groups, "dots": sc.pl.rank_genes_groups_dotplot}.items():
            plt.close("all")
            draw(ours, n_genes=5, show=False)
            target = tmp_path / f"{name}.png"
            plt.gcf().savefig(target, dpi=60)
            pixels = plt.imread(target)[..., :3]
            assert (np.abs(pixels - pixels[0, 0]).max(axis=-1) > 0.1).mean() > 0.005, "the picture is blank"
    plt.close("all")


def test_refusals(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata = family(1, "csr", "float32")
    adata.obs["single"] = pd.Categorical(["one"] + ["many"] * (adata.n_obs - 1))
    adata.obs["all"] = pd.Categorical(["x"] * adata.n_obs)
    adata.obs["unused"] = pd.Categorical(["x", "y"] * (adata.n_obs // 2), categories=["x", "y", "z"])
    adata.obs["real"] = 0.5
    through_file(adata, source)
    for by, arguments, says in [
        ("type", ["--method", "logreg"], "wilcoxon or t-test"),
        ("type", ["--method", "anova"], "t-test_overestim_var"),
        ("type", ["--corr-method", "holm"], "bonferroni"),
        ("type", ["--groups", "B,Q"], "no group 'Q'"),
        ("type", ["--reference", "Q"], "no group 'Q'"),
        ("nothing", [], "no column 'nothing'"),
        ("single", [], "fewer than two cells have no statistics: one"),
        ("unused", [], "fewer than two cells have no statistics: z"),
        ("all", [], "there is no rest"),
        ("type", ["--layer", "nothing"], "no layer 'nothing'"),
        ("type", ["--use-raw"], "there is none"),
        ("type", ["--mask-var", "nothing"], "no column 'nothing'"),
        ("type", ["--n-genes", "0"], "no genes are asked for"),
        ("type", ["--table", str(target)], "the same file"),
        ("type", ["--table", str(source)], "is the input"),
    ]:
        done = run(source, target, by, *arguments)
        assert done.code in {2, 5} and says in done.stderr, str(done)
        assert not target.exists()
    for by in ("single", "unused"):
        with pytest.raises(ValueError, match="only contain one sample"):
            reference(adata, by)
    ours = marked(source, target, "unused", "--groups", "x,y")
    theirs = reference(adata, "unused", groups=["x", "y"])
    same(ours.uns["rank_genes_groups"], theirs.uns["rank_genes_groups"])


def test_names_of_groups_may_have_commas(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata = family(1, "csr", "float32")
    names = {"B": "B, naive", "T": "T", "NK cell": "NK, 56+"}
    adata.obs["type"] = adata.obs["type"].cat.rename_categories(names)
    through_file(adata, source)
    for words, groups in [
        (["--group", "B, naive", "--group", "NK, 56+"], ["B, naive", "NK, 56+"]),
        (["--groups", "T", "--group", "B, naive", "--reference", "NK, 56+"], ["T", "B, naive"]),
    ]:
        ours = marked(source, target, "type", *words)
        theirs = reference(adata, "type", groups=groups, reference=words[-1] if "--reference" in words else "rest")
        same(ours.uns["rank_genes_groups"], theirs.uns["rank_genes_groups"])
        assert set(ours.uns["rank_genes_groups"]["names"].dtype.names) == set(groups)
    split = run(source, target, "type", "--groups", "B, naive")
    assert split.code == 2 and "no group 'B'" in split.stderr, str(split)


def test_plan_writes_nothing_and_counts_are_noticed(tmp_path: Path) -> None:
    source, target = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    through_file(family(2, "csr", "int32"), source)
    done = run(source, target, "type", "--plan", "--json")
    assert done.code == 0 and not target.exists()
    assert done.report["groups"] == ["T", "NK cell", "B"] and done.report["passes"] == 1
    words = ["markers", str(source), "-o", str(target), "--groupby", "type"]
    assert "raw counts" in command(words).stderr
    through_file(family(2, "csr", "float32"), source)
    assert "raw counts" not in command([*words, "--force"]).stderr
