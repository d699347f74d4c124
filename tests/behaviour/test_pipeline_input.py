"""`annstream run` on bad and odd inputs: scanpy's answer or a clear error, never a number that is none.

Nothing is left behind by a refusal, and inputs stay as they are. Threads, memory and a second run change no bit.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from .inputs import bare, large_sparse, write
from .support import (
    EXISTS,
    INCOMPATIBLE,
    INTERRUPTED,
    INVALID,
    IO,
    MEMORY,
    OK,
    TERMINATED,
    USAGE,
    Run,
    assert_calm,
    assert_empty,
    assert_refused,
    command,
    decoded,
    digest,
    run,
    snapshot,
)

CELLS, GENES = 60, 40
LAYOUTS: dict[str, Callable] = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray}
QC = "[qc]\npercent_top = [10]\n"
NORMALIZED = "[normalize_total]\n[log1p]\n"
FEW = NORMALIZED + "[pca]\nn_comps = 5\n"
WHOLE = QC + NORMALIZED + "[highly_variable_genes]\nn_top_genes = 20\n[pca]\nn_comps = 5\n"
SCALED = QC + NORMALIZED + "[highly_variable_genes]\nn_top_genes = 20\n[scale]\nmax_value = 10\n[pca]\nn_comps = 5\n"
V3 = WHOLE.replace("n_top_genes", 'flavor = "seurat_v3"\nn_top_genes')
RESIDUALS = WHOLE.replace("n_top_genes", 'flavor = "pearson_residuals"\nn_top_genes')
RANGER = WHOLE.replace("n_top_genes", 'flavor = "cell_ranger"\nn_top_genes')
SECONDS = 3


def counts(seed: int = 0, cells: int = CELLS, genes: int = GENES, dtype: str = "float32") -> np.ndarray:
    """Counts with some structure."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.6, 2.0, (3, genes))[rng.integers(0, 3, cells)] * rng.gamma(4, 0.3, (cells, 1))
    return rng.poisson(rates).astype(dtype)


