"""The code in README.md and in the pages of docs runs as it is printed, and `mkdocs.yml` names all pages."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from .pages import ROOT, blocks, files, run_console, run_page

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
WITH_PYTHON = [ROOT / "README.md", *(page for page in PAGES if any(blocks(page)))]
WITH_COMMANDS = [page for page in PAGES if any(blocks(page, language="console"))]
BINARY = Path(os.environ.get("ANNSTREAM_BIN", ROOT / "target" / "debug" / "annstream"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that pages name."""
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_runs_as_printed(page: Path, made: Path, tmp_path: Path) -> None:
    assert run_page(page, shutil.copytree(made, tmp_path / "page")) == len(list(blocks(page))) > 0


@pytest.mark.skipif(not BINARY.exists(), reason="the program is not built")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_commands_run_as_printed(page: Path, made: Path, tmp_path: Path) -> None:
    assert run_console(page, shutil.copytree(made, tmp_path / "page"), BINARY) > 0


def test_wrong_code_is_found(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("text\n\n```python\nimport annstream as ans\nans.no_such_name\n```\n")
    with pytest.raises(AttributeError, match="no_such_name") as caught:
        run_page(page, tmp_path)
    assert caught.traceback[-1].lineno + 1 == 5


def test_every_page_is_in_the_menu() -> None:
    named = re.findall(r"(\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(page.name for page in PAGES)


def test_rows_of_equivalence_name_tests() -> None:
    """Every row has a test, and every tolerance stands in the files that its row names."""
    rows = [line.split("|")[1:-1] for line in (DOCS / "equivalence.md").read_text().splitlines() if line[:1] == "|"]
    assert len(rows) > 40
    for *_, tolerance, tests in rows:
        if set(tests) <= set("- ") or tests.strip() == "test":
            continue
        files = [ROOT / "tests" / "parity" / name for name in re.findall(r"`(test_\w+\.py)`", tests)]
        assert files, tolerance
        text = "".join(path.read_text() for path in files)
        for number in re.findall(r"\b\d+e-\d+|\b0\.\d+", tolerance):
            assert number in text, (number, tests)


def test_every_public_name_is_in_the_reference() -> None:
    import annstream

    text = (DOCS / "reference.md").read_text()
    modules = (annstream.pp, annstream.tl, annstream.get, annstream.external.pp, annstream.experimental.pp)
    for module in (*modules, annstream.distributed):
        assert f"::: {module.__name__}\n" in text, module.__name__
    shared = set(annstream.compat.anndataoom.__all__)
    named = {"compat", "distributed", "experimental", "external", "get", "pp", "tl", "__version__"}
    for name in set(annstream.__all__) - shared - named | {"read", "concat"}:
        assert f"::: annstream.{name}\n" in text, name
