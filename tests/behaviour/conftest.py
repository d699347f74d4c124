"""What the behaviour tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .inputs import write_good
from .support import find_binary

NOBODY = 65534


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips everything when there is no binary."""
    if find_binary() is None:
        skip = pytest.mark.skip(reason="no annstream binary: build it, or set ANNSTREAM_BIN")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A valid input, alone in a folder."""
    folder = tmp_path / "good"
    folder.mkdir()
    return write_good(folder / "good.h5ad")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A path in an empty folder of its own."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder / "out.h5ad"


@pytest.fixture
def ordinary() -> Iterator[tuple[Path, dict]]:
    """A folder, with a copy of the binary, and arguments of `subprocess` that make an ordinary user of us there.

    Permissions do not bind root, so a test of them has to run as somebody else.
    """
    binary = find_binary()
    assert binary is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        copy = Path(shutil.copy(binary, folder / "annstream"))
        copy.chmod(0o755)
        become = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        try:
            works = subprocess.run([copy, "--version"], capture_output=True, check=False, **become).returncode == 0
        except (OSError, subprocess.SubprocessError):
            works = False
        if not works:
            pytest.skip("cannot run as an ordinary user here")
        yield folder, become
