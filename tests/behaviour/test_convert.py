"""`annstream convert` as a program: refusals leave nothing, inputs stay, and resources change no bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import anndata
import pytest
import scipy.sparse as sp

from .damage import Case
from .damaged_elements import CASES
from .inputs import bare, large_sparse, make_good, write
from .support import (
    EXISTS,
    INVALID,
    IO,
    MEMORY,
    OK,
    USAGE,
    Run,
    assert_calm,
    assert_empty,
    assert_refused,
    measured,
    run,
    snapshot,
)

LAYOUTS: dict[str, Callable] = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": lambda x: x.toarray()}
RESOURCES = [
    ("--threads=1",),
    ("--threads=2", "--memory=64M"),
    ("--threads=4", "--memory=64M"),
    ("--threads=4", "--memory=100G"),
    ("--threads=1", "--memory=160M"),
]


def convert(*arguments: object, **options: object) -> Run:
    """Runs `annstream convert`."""
    return run("convert", *arguments, "--progress=off", **options)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An input of many blocks in each layout."""
    folder = tmp_path_factory.mktemp("large")
    matrix = large_sparse(20_000, 300, 90)
    small = make_good()
    found = {}
    for layout, make in LAYOUTS.items():
        adata = bare(make(matrix))
        adata.uns.update(small.uns)
        adata.obsm["pca"] = matrix[:, :5].toarray()
        found[layout] = write(adata, folder / f"{layout}.h5ad")
    return found


def content(path: Path) -> str:
    """The checksum of a file, or of all files below a folder with their names."""
    total = hashlib.sha256()
    for file in sorted([path] if path.is_file() else path.rglob("*")):
        if file.is_file():
            total.update(str(file.relative_to(path)).encode())
            total.update(file.read_bytes())
    return total.hexdigest()


@pytest.mark.parametrize("before", LAYOUTS)
@pytest.mark.parametrize("after", LAYOUTS)
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_resources(before: str, after: str, suffix: str, large: dict[str, Path], tmp_path: Path) -> None:
    """Threads and memory change the speed and no bit."""
    found = set()
    for i, resources in enumerate(RESOURCES):
        target = tmp_path / f"{i}.{suffix}"
        done = convert(large[before], target, f"--layout={after}", "--compression=gzip:1", *resources)
        assert done.code == OK, done
        found.add(content(target))
    assert len(found) == 1


@pytest.mark.parametrize("before", LAYOUTS)
@pytest.mark.parametrize("after", LAYOUTS)
def test_peak(before: str, after: str, large: dict[str, Path], tmp_path: Path) -> None:
    """The budget is kept, but for what a process holds besides."""
    target = tmp_path / "out.h5ad"
    done = measured(
        "convert", large[before], target, f"--layout={after}", "--memory=64M", "--threads=2", "--progress=off"
    )
    assert done.code == OK, done
    assert done.peak < 64 + 90 << 20, f"{done.peak >> 20} MB"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("layout", ["keep", "csc"])
def test_damaged(case: Case, layout: str, good: Path, output: Path) -> None:
    """What is damaged is refused by name, or arrives as anndata would read it; nothing is left, nothing is touched."""
    bad = good.parent / "bad.h5ad"
    case.make(good, bad)
    before = snapshot(good.parent)
    done = convert(bad, output, f"--layout={layout}", "--memory=256M", "--tmpdir", output.parent, timeout=30)
    assert_calm(done)
    assert snapshot(good.parent) == before, "the input was changed"
    if done.code == OK:
        return
    assert done.code in {INVALID, MEMORY}, done
    assert bad.name in done.stderr
    assert_empty(output.parent)


def test_existing_output(good: Path, output: Path) -> None:
    """An output is replaced only if that is asked for, and never by half."""
    output.write_text("precious")
    assert_refused(convert(good, output), EXISTS, output.name, "--force")
    assert output.read_text() == "precious"
    assert convert(good, output, "--force").code == OK
    assert anndata.read_h5ad(output).n_obs == 40


def test_output_is_the_input(good: Path) -> None:
    """Neither the input nor a folder around it is written to, --force or not."""
    before = snapshot(good.parent)
    link = good.parent.parent / "link.h5ad"
    link.symlink_to(good)
    for target in (good, link):
        assert_refused(convert(good, target, "--force"), EXISTS, "the output is the input")
    store = good.parent.parent / "a.zarr"
    assert convert(good, store).code == OK
    assert_refused(convert(store, store / "b.zarr", "--force"), EXISTS, "is inside of the input")
    assert snapshot(good.parent) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dtype=str"], ["str"]),
        (["--dtype=float"], ["float32"]),
        (["--layout=coo"], ["coo"]),
        (["--chunk=0"], ["chunk"]),
        (["--compat=anndata=0.7"], ["0.7"]),
        (["--compression=bzip2"], ["bzip2"]),
        (["--zarr-format=2"], [".zarr"]),
        (["--shard=1M"], [".zarr"]),
        (["--memory=lots"], ["lots"]),
    ],
)
def test_usage(arguments: list[str], words: list[str], good: Path, output: Path) -> None:
    """Options that make no sense are refused before any work."""
    done = convert(good, output, *arguments)
    assert done.code == USAGE, done
    for word in words:
        assert word in done.stderr, done
    assert_empty(output.parent)


@pytest.mark.parametrize("arguments", [["--zarr-format=3", "--compat=0.10"], ["--zarr-format=2", "--shard=1M"]])
def test_zarr_usage(arguments: list[str], good: Path, output: Path) -> None:
    """Formats that contradict one another."""
    assert_refused(convert(good, output.with_suffix(".zarr"), *arguments), USAGE, "zarr format")
    assert_empty(output.parent)


@pytest.mark.parametrize("layout", ["keep", "csr", "csc", "dense"])
def test_too_little_memory(layout: str, large: dict[str, Path], output: Path) -> None:
    """A budget that cannot be kept is refused, and one that can is named."""
    done = convert(large["csr"], output, f"--layout={layout}", "--memory=41M")
    assert_refused(done, MEMORY, "--memory ")
    assert_empty(output.parent)
    for _ in range(5):
        if done.code != MEMORY:
            break
        enough = done.stderr.split("give --memory ")[1].split()[0]
        done = convert(large["csr"], output, f"--layout={layout}", f"--memory={enough}")
    assert done.code == OK, done


def test_missing(output: Path) -> None:
    """No input, no output."""
    assert_refused(convert(output.parent / "nothing.h5ad", output), IO, "nothing.h5ad")
    assert_empty(output.parent)


def test_plan(good: Path, output: Path) -> None:
    """The plan names every element and writes nothing."""
    done = convert(good, output, "--layout=csc", "--dtype=float64", "--plan")
    assert done.code == OK, done
    for word in ("convert X", "csr to csc", "float32 to float64", "obsp/near", "uns/about", "scratch"):
        assert word in " ".join(done.stdout.split()), done
    plan = json.loads(convert(good, output, "--plan", "--json").stdout)
    assert plan["shape"] == [40, 12]
    assert {element["action"] for element in plan["elements"]} == {"copy"}
    assert_empty(output.parent)


def test_report(good: Path, output: Path) -> None:
    """The report counts what was written."""
    report = json.loads(convert(good, output, "--json").stdout)
    adata = anndata.read_h5ad(good)
    [x] = [matrix for matrix in report["matrices"] if matrix["path"] == "X"]
    assert x == {"path": "X", "values": adata.X.nnz, "sum": float(adata.X.sum())}
