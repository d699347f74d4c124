"""Compressed rows that `annstream run` keeps in scratch space give what reading them again gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .inputs import bare, large_sparse, write
from .support import OK, digest, run
from .test_pipeline_input import RECIPES


def in_memory(folder: Path) -> bool:
    """Whether files of a folder stand in memory, where rows are not kept."""
    found = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    return found.stdout.strip() == "tmpfs"


def roomy(folder: Path) -> bool:
    """Whether there is as much room as rows are kept for."""
    return shutil.disk_usage(folder).free > 2 << 30


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed input of some blocks; in a few rows values are not small, not whole, and columns fall."""
    matrix = large_sparse(12_000, 800, 60, seed=5)
    matrix.data[60 * 9_000] = 70_000
    matrix.data[60 * 11_000] = 0.5
    last = slice(matrix.indptr[5], matrix.indptr[6])
    matrix.indices[last], matrix.data[last] = matrix.indices[last][::-1], matrix.data[last][::-1]
    adata = bare(matrix)
    adata.obs["batch"] = pd.Categorical(np.where(np.arange(adata.n_obs) % 3, "a", "b"))
    return write(adata, tmp_path_factory.mktemp("packed") / "in.h5ad", compression="gzip")


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("recipe", RECIPES)
def test_rows_kept_in_scratch_space_change_nothing(recipe: str, inputs: int, packed: Path, output: Path) -> None:
    """What a first pass leaves on the disk for the others gives the same bytes as reading again."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or not in_memory(memory) or in_memory(output.parent) or not roomy(output.parent):
        pytest.skip("needs a folder in memory, and one on a disk with some gigabytes")
    path = packed.with_name("recipe.toml")
    path.write_text(RECIPES[recipe])
    names = [f"{key}={packed}" for key in "ab"[:inputs]]
    words = ["--index-unique=-", "--recipe", path, "--threads=2"] if inputs > 1 else ["--recipe", path, "--threads=2"]
    found, written = [], []
    for scratch in (output.parent, memory):
        made, metrics = output.with_name(f"{len(found)}.h5ad"), output.with_name("metrics.json")
        done = run("run", *names, "-o", made, "--tmpdir", scratch, "--metrics", metrics, "--force", *words)
        assert done.code == OK, done
        found.append(digest(made))
        written.append(json.loads(metrics.read_text())["process"]["bytes_written"])
    assert found[0] == found[1]
    # Two bytes for a column, at least one for a value.
    assert written[0] - written[1] > 3 * inputs * 12_000 * 60 * 0.9
