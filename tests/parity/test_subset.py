"""`annstream subset` writes what `adata[cells, genes].copy()` is.

`ANNSTREAM_SEEDS=0:2000` chooses the seeds (default 0:40).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from . import real_data
from .combinations import WIDE
from .families import make_family
from .family_zarr import read
from .parts import Choice, check_subset, random_choice
from .reference import remove
from .runner import random_output, random_resources

FIRST, LAST = (int(part) for part in os.environ.get("ANNSTREAM_SEEDS", "0:40").split(":"))
STORES = ["kang_ctrl.v2.zarr", "kang_stim.v3.zarr", "misc/blobs_table.v2.zarr", "misc/blobs_table.v3.zarr"]


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_seed(seed: int, tmp_path: Path) -> None:
    """One file of a random family, and a random choice."""
    rng = np.random.default_rng([seed, 20])
    family = make_family(seed, tmp_path)
    which = int(rng.integers(0, len(family.paths)))
    adata = family.adatas[which]
    choices = [random_choice(rng, getattr(adata, axis), axis, tmp_path) for axis in ("obs", "var")]
    if not any(choice.flags for choice in choices):
        choices[0] = Choice(["--obs-index=:"], None)
    name, flags = random_output(seed)
    problem = None
    try:
        check_subset(family.paths[which], adata, tuple(choices), tmp_path, [*random_resources(seed), *flags], name)
    except AssertionError as error:
        problem = f"seed {seed}: {error}"
    if problem:
        pytest.fail(problem, pytrace=False)
    for path in [*tmp_path.glob("*.h5ad"), *tmp_path.glob("*.zarr*"), *tmp_path.glob("output/*")]:
        remove(path)


@pytest.mark.parametrize("seed", range(3 if WIDE else 2))
@pytest.mark.parametrize("name", [*real_data.ALL, *STORES])
def test_real(name: str, seed: int, tmp_path: Path) -> None:
    """Real files of every age and format."""
    path = real_data.path_of(name)
    adata = read(path)
    rng = np.random.default_rng([seed, len(name)])
    choices = [random_choice(rng, getattr(adata, axis), axis, tmp_path) for axis in ("obs", "var")]
    if not any(choice.flags for choice in choices):
        choices[0] = Choice(["--obs-index=::-1"], np.arange(adata.n_obs)[::-1])
    output, flags = random_output(seed)
    check_subset(path, adata, tuple(choices), tmp_path, flags, output)


@pytest.mark.parametrize("name", ["pbmc_donorA_raw.h5ad", "kang_ctrl_csc_int32.h5ad", "kang_stim_dense_f32.h5ad"])
@pytest.mark.parametrize("how", ["few", "permuted", "repeated", "none"])
def test_layouts(name: str, how: str, tmp_path: Path) -> None:
    """Both axes of CSR, CSC and dense matrices of some size, in every kind of order, within little memory."""
    path = real_data.path_of(name)
    adata = real_data.read(path)
    rng = np.random.default_rng(5)
    choices = []
    for axis, size in zip(("obs", "var"), adata.shape, strict=True):
        rows = {
            "few": np.flatnonzero(rng.random(size) < 0.1),
            "permuted": rng.permutation(size),
            "repeated": rng.integers(0, size, size),
            "none": np.arange(0),
        }[how]
        # Too many positions for a command line: names, which are unique here.
        listed = tmp_path / f"{axis}.txt"
        listed.write_text("".join(f"{label}\n" for label in getattr(adata, f"{axis}_names")[rows]))
        choices.append(Choice([f"--{axis}-file={listed}"], rows))
    check_subset(path, adata, tuple(choices), tmp_path, ["--memory=96M"], "out.h5ad")