def store(x: np.ndarray, folder: Path, layout: str = "csr", name: str = "in.h5ad") -> Path:
    """A file with such a matrix."""
    adata = bare(LAYOUTS[layout](x))
    adata.obs["batch"] = pd.Categorical(np.where(np.arange(x.shape[0]) % 2, "a", "b"))
    return write(adata, folder / name)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A valid input in a folder of its own."""
    folder = tmp_path / "source"
    folder.mkdir()
    return store(counts(), folder)


def pipe(source: Path, output: Path, *arguments: object, recipe: str | None = WHOLE) -> Run:
    """Runs a recipe; no input may change, and a refusal leaves nothing."""
    words: list[object] = ["run", source, "-o", output, "--tmpdir", output.parent, *arguments]
    if recipe is not None:
        path = source.with_name("recipe.toml")
        path.write_text(recipe)
        words += ["--recipe", path]
    before, there = snapshot(source.parent), snapshot(output.parent)
    done = run(*words)
    assert_calm(done)
    assert snapshot(source.parent) == before, "an input was changed"
    if done.code != OK:
        assert snapshot(output.parent) == there, f"something was left behind or changed\n{done}"
    return done


def sound(output: Path) -> anndata.AnnData:
    """The output; what stands in it are numbers."""
    adata = anndata.read_h5ad(output)
    values = adata.X.data if sp.issparse(adata.X) else adata.X
    assert np.isfinite(values).all()
    for table in (adata.obsm, adata.varm):
        for name in table:
            assert np.isfinite(table[name]).all(), name
    if "pca" in adata.uns:
        assert np.isfinite(adata.uns["pca"]["variance"]).all()
        assert np.isfinite(adata.uns["pca"]["variance_ratio"]).all()
    return adata


def log_normalized(x: np.ndarray) -> np.ndarray:
    """What `normalize_total` and `log1p` make of counts."""
    totals = x.sum(axis=1, keepdims=True)
    divisors = totals / np.median(totals[totals > 0])
    return np.log1p(x / np.where(divisors == 0, 1, divisors))


# ---------------------------------------------------------------------------------------- values that are not counts


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0], ids=str)
@pytest.mark.parametrize("recipe", [WHOLE, NORMALIZED], ids=["whole", "normalized"])
def test_not_counts(recipe: str, value: float, layout: str, source: Path, output: Path) -> None:
    """Counts that are none are refused where totals are taken, with file, element and row."""
    x = counts()
    x[17, 5] = value
    path = store(x, source.parent, layout, "bad.h5ad")
    done = pipe(path, output, recipe=recipe)
    assert_refused(done, INVALID, "bad.h5ad", "X", "row 17")
    assert_empty(output.parent)


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_negative_that_cancels(dtype: str, source: Path, output: Path) -> None:
    """A negative count is found even if the total of its cell is a good one."""
    x = counts(dtype=dtype)
    x[30, 3] = -1
    x[30, 4] += 50
    done = pipe(store(x, source.parent, name="bad.h5ad"), output)
    assert_refused(done, INVALID, "bad.h5ad", "X", "row 30")


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize(
    "recipe",
    [
        "[pca]\nn_comps = 5\n",
        "[log1p]\n[pca]\nn_comps = 5\n",
        "[log1p]\n[highly_variable_genes]\nn_top_genes = 20\n[pca]\nn_comps = 5\n",
        "[scale]\n[pca]\nn_comps = 5\n",
        QC + "[pca]\nn_comps = 5\n",
    ],
    ids=["pca", "log1p", "hvg", "scale", "qc"],
)
def test_not_numbers_without_totals(recipe: str, value: float, source: Path, output: Path) -> None:
    """Without `normalize_total` too, no component comes of what is not a number."""
    x = counts()
    x[17, 5] = value
    done = pipe(store(x, source.parent, name="bad.h5ad"), output, recipe=recipe)
    # Who sees sums of a gene only names that.
    assert_refused(done, INVALID, "bad.h5ad")
    assert re.search(r"row 17|gene 5", done.stderr), done
    assert_empty(output.parent)


def test_logarithms_of_negative_numbers(source: Path, output: Path) -> None:
    """`log1p` of what is below -1 is no number, and not passed on to components."""
    x = counts() - 3
    done = pipe(store(x, source.parent, name="bad.h5ad"), output, recipe="[log1p]\n[pca]\nn_comps = 5\n")
    assert_refused(done, INVALID, "bad.h5ad", "X")


def test_negative_numbers_without_totals(source: Path, output: Path) -> None:
    """Values below zero are fine where nobody asks for counts."""
    x = np.random.default_rng(0).normal(size=(CELLS, GENES)).astype(np.float32)
    done = pipe(store(x, source.parent, "dense"), output, recipe="[pca]\nn_comps = 5\n")
    assert done.code == OK, done
    scores = sound(output).obsm["X_pca"]
    left, values, _ = np.linalg.svd(x.astype(np.float64) - x.mean(axis=0, dtype=np.float64), full_matrices=False)
    np.testing.assert_allclose(np.abs(scores), np.abs((left * values)[:, :5]), rtol=1e-3, atol=1e-3)


# -------------------------------------------------------------------------------------------------- zeros and few


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "recipe", [WHOLE, SCALED, RANGER, V3, RESIDUALS], ids=["seurat", "scaled", "ranger", "v3", "residuals"]
)
def test_empty_cells_and_genes(recipe: str, layout: str, source: Path, output: Path) -> None:
    """Without a filter all stay; a warning tells of the cells, and components are numbers."""
    x = counts()
    x[[0, 31, CELLS - 1]] = 0
    x[:, [0, 7, GENES - 1]] = 0
    done = pipe(store(x, source.parent, layout), output, recipe=recipe)
    assert done.code == OK, done
    assert "3 cells have no counts" in done.stderr
    adata = sound(output)
    assert adata.shape == x.shape
    made = adata.X.toarray() if sp.issparse(adata.X) else adata.X
    np.testing.assert_allclose(made, log_normalized(x), rtol=1e-5)
    assert (made[31] == 0).all()
    assert adata.var["highly_variable"].sum() <= 20


def test_nothing_but_zeros(source: Path, output: Path) -> None:
    """There are no components of nothing."""
    done = pipe(store(np.zeros((CELLS, GENES), np.float32), source.parent), output)
    assert_refused(done, (USAGE, INVALID), "in.h5ad")
    done = pipe(source, output, recipe=NORMALIZED)
    assert done.code == OK, done
    assert sound(output).X.sum() == 0


def test_filters_that_keep_nothing(source: Path, output: Path) -> None:
    """All cells gone, or all genes: refused, or an empty result; no components."""
    for step in (
        "filter_cells]\nmin_genes = 1000",
        "filter_cells]\nmin_counts = 1e9",
        "filter_genes]\nmin_cells = 1000",
    ):
        done = pipe(source, output, recipe=QC + f"[{step}\n" + FEW)
        assert_refused(done, (USAGE, INVALID), "in.h5ad")


@pytest.mark.parametrize("shape", [(1, GENES), (CELLS, 1), (1, 1), (2, 2)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_cell_or_gene(layout: str, shape: tuple[int, int], source: Path, output: Path) -> None:
    """No components; all else is done."""
    x = counts(3, *shape) + 1
    path = store(x, source.parent, layout)
    done = pipe(path, output, recipe=FEW)
    assert_refused(done, USAGE, "components")
    qc = "[qc]\npercent_top = [1]\n"
    done = pipe(path, output, recipe=qc + NORMALIZED)
    assert done.code == OK, done
    adata = sound(output)
    made = adata.X.toarray() if sp.issparse(adata.X) else adata.X
    np.testing.assert_allclose(made, log_normalized(x), rtol=1e-5)
    assert (adata.obs["total_counts"] == x.sum(axis=1)).all()
    for flavor in (WHOLE, RANGER, V3, RESIDUALS, SCALED):
        done = pipe(path, output.with_name("other.h5ad"), recipe=flavor.replace("[10]", "[1]"))
        assert_refused(done, (USAGE, INVALID))


@pytest.mark.parametrize("shape", [(0, GENES), (CELLS, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_cells_or_genes(layout: str, shape: tuple[int, int], source: Path, output: Path) -> None:
    """An empty file is refused or gives an empty file, step by step."""
    path = store(np.zeros(shape, np.float32), source.parent, layout)
    qc = "[qc]\npercent_top = []\n"
    for recipe in (WHOLE, V3, RESIDUALS, RANGER, SCALED, FEW, "[pca]\n"):
        done = pipe(path, output, recipe=recipe.replace("[10]", "[]"))
        assert_refused(done, (USAGE, INVALID))
    for i, recipe in enumerate((qc, NORMALIZED, qc + "[filter_cells]\nmin_genes = 1\n")):
        made = output.with_name(f"{i}.h5ad")
        done = pipe(path, made, recipe=recipe)
        if done.code == OK:
            assert sound(made).shape == shape
        else:
            assert_refused(done, (USAGE, INVALID), "in.h5ad")


def test_more_components_than_genes(source: Path, output: Path) -> None:
    """A number that was asked for is an error if there are not so many, as in scanpy; the default makes do."""
    for count in (0, GENES, 1000):
        done = pipe(source, output, recipe=NORMALIZED + f"[pca]\nn_comps = {count}\n")
        assert_refused(done, USAGE, f"{count} components of {CELLS} cells and {GENES} genes", f"1 to {GENES - 1}")
    done = pipe(source, output, recipe=NORMALIZED + "[pca]\n")
    assert done.code == OK, done
    assert sound(output).obsm["X_pca"].shape == (CELLS, GENES - 1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_constant_genes(layout: str, source: Path, output: Path) -> None:
    """A gene that does not vary takes no part; scaling does not divide by zero."""
    x = counts()
    x[:, 3], x[:, 4] = 2, 0
    path = store(x, source.parent, layout)
    for i, recipe in enumerate(("[log1p]\n[scale]\n[pca]\nn_comps = 5\n", "[log1p]\n[pca]\nn_comps = 5\n", SCALED)):
        made = output.with_name(f"{i}.h5ad")
        done = pipe(path, made, recipe=recipe)
        assert done.code == OK, done
        adata = sound(made)
        if recipe != SCALED:
            np.testing.assert_allclose(adata.varm["PCs"][3:5], 0, atol=1e-6)
        if "[scale]" in recipe:
            assert (adata.var["std"] > 0).all()
    done = pipe(store(np.full((CELLS, GENES), 2, np.float32), source.parent, layout), output, recipe=FEW)
    assert_refused(done, (USAGE, INVALID), "in.h5ad")


def test_few_genes_and_the_default(source: Path, output: Path) -> None:
    """The tutorial wants 500 genes for its shares; the message says how to do without, as scanpy's does not."""
    done = pipe(source, output, recipe=None)
    assert_refused(done, USAGE, "percent_top has 50", str(GENES), "percent_top = []")


