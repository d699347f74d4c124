"""The bytes of an output depend on the inputs and the options that say what to do; on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from .inputs import large_sparse, make_good, write
from .support import OK, concat, digest

RESOURCES = [
    ("--threads=1",),
    ("--threads=2",),
    ("--threads=4", "--memory=64M"),
    ("--threads=1", "--memory=96M"),
    ("--threads=4", "--memory=256M", "--verbose"),
    ("--threads=2", "other folder"),
]
ROWS, COLUMNS = 12_000, 200
LAYOUTS: dict[str, Callable] = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": lambda x: x.toarray()}


def family(layouts: str, folder: Path) -> list[Path]:
    """Inputs of the layouts, large enough for many blocks, with genes and cells that are shared in part, in any order.

    Everything that is not a matrix comes from a small object, repeated.
    """
    paths = []
    for k, layout in enumerate(layouts.split()):
        rng = np.random.default_rng(k)
        convert = LAYOUTS[layout]
        matrix = large_sparse(ROWS, COLUMNS, 80, seed=k)
        small = make_good(k)
        obs = small.obs.iloc[np.arange(ROWS) % small.n_obs].copy()
        obs.index = [f"c{i}" for i in rng.permutation(ROWS + 500 * k)[:ROWS]]
        adata = anndata.AnnData(convert(matrix), obs=obs)
        adata.var_names = [f"g{i}" for i in rng.permutation(COLUMNS + 20 * k)[:COLUMNS]]
        adata.var["length"] = np.arange(COLUMNS)
        adata.layers["half"] = convert(matrix.astype(np.float64) / 2)
        adata.obsm["pca"] = rng.normal(size=(ROWS, 4))
        adata.uns.update(small.uns)
        adata.raw = adata[:, :50].copy()
        paths.append(write(adata, folder / f"{k}-{layout}.h5ad"))
    return paths


@pytest.fixture(scope="module", params=["csr csr", "csc csr dense", "csc csc", "dense dense"])
def inputs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The families."""
    return family(request.param, tmp_path_factory.mktemp("laws"))


def digests(inputs: list[Path], folder: Path, options: list[str], resources: list[tuple[str, ...]]) -> set[str]:
    """The checksums of the outputs of all configurations."""
    found = set()
    for i, resource in enumerate(resources):
        scratch = folder / f"scratch{i}"
        scratch.mkdir()
        if "other folder" in resource:
            place = ["--tmpdir", scratch, *(option for option in resource if option != "other folder")]
        else:
            place = ["--tmpdir", folder, *resource]
        target = folder / f"out{i}.h5ad"
        done = concat(inputs, target, *options, *place)
        assert done.code == OK, done
        found.add(digest(target))
        target.unlink()
    return found


@pytest.mark.parametrize("axis", ["obs", "var"])
@pytest.mark.parametrize("join", ["inner", "outer"])
def test_resources(axis: str, join: str, inputs: list[Path], tmp_path: Path) -> None:
    """Threads, memory and folders change the speed and no bit."""
    options = [f"--axis={axis}", f"--join={join}", "--merge=first", "--uns-merge=unique", "--label=from"]
    assert len(digests(inputs, tmp_path, options, RESOURCES)) == 1


@pytest.mark.parametrize("compression", ["none", "gzip", "shuffle+gzip:1", "lzf", "zstd:1"])
def test_compressions(compression: str, inputs: list[Path], tmp_path: Path) -> None:
    """However chunks are compressed, and by however many threads."""
    options = [f"--compression={compression}", "--index-unique=-"]
    assert len(digests(inputs[:2], tmp_path, options, [RESOURCES[0], RESOURCES[2]])) == 1


def test_elsewhere(inputs: list[Path], tmp_path: Path) -> None:
    """Names of files and folders, and what stood at the target, do not show in the output."""
    first = tmp_path / "first.h5ad"
    assert concat(inputs, first).code == OK
    folder = tmp_path / "folder with another name"
    folder.mkdir()
    second = folder / "another name.h5ad"
    second.write_text("old")
    moved = [path.with_name(f"moved-{path.name}") for path in inputs]
    for old, new in zip(inputs, moved, strict=True):
        new.hardlink_to(old)
    assert concat(moved, second, "--force").code == OK
    assert digest(first) == digest(second)
    for path in moved:
        path.unlink()
