"""What the tests of the package share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

PACKAGE = Path(__file__).parents[2] / "crates" / "python" / "python"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))

import annstream  # noqa: E402

from .files import example  # noqa: E402


@pytest.fixture(scope="session", params=["csr", "csc", "dense"])
def layout(request: pytest.FixtureRequest) -> str:
    """How the matrices of a file stand."""
    return request.param


@pytest.fixture(scope="session")
def path(layout: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with elements of all kinds."""
    path = tmp_path_factory.mktemp("files") / f"{layout}.h5ad"
    example(np.random.default_rng(7), layout).write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def memory(path: Path) -> ad.AnnData:
    """The same in memory."""
    return ad.read_h5ad(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file of its own, which a test may change."""
    path = tmp_path / "a.h5ad"
    example(np.random.default_rng(0), "csr").write_h5ad(path)
    return path


@pytest.fixture
def lazy(path: Path) -> Iterator[annstream.AnnData]:
    """The file, opened."""
    yield annstream.read(path)