# ------------------------------------------------------------------------------------------------ what cannot be done


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (WHOLE.replace("n_top_genes", 'batch_key = "lane"\nn_top_genes'), ("no column 'lane'", "batch")),
        (QC + "[filter_cells]\nmax_percent = { mt = 5 }\n" + FEW, ("'mt'",)),
        ('[qc]\npercent_top = []\nqc_vars = ["mt"]\n' + FEW, ("'mt'", "gene_sets")),
        ("[qc]\npercent_top = [10, 41]\n" + FEW, ("percent_top has 41", "40")),
        ("[qc]\npercent_top = [0]\n" + FEW, ("percent_top has 0",)),
        ("[normalize_total]\ntarget_sum = 0\n", ("target_sum is 0",)),
        ("[normalize_total]\ntarget_sum = -1e4\n", ("target_sum is -10000",)),
        ("[normalize_total]\ntarget_sum = nan\n", ("target_sum is NaN",)),
        ("[normalize_total]\ntarget_sum = inf\n", ("target_sum is inf",)),
        ("[normalize_total]\nmax_fraction = 2\nexclude_highly_expressed = true\n", ("max_fraction is 2",)),
        ("[log1p]\nbase = 1\n", ("base",)),
        ("[log1p]\nbase = -2\n", ("base",)),
        (NORMALIZED + '[pca]\nn_comps = 5\nmask_var = "chosen"\n', ("'chosen'",)),
        (NORMALIZED + "[highly_variable_genes]\nn_top_genes = 0\n", ("n_top_genes",)),
        ('[gene_sets]\nodd = { pattern = "(" }\n[qc]\npercent_top = []\nqc_vars = ["odd"]\n', ("regular expression",)),
        (NORMALIZED + "[scale]\nmax_value = -1\n[pca]\nn_comps = 5\n", ("max_value",)),
        (NORMALIZED + "[scale]\nmax_value = nan\n[pca]\nn_comps = 5\n", ("max_value",)),
    ],
)
def test_options(recipe: str, words: tuple[str, ...], source: Path, output: Path) -> None:
    """An option that does not fit is told, with its value and what is there."""
    done = pipe(source, output, recipe=recipe)
    assert_refused(done, USAGE, *words)
    assert_empty(output.parent)


