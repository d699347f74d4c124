"""`annstream subset` and `annstream split`: what is refused and how, what is left behind, what changes no bit."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from .inputs import bare, large_sparse, make_good, write
from .support import (
    EXISTS,
    INVALID,
    IO,
    MEMORY,
    OK,
    USAGE,
    assert_empty,
    assert_refused,
    digest,
    measured,
    run,
    snapshot,
)

LAYOUTS = ("csr", "csc", "dense")

CONDITIONS = [
    ("kinds = 'a'", "no column 'kinds', at character 1", "did you mean 'kind'"),
    ("score > 0 AND nothing = 1", "no column 'nothing', at character 15", "there are kind"),
    ("score = 'a'", "score is a number, 'a' is text", "quotes"),
    ("kind = 1", "kind is text, 1 is a number", "quotes"),
    ("score", "where a condition was expected", "compare it"),
    ('kind = "a"', "no column 'a', at character 8", "single quotes"),
    ("score >", "cannot be understood", "quotes"),
    ("score > 1 kind", "unexpected 'kind' at character 11", "AND or OR"),
    ("upper(kind) = 'A'", "the function 'upper' at character 1 is not supported", "LIKE"),
    ("kind IN (SELECT 1)", "not supported", "IN"),
    ("CASE WHEN score > 1 THEN TRUE END", "not supported", "AND"),
    ("", "the condition is empty", "n_genes"),
]


@pytest.mark.parametrize(("text", "message", "hint"), CONDITIONS)
def test_bad_condition(text: str, message: str, hint: str, good: Path, output: Path) -> None:
    """A condition that cannot be is refused with its place, and what to do."""
    before = snapshot(good.parent)
    done = run("subset", good, "-o", output, f"--obs={text}")
    assert_refused(done, USAGE, message, hint)
    assert_empty(output.parent)
    assert snapshot(good.parent) == before


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        ([], USAGE, ["nothing says what to keep", "--obs-file"]),
        (["--obs-index=40"], USAGE, ["position 40 is outside of 40 entries"]),
        (["--obs-index=x"], USAGE, ["'x' is not a position"]),
        (["--var-index=1:2:0"], USAGE, ["step 0"]),
        (["--obs-file=/nowhere/names.txt"], IO, ["/nowhere/names.txt"]),
        (["--obs-index=0", "--obs-file=/dev/null"], USAGE, ["cannot be used with"]),
        (["--obs=score > 0", "--memory=50M"], MEMORY, ["--memory"]),
    ],
)
def test_bad_choice(flags: list[str], code: int, words: list[str], good: Path, output: Path) -> None:
    """Every wrong choice has its message."""
    assert_refused(run("subset", good, "-o", output, *flags), code, *words)
    assert_empty(output.parent)


def test_unknown_and_repeated_labels(tmp_path: Path, output: Path) -> None:
    """Labels that are not there are named; one that is there twice is refused, unless nobody asks for it."""
    adata = make_good()
    names = adata.obs_names.to_list()
    names[3] = names[1]
    adata.obs_names = names
    path = write(adata, tmp_path / "twice.h5ad")
    labels = tmp_path / "labels.txt"
    labels.write_text(f"{names[0]}\ncell0-99\nfoo\n")
    done = run("subset", path, "-o", output, "--obs-file", labels)
    assert_refused(done, USAGE, "2 of the labels to keep are not there: 'cell0-99', 'foo'", "next:")
    labels.write_text(f"{names[1]}\n")
    done = run("subset", path, "-o", output, "--obs-file", labels)
    assert_refused(done, INVALID, f"the label '{names[1]}' stands in row 1 and in row 3", "by position")
    assert_empty(output.parent)
    labels.write_text(f"{names[5]}\r\n\r\n{names[0]}\r\n{names[5]}")
    assert run("subset", path, "-o", output, "--obs-file", labels).code == OK
    assert anndata.read_h5ad(output).obs_names.to_list() == [names[5], names[0], names[5]]


def test_outputs_are_safe(good: Path, output: Path, tmp_path: Path) -> None:
    """An input is never replaced, and an output only if that is asked for."""
    for flags in ([], ["--force"]):
        assert_refused(run("subset", good, "-o", good, "--obs-index=0", *flags), EXISTS, "the output is the input")
    output.write_text("mine")
    assert_refused(run("subset", good, "-o", output, "--obs-index=0"), EXISTS, "exists already")
    assert output.read_text() == "mine"
    assert run("subset", good, "-o", output, "--obs-index=0", "--force").code == OK
    assert anndata.read_h5ad(output).n_obs == 1
    # A split whose files would replace the input, or a file that is there.
    done = run("split", good, "--by=kind", "-o", good.parent, "--template={key}.h5ad", "--force")
    assert done.code == OK
    same = good.rename(good.parent / "x-a.h5ad")
    done = run("split", same, "--by=kind", "-o", same.parent, "--template=x-{key}.h5ad", "--force")
    assert_refused(done, EXISTS, "the output is the input")
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "b.h5ad").write_text("mine")
    before = snapshot(folder)
    assert_refused(run("split", same, "--by=kind", "-o", folder), EXISTS, "b.h5ad", "exists already")
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--by=kinds"], ["no column 'kinds'", "did you mean 'kind'"]),
        (["--by=score"], ["float64", "no name of a file"]),
        (["--by=kind", "--template=out.h5ad"], ["has no {key}"]),
        (["--by=kind", "--template=../{key}.h5ad"], ["names a folder"]),
    ],
)
def test_bad_split(flags: list[str], words: list[str], good: Path, tmp_path: Path) -> None:
    """A split that cannot be is refused before anything is made."""
    assert_refused(run("split", good, "-o", tmp_path / "parts", *flags), USAGE, *words)
    assert not (tmp_path / "parts").exists()


def test_damage_leaves_nothing(tmp_path: Path) -> None:
    """A file that turns out damaged half-way gives no files, and no folder."""
    import h5py

    path = write(make_good(), tmp_path / "damaged.h5ad")
    with h5py.File(path, "r+") as file:
        file["raw/X/indices"][-1] = 1000
    done = run("split", path, "--by=kind", "-o", tmp_path / "parts")
    assert_refused(done, INVALID, "raw/X", "index 1000 is outside")
    done = run("subset", path, "-o", tmp_path / "part.h5ad", "--obs-index=:")
    assert_refused(done, INVALID, "raw/X", "index 1000 is outside")
    assert [item.name for item in tmp_path.iterdir()] == ["damaged.h5ad"]


def test_missing_values_are_told_of(good: Path, tmp_path: Path) -> None:
    """Cells without a value are left out with a warning, or kept in a file of their own; plans say which files."""
    adata = anndata.read_h5ad(good)
    missing = int(adata.obs["maybe"].isna().sum())
    plan = run("split", good, "--by=maybe", "-o", tmp_path / "parts", "--plan", "--json")
    assert not (tmp_path / "parts").exists()
    told = json.loads(plan.stdout)
    assert [group["file"] for group in told["groups"]] == ["1.h5ad", "2.h5ad"]
    assert told["dropped"] == missing
    assert f"{missing} cells have no 'maybe'" in plan.stderr
    done = run("split", good, "--by=maybe", "-o", tmp_path / "parts", "--missing=keep", "--json")
    files = {group["file"]: group["cells"] for group in json.loads(done.stdout)["files"]}
    assert files["missing.h5ad"] == missing
    assert sum(files.values()) == adata.n_obs


def test_names_of_files(tmp_path: Path) -> None:
    """Whatever the values are, files have safe names that differ, inside of the folder."""
    values = ["T cell", "T/cell", "t_cell", "..", "../up", "β", "CON", "a" * 300, ""]
    adata = make_good(n_obs=len(values))
    adata.obs["by"] = pd.Categorical(values, categories=values)
    path = write(adata, tmp_path / "in.h5ad")
    done = run("split", path, "--by=by", "-o", tmp_path / "parts", "--json")
    assert done.code == OK, done
    files = [group["file"] for group in json.loads(done.stdout)["files"]]
    assert sorted(item.name for item in (tmp_path / "parts").iterdir()) == sorted(files)
    assert len({name.lower() for name in files}) == len(values)
    for name, value in zip(files, values, strict=True):
        assert anndata.read_h5ad(tmp_path / "parts" / name).obs["by"].tolist() == [value]


def test_plan_of_a_subset(good: Path, output: Path) -> None:
    """The plan tells shape and elements, and writes nothing."""
    done = run("subset", good, "-o", output, "--obs-index=5,1", "--var=length < 4", "--plan", "--json")
    told = json.loads(done.stdout)
    assert told["shape"] == [2, 4]
    assert told["passes"] == 2
    assert {"X", "layers/counts", "obsm/pca", "obsp/near", "obs", "var", "uns"} <= {
        element["path"] for element in told["elements"]
    }
    assert "scratch" in run("subset", good, "-o", output, "--obs-index=5,1", "--plan").stdout
    assert_empty(output.parent)


@pytest.fixture(scope="module", params=LAYOUTS)
def many_blocks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An input of many blocks."""
    rng = np.random.default_rng(3)
    rows, columns = 12_000, 200
    convert = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": lambda x: x.toarray()}[request.param]
    adata = bare(convert(large_sparse(rows, columns, 80)))
    adata.layers["half"] = convert(large_sparse(rows, columns, 80, seed=1).astype(np.float64) / 2)
    adata.obs["kind"] = pd.Categorical(rng.choice(["a", "b", "c"], rows))
    adata.obs["score"] = rng.normal(size=rows)
    adata.obsp["near"] = sp.random(rows, rows, 0.0005, format="csr", random_state=1)
    adata.raw = adata.copy()
    return write(adata, tmp_path_factory.mktemp("parts") / f"{request.param}.h5ad")


