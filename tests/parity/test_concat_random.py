"""Random inputs: the tool writes what `anndata.concat` gives.

`ANNSTREAM_SEEDS=0:2000` chooses the seeds (default 0:300). To look at one seed:
`python -m tests.parity.reproduce SEED FOLDER` from the root of the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .families import make_family
from .reference import remove
from .runner import check_family

FIRST, LAST = (int(part) for part in os.environ.get("ANNSTREAM_SEEDS", "0:300").split(":"))


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_seed(seed: int, tmp_path: Path) -> None:
    """One family; its files are removed when it passes."""
    family = make_family(seed, tmp_path)
    problem = None
    try:
        check_family(family, tmp_path)
    except AssertionError as error:
        problem = f"seed {seed}: {error}\nkeep the files: python -m tests.parity.reproduce {seed} FOLDER"
    if problem:
        pytest.fail(problem, pytrace=False)
    for path in [*tmp_path.glob("*.h5ad"), *tmp_path.glob("*.zarr*"), *tmp_path.glob("output/*")]:
        remove(path)