@pytest.mark.parametrize(
    ("recipe", "line", "word"),
    [
        ("[qc]\n[normalise]\n", 2, "normalise"),
        ("[qc]\n\n[pca]\nn_components = 5\n", 4, "n_components"),
        ("[normalize_total]\ntarget_sum = ten\n", 2, "ten"),
        ("[normalize_total]\ntarget_sum = 'ten'\n", 2, "ten"),
        ("[qc]\nqc_vars = [\n", 2, ""),
        ("[pca]\nn_comps = -3\n", 2, "-3"),
        ("[highly_variable_genes]\nn_top = 5\n", 1, "n_top"),
        ('[highly_variable_genes]\nflavor = "seurat_v9"\n', 1, "seurat_v9"),
        ("[pca]\n[pca]\n", 2, "pca"),
        ("[pca\n", 1, ""),
        ("[qc]\n[neighbors]\nn_neighbors = 'ten'\n", 3, "ten"),
        ("[qc]\n[leiden]\nresolution = 'ten'\n", 2, "ten"),
    ],
)
def test_recipe_that_is_none(recipe: str, line: int, word: str, source: Path, output: Path) -> None:
    """What is not a recipe is told with its file and line; for variable genes that of the table."""
    done = pipe(source, output, recipe=recipe)
    assert_refused(done, USAGE, "recipe.toml", f"line {line}", word)
    assert_empty(output.parent)


def test_recipe_that_cannot_be_read(source: Path, output: Path) -> None:
    """A recipe that is not there, is a folder or not text."""
    (source.parent / "binary.toml").write_bytes(b"\xff\xfe\x00[pca]")
    for name in ("nowhere.toml", ".", "binary.toml"):
        done = pipe(source, output, "--recipe", source.parent / name, recipe=None)
        assert done.code not in {OK, 1}, done
        assert_empty(output.parent)


def test_unknown_step(source: Path, output: Path) -> None:
    """--until names a step, and all are listed if there is none such."""
    done = pipe(source, output, "--until", "tsne")
    assert_refused(done, USAGE, "'tsne'", "highly_variable_genes", "normalize_total", "umap")