RESOURCES = [("--threads=1",), ("--threads=4", "--memory=128M"), ("--threads=3", "--memory=1G")]
CHOICES = [
    ["--obs=score > 0.5 AND kind <> 'b'", "--var-index=::3"],
    ["--obs-index=5000:100:-3,0:7000", "--var-index=::-1,5,5"],
]


@pytest.mark.parametrize("choice", CHOICES)
def test_resources_of_a_subset(choice: list[str], many_blocks: Path, tmp_path: Path) -> None:
    """Threads and memory change no bit of a subset."""
    found = set()
    for i, resource in enumerate(RESOURCES):
        target = tmp_path / f"{i}.h5ad"
        done = run("subset", many_blocks, "-o", target, *choice, *resource)
        assert done.code == OK, done
        found.add(digest(target))
    assert len(found) == 1


def test_resources_of_a_split(many_blocks: Path, tmp_path: Path) -> None:
    """Threads, memory and the number of passes change no bit of a split; nor does splitting instead of a subset."""
    found = set()
    for i, resource in enumerate(RESOURCES):
        target = tmp_path / str(i)
        done = run("split", many_blocks, "--by=kind", "-o", target, *resource)
        assert done.code == OK, done
        found.add(tuple(digest(target / f"{name}.h5ad") for name in "abc"))
    assert len(found) == 1
    for name, expected in zip("abc", found.pop(), strict=True):
        target = tmp_path / f"{name}.h5ad"
        assert run("subset", many_blocks, "-o", target, f"--obs=kind = '{name}'").code == OK
        assert digest(target) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_peak(layout: str, tmp_path: Path) -> None:
    """The budget is kept, also where rows are put in another order, and where several files are written."""
    convert = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": lambda x: x.toarray()}[layout]
    adata = bare(convert(large_sparse(60_000, 600, 150)))
    adata.obs["kind"] = pd.Categorical.from_codes(np.arange(60_000) % 7, list("abcdefg"))
    path = write(adata, tmp_path / "in.h5ad")
    slack = 90 << 20
    done = measured("subset", path, "-o", tmp_path / "out.h5ad", "--obs-index=::-1", "--memory=96M", "--threads=2")
    assert done.code == OK, done
    assert done.peak < (96 << 20) + slack, f"{done.peak >> 20} MB"
    done = measured("split", path, "--by=kind", "-o", tmp_path / "parts", "--memory=128M", "--threads=2")
    assert done.code == OK, done
    assert done.peak < (128 << 20) + slack, f"{done.peak >> 20} MB"


@pytest.mark.parametrize("name", ["subset", "split"])
def test_help_teaches(name: str) -> None:
    """The help has examples."""
    done = run(name, "--help")
    assert done.code == OK
    assert "Examples:" in done.stdout
    assert f"annstream {name} all.h5ad" in done.stdout
