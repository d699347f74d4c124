"""`annstream split` writes what `adata[adata.obs[column] == value].copy()` is, for each value.

`ANNSTREAM_SEEDS=0:2000` chooses the seeds (default 0:40).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from . import real_data
from .families import make_family
from .family_zarr import read
from .parts import check_split, splittable
from .reference import remove
from .runner import random_output, random_resources

FIRST, LAST = (int(part) for part in os.environ.get("ANNSTREAM_SEEDS", "0:40").split(":"))
COLUMNS = {
    "pbmc4k_half_raw.h5ad": "cell_type",
    "pbmc_donorA_raw.h5ad": "cell_type",
    "misc/zellkonverter_example.h5ad": None,
    "misc/anndataR_example.h5ad": None,
    "misc/cellrank_50.h5ad": None,
    "legacy/anndata_v0.5.0.h5ad": None,
    "legacy/anndata_v0.7.8.h5ad": None,
    "misc/blobs_table.v3.zarr": None,
}


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_seed(seed: int, tmp_path: Path) -> None:
    """One file of a random family, by a random column, in one pass or in several."""
    rng = np.random.default_rng([seed, 21])
    family = make_family(seed, tmp_path)
    which = int(rng.integers(0, len(family.paths)))
    adata = family.adatas[which]
    columns = splittable(adata.obs)
    if not columns:
        pytest.skip("no column to split by")
    name, flags = random_output(seed)
    by = str(columns[rng.integers(0, len(columns))])
    # All files stay open until the last is complete, which takes about a megabyte each.
    resources = [flag.replace("=64M", "=128M") for flag in random_resources(seed)]
    extra = [*resources, *flags]
    problem = None
    try:
        check_split(family.paths[which], adata, by, tmp_path, extra, Path(name).suffix, keep=bool(rng.random() < 0.5))
    except AssertionError as error:
        problem = f"seed {seed}: {error}"
    if problem:
        pytest.fail(problem, pytrace=False)
    for path in [*tmp_path.glob("*.h5ad"), *tmp_path.glob("*.zarr*"), *tmp_path.glob("parts/*")]:
        remove(path)


@pytest.mark.parametrize("memory", ["128M", "1G"])
@pytest.mark.parametrize("name", COLUMNS)
def test_real(name: str, memory: str, tmp_path: Path) -> None:
    """Real files, by a column with few values."""
    path = real_data.path_of(name)
    adata = read(path)
    candidates = [column for column in splittable(adata.obs) if 1 < adata.obs[column].nunique() <= 30]
    by = COLUMNS[name] or (candidates[0] if candidates else None)
    if by is None:
        pytest.skip("no column with few values")
    check_split(path, adata, by, tmp_path, [f"--memory={memory}"], ".h5ad", keep=memory == "128M")