@pytest.mark.parametrize("kind", ["text", "complex", "none", "null"])
def test_other_matrices(kind: str, source: Path, output: Path) -> None:
    """Where X is not a matrix of numbers, or not there, the element is named."""
    with h5py.File(source, "r+") as file:
        del file["X"]
        if kind == "null":
            file["X"] = h5py.Empty("f4")
            file["X"].attrs.update({"encoding-type": "null", "encoding-version": "0.1.0"})
        elif kind != "none":
            value = "text" if kind == "text" else 1 + 2j
            x = file.create_dataset(
                "X",
                data=np.full((CELLS, GENES), value, object if kind == "text" else "c16"),
                **({"dtype": h5py.string_dtype()} if kind == "text" else {}),
            )
            encoding = "string-array" if kind == "text" else "array"
            x.attrs.update({"encoding-type": encoding, "encoding-version": "0.2.0"})
    for recipe in (WHOLE, NORMALIZED, "[pca]\nn_comps = 5\n"):
        done = pipe(source, output, recipe=recipe)
        assert done.code in {INVALID, INCOMPATIBLE}, done
        assert "in.h5ad" in done.stderr and "X" in done.stderr
        assert_empty(output.parent)


def test_output_exists(source: Path, output: Path) -> None:
    """What is there stays, unless it may go; and stays after all if the run fails."""
    output.write_text("precious")
    assert_refused(pipe(source, output), EXISTS, "out.h5ad")
    assert_refused(pipe(source, output, "--force", recipe=NORMALIZED + "[pca]\nn_comps = 99\n"), USAGE)
    assert output.read_text() == "precious"
    assert pipe(source, output, "--force").code == OK
    sound(output)


def test_output_is_the_input(source: Path) -> None:
    """No run writes to what it reads, by whatever name."""
    link = source.with_name("link.h5ad")
    link.symlink_to(source)
    path = source.with_name("recipe.toml")
    path.write_text(WHOLE)
    before = snapshot(source.parent)
    for target in (source, link, source.parent / "." / source.name):
        for force in ((), ("--force",)):
            done = run("run", source, "-o", target, "--recipe", path, *force)
            assert_refused(done, (USAGE, EXISTS), "in.h5ad")
            assert snapshot(source.parent) == before


def test_metrics(source: Path, output: Path) -> None:
    """Metrics go where nothing else is, which is checked before the work; a failure writes none."""
    for path in (source, output, output.parent, output.parent / "nowhere" / "metrics.json"):
        assert_refused(pipe(source, output, "--metrics", path), (USAGE, EXISTS, IO))
    metrics = output.with_name("metrics.json")
    assert_refused(pipe(source, output, "--metrics", metrics, recipe="[pca]\nn_comps = 99\n"), USAGE)
    assert_empty(output.parent)
    assert pipe(source, output, "--metrics", metrics).code == OK
    found = json.loads(metrics.read_text())
    assert found["report"]["stages"][0]["name"] == "counts"
    assert found["process"]["peak_rss"] > 0


# ------------------------------------------------------------------------------------------------------ resources


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some tens of megabytes, of many blocks."""
    return write(bare(large_sparse(60_000, 2_000, 100)), tmp_path_factory.mktemp("large") / "in.h5ad")


LONG = "[qc]\n" + NORMALIZED + "[highly_variable_genes]\nn_top_genes = 500\n[pca]\nn_comps = 20\n"


@pytest.mark.parametrize("megabytes", [48, 64])
def test_small_budget(megabytes: int, large: Path, output: Path) -> None:
    """Little memory does, or the amount that does is named, and does."""
    done = pipe(large, output, f"--memory={megabytes}M", "--threads=2", recipe=LONG)
    if done.code != OK:
        assert_refused(done, MEMORY, "next: give --memory ")
        named = [megabytes]
        while done.code == MEMORY and len(named) < 5:
            named.append(int(re.search(r"give --memory (\d+)M or more", done.stderr).group(1)))
            assert named[-1] > named[-2]
            done = pipe(large, output, f"--memory={named[-1]}M", "--threads=2", recipe=LONG)
        assert done.code == OK, (named, done)
    sound(output)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
@pytest.mark.parametrize("after", [0.1, 0.5, 1.0])
def test_signal(sent: signal.Signals, code: int, after: float, large: Path, output: Path) -> None:
    """The run stops soon, says so, leaves nothing, and what was there stays."""
    output.write_text("precious")
    recipe = large.with_name("recipe.toml")
    recipe.write_text(LONG)
    before = snapshot(large.parent)
    words = ["--compression=gzip:9", "--force", "--threads=1", "--progress=off", "--tmpdir", output.parent]
    line = command("run", large, "-o", output, "--recipe", recipe, *words)
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(after)
    assert child.poll() is None, f"the run is too short: {decoded(child.communicate()[1])}"
    asked = time.monotonic()
    child.send_signal(sent)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code, decoded(stderr)
    assert time.monotonic() - asked < SECONDS
    assert "interrupted" in decoded(stderr)
    assert output.read_text() == "precious"
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert snapshot(large.parent) == before


# ------------------------------------------------------------------------------------------------------------ laws

RESOURCES = [
    ("--threads=1",),
    ("--threads=1",),
    ("--threads=2", "--memory=128M"),
    ("--threads=4", "--memory=128M"),
    ("--threads=4", "--memory=1G"),
]
RECIPES = {"seurat": LONG, "scaled": LONG.replace("[pca]", "[scale]\nmax_value = 4\n[pca]")} | {
    flavor: LONG.replace("n_top_genes", f'batch_key = "batch"\nflavor = "{flavor}"\nn_top_genes')
    for flavor in ("cell_ranger", "seurat_v3", "pearson_residuals")
}


def content(path: Path) -> object:
    """The bytes of a file, or of all files of a store with their names."""
    if path.is_dir():
        return tuple((str(file.relative_to(path)), digest(file)) for file in sorted(path.rglob("*")) if file.is_file())
    return digest(path)


@pytest.fixture(scope="module", params=LAYOUTS)
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An input of many blocks in each layout."""
    matrix = large_sparse(12_000, 800, 60, seed=5)
    adata = bare(matrix.toarray() if request.param == "dense" else LAYOUTS[request.param](matrix))
    adata.obs["batch"] = pd.Categorical(np.where(np.arange(adata.n_obs) % 3, "a", "b"))
    return write(adata, tmp_path_factory.mktemp("many") / "in.h5ad")


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_resources_change_nothing(recipe: str, suffix: str, many: Path, output: Path) -> None:
    """Threads, memory and another run give the same bytes."""
    if suffix == "zarr" and recipe != "seurat":
        pytest.skip("the format has no part in the numbers")
    found = []
    for i, words in enumerate(RESOURCES):
        made = output.with_name(f"{i}.{suffix}")
        done = pipe(many, made, *words, recipe=RECIPES[recipe])
        assert done.code == OK, done
        found.append(content(made))
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    assert all(one == found[0] for one in found), [one == found[0] for one in found]


def planned(source: Path, output: Path, *words: object, recipe: str | None) -> tuple[int, int]:
    """Passes that --plan prints, and that a run reports."""
    done = pipe(source, output, "--plan", *words, recipe=recipe)
    assert done.code == OK, done
    assert_empty(output.parent)
    lines = done.stdout.splitlines()
    count = int(lines[-1].removeprefix("passes over the data: "))
    assert sum(line.strip().startswith("pass ") for line in lines) == count
    listed = json.loads(pipe(source, output, "--plan", "--json", *words, recipe=recipe).stdout)["passes"]
    assert len(listed) == count
    done = pipe(source, output, "--json", *words, recipe=recipe)
    assert done.code == OK, done
    output.unlink()
    return count, json.loads(done.stdout)["report"]["passes"]


def test_passes_of_the_default(tmp_path: Path, output: Path) -> None:
    """Three up to the components and one for the markers, as planned and as done."""
    folder = tmp_path / "source"
    folder.mkdir()
    path = store(counts(cells=400, genes=2_500), folder)
    plan, report = planned(path, output, "--until", "pca", recipe=None)
    assert plan == report <= 3
    plan, report = planned(path, output, recipe=None)
    assert plan == report <= 4


@pytest.mark.parametrize("keep", ["both", "normalized", "scaled", "raw", "none"])
@pytest.mark.parametrize("until", ["qc", "normalize_total", "log1p", "highly_variable_genes", "scale", "pca"])
@pytest.mark.parametrize("recipe", ["seurat", "scaled", "cell_ranger", "seurat_v3", "pearson_residuals"])
def test_passes(recipe: str, until: str, keep: str, source: Path, output: Path) -> None:
    """A run reports as many passes as --plan promised."""
    if keep == "scaled" and (recipe != "scaled" or until not in {"scale", "pca"}):
        pytest.skip("nothing is scaled")
    text = RECIPES[recipe].replace("[qc]\n", QC).replace("500", "20").replace("n_comps = 20", "n_comps = 5")
    plan, report = planned(source, output, "--until", until, "--keep-x", keep, recipe=text)
    assert plan == report
