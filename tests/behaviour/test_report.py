"""The page that `annstream report` writes: in a browser, with hostile names, and when it cannot be written."""

from __future__ import annotations

import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from .browser import Browser, find_chromium
from .support import EXISTS, INVALID, OK, ROOT, USAGE, assert_calm, assert_refused, run

mpl.use("Agg")
from matplotlib import pyplot as plt

needs_browser = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium here: `bash tools/setup.sh browser` installs one on Debian, as root"
)

EVIL = "</script><script>window.broken=1</script><img src=x onerror='window.broken=2'>"
NAMES = [
    EVIL,
    "<!-- <script>",
    "{{script}} {{data}}",
    "{a|rich} {b} {c}",
    "';window.broken=3;//",
    '"><svg onload=window.broken=4>',
    "&lt;b&gt; & \u2028 \\u003c",
    "=cmd|' /C calc'!A0",
    "\u202etxt.exe 日本語 é",
    "x" * 300,
]
PARTS = ["overview", "cells", "clusters", "markers", "quality", "genes", "components", "run", "methods"]


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small object with everything that a page shows, whose every name is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(5)
    cells, genes = 240, 60
    groups = np.arange(cells) % len(NAMES)
    values = rng.poisson(1.0, (cells, genes)).astype("f4")
    for group in range(len(NAMES)):
        values[groups == group, group] += 4
    adata = ad.AnnData(X=np.log1p(values))
    adata.var_names = [f"{NAMES[i % len(NAMES)]}{i if i >= len(NAMES) else ''}" for i in range(genes)]
    adata.obs["leiden"] = pd.Categorical([NAMES[group] for group in groups], categories=NAMES)
    adata.obs["sample"] = pd.Categorical([NAMES[i] for i in rng.integers(0, 3, cells)], categories=NAMES[:3])
    adata.obs["<img src=x onerror=window.broken=5>"] = rng.normal(size=cells)
    adata.obs["n_genes_by_counts"] = (values > 0).sum(axis=1)
    adata.obs["total_counts"] = values.sum(axis=1)
    adata.obs["pct_counts_mt"] = 0.0
    adata.obsm["X_umap"] = (rng.normal(size=(cells, 2)) + np.c_[groups % 4, groups // 4] * 5).astype("f4")
    adata.uns["leiden_colors"] = np.array(["#fff;background:url(https://example.org/x)"] * len(NAMES), dtype=object)
    adata.uns["pca"] = {"variance_ratio": np.array([0.5, 0.2, 0.1], "f4"), "variance": np.array([5, 2, 1], "f4")}
    adata.uns["umap"] = {"params": {EVIL.replace("/", ""): EVIL}}
    adata.uns["hvg"] = {"flavor": EVIL}
    adata.var["means"] = values.mean(axis=0)
    adata.var["dispersions"] = values.var(axis=0)
    adata.var["dispersions_norm"] = rng.normal(size=genes)
    adata.var["highly_variable"] = adata.var["dispersions_norm"] > 0.5
    adata.uns["rank_genes_groups"] = {
        "params": {"groupby": "leiden", "reference": EVIL, "method": EVIL, "use_raw": False},
        "names": np.rec.fromarrays([np.roll(adata.var_names.to_numpy(), -i)[:9] for i in range(10)], names=NAMES),
        "scores": np.rec.fromarrays([np.linspace(9, 1, 9, dtype="f4")] * 10, names=NAMES),
        "pvals": np.rec.fromarrays([np.geomspace(1e-300, 1, 9)] * 10, names=NAMES),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(folder / "hostile.h5ad")
    report = {
        "input_shape": [300, 80],
        "shape": [240, 60],
        "passes": 3,
        "warnings": [EVIL],
        "filters": [{"axis": EVIL, "rule": EVIL, "removed": 60, "left": 240}],
        "stages": [{"name": EVIL, "seconds": 1.5, "cpu_seconds": 2.5}],
    }
    metrics = {
        "report": report,
        "inputs": [f"/secret/{EVIL}"],
        "recipe": {EVIL: {EVIL: EVIL}},
        "version": EVIL,
        "process": {"wall_seconds": 2.0, "cpu_seconds": 3.0, "peak_rss": 10**8},
    }
    (folder / "run.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture(scope="module")
def page(processed: Path) -> Path:
    """The page about it, and its figures."""
    out = processed / "page.html"
    more = ["--color", "<img src=x onerror=window.broken=5>", "--genes", f"{NAMES[3]},{NAMES[8]},nothing<b>"]
    done = run(
        "report",
        processed / "hostile.h5ad",
        "-o",
        out,
        "--metrics",
        processed / "run.json",
        "--title",
        EVIL,
        "--figures",
        processed / "figures",
        *more,
    )
    assert_calm(done)
    assert done.code == OK, str(done)
    assert "nothing<b>" in done.stderr
    return out


def test_names_stay_data(page: Path) -> None:
    """No name adds an element to the page, and none tells where files stand."""
    text = page.read_text()
    library = (ROOT / "crates/report/assets/vendor/echarts/echarts.min.js").read_text()
    assert library in text
    text = text.replace(library, "")
    assert text.count("<script") == text.count("</script>") == 3
    assert not re.findall(r"<img|<svg|<!-- <", text)
    assert "/secret/" not in text
    assert str(page.parent) not in text
    assert set(re.findall(r"https?://[\w.]+", text)) == {"http://www.w3.org"}, "a namespace, and nothing to fetch"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with Browser() as browser:
        yield browser


@needs_browser
def test_in_a_browser(page: Path, browser: Browser) -> None:
    """From a disk: everything is there, nothing complains, nothing is asked for, no name is run."""
    browser.open(page)
    assert browser.evaluate("[...document.querySelectorAll('main section')].map(one => one.id)") == PARTS
    assert browser.evaluate("window.broken") is None
    drawn = browser.evaluate("[...annstream.charts.values()].map(one => one.plot.querySelector('svg,canvas') !== null)")
    assert len(drawn) >= 10 and all(drawn)
    assert browser.evaluate("document.querySelector('h1').textContent") == EVIL
    # What is pointed at, shown as a table, hidden, turned, searched for.
    for script in (
        "document.querySelectorAll('details').forEach(one => { one.open = true })",
        "document.querySelectorAll('.legend button').forEach(one => one.click())",
        "document.querySelectorAll('.thumb').forEach(one => one.click())",
        "document.querySelectorAll('.tabs button').forEach(one => one.click())",
        "document.querySelectorAll('thead button').forEach(one => one.click())",
        "annstream.charts.forEach(one => one.instance.dispatchAction({type: 'showTip', seriesIndex: 0, dataIndex: 0}))",
        "document.querySelector('input[type=search]').value = 'script';"
        "document.querySelector('input[type=search]').dispatchEvent(new Event('input'))",
        "document.querySelector('.top button').click()",
    ):
        browser.evaluate(script)
        browser.settle()
    assert browser.evaluate("window.broken") is None
    assert browser.evaluate("document.querySelectorAll('main img, main script').length") == 0
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("data:", "blob:"))] == [page.resolve().as_uri()]


@needs_browser
def test_light_and_dark(page: Path, browser: Browser) -> None:
    """As the system prefers, until a button is pressed; charts follow."""
    seen = []
    for dark in (False, True):
        browser.prefer(dark=dark)
        browser.open(page)
        seen.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        browser.evaluate("document.querySelector('.top button').click()")
        seen.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen[0] == seen[3] != seen[1] == seen[2]
    browser.prefer(dark=False)


@needs_browser
def test_with_a_mouse(page: Path, browser: Browser) -> None:
    """What is pointed at is told; the wheel zooms with Ctrl, and else moves the page."""
    browser.open(page)
    browser.evaluate("document.getElementById('cells').scrollIntoView({ behavior: 'instant' })")
    browser.settle()
    before = browser.evaluate("scrollY")
    plot = "annstream.charts.get('cells').plot.getBoundingClientRect()"
    left, top, width, height = browser.evaluate(f"(box => [box.left, box.top, box.width, box.height])({plot})")
    chart = "annstream.charts.get('cells').instance"
    point = f"[...{chart}.getOption().series[0].data.slice(0, 2)]"
    x, y = browser.evaluate(f"{chart}.convertToPixel({{ gridIndex: 0 }}, {point})")
    for step in (4, 1, 0):
        browser.mouse("mouseMoved", left + x + step, top + y)
        browser.settle()
    told = browser.evaluate("document.querySelector('.tip')?.textContent")
    assert told.startswith("leiden: ") and "total_counts" in told
    end = f"{chart}.getOption().dataZoom[0].end"
    middle = (left + width / 2, top + height / 2)
    browser.mouse("mouseWheel", *middle, deltaX=0, deltaY=-200, modifiers=2)
    browser.settle()
    zoomed = browser.evaluate(end)
    assert zoomed < 100 and browser.evaluate("scrollY") == before
    browser.mouse("mouseWheel", *middle, deltaX=0, deltaY=150)
    browser.evaluate("new Promise(done => setTimeout(done, 300))")
    assert browser.evaluate(end) == zoomed and browser.evaluate("scrollY") > before


@needs_browser
def test_without_a_mouse(page: Path, browser: Browser) -> None:
    """Buttons are reached by the tab key, charts have words, tables stand beside them."""
    browser.open(page)
    browser.evaluate("document.querySelector('.legend button').focus()")
    browser.press(" ", "Space", 32)
    assert browser.evaluate("document.activeElement.getAttribute('aria-pressed')") == "false"
    browser.press("Tab", "Tab", 9)
    assert browser.evaluate("document.activeElement.closest('.legend') !== null")
    before = browser.evaluate("annstream.charts.get('cells').instance.getOption().dataZoom[0].end")
    browser.evaluate("annstream.charts.get('cells').plot.focus()")
    browser.press("+", "Equal", 187)
    assert browser.evaluate("annstream.charts.get('cells').instance.getOption().dataZoom[0].end") < before
    said = "[...document.querySelectorAll('.plot')].every(one => one.getAttribute('aria-label').length > 20)"
    assert browser.evaluate(said)
    name = "one.getAttribute('aria-label') || one.textContent.trim() || one.closest('label')?.textContent.trim()"
    assert browser.evaluate(f"[...document.querySelectorAll('button, select, input')].every(one => {name})")
    frames = "[...document.querySelectorAll('figure')].filter(one => !one.querySelector('details')).length"
    assert browser.evaluate(frames) == 1, "all charts but the picture of the cells have a table"


def test_figures(page: Path) -> None:
    """SVG is well-formed and holds names as text, PNG is twice as large and not blank."""
    figures = sorted((page.parent / "figures").iterdir())
    names = {figure.stem for figure in figures}
    assert {"quality", "variable_genes", "variance", "composition", "dot_plot", "umap_leiden", "umap_sample"} <= names
    assert len(figures) == 2 * len(names)
    for name in names:
        root = ET.parse(page.parent / "figures" / f"{name}.svg").getroot()
        assert not [one for one in root.iter() if one.tag.endswith(("script", "img", "image", "foreignObject"))]
        pixels = plt.imread(page.parent / "figures" / f"{name}.png")
        assert pixels.shape[:2] == (2 * int(root.get("height")), 2 * int(root.get("width")))
        marked = (np.abs(pixels[..., :3] - pixels[0, 0, :3]).max(axis=-1) > 0.1).mean()
        assert marked > 0.005, f"{name} is blank"
    text = "".join((page.parent / "figures" / "dot_plot.svg").read_text())
    assert "日本語" in text


def test_refusals(processed: Path, page: Path, tmp_path: Path) -> None:
    """Nothing is replaced or left behind, and the message says what is wrong."""
    source = processed / "hostile.h5ad"
    before = page.read_bytes()
    assert_refused(run("report", source, "-o", page), EXISTS, "exists already")
    assert page.read_bytes() == before
    assert_refused(run("report", source, "-o", source, "--force"), EXISTS)
    out = tmp_path / "out.html"
    bad = processed / "bad.json"
    bad.write_text("[1]")
    for more, words in (
        (["--sample", "nowhere"], "no column 'nowhere'"),
        (["--groupby", "nowhere"], "no column 'nowhere'"),
        (["--color", "nowhere"], "no column 'nowhere'"),
        (["--basis", "nowhere"], "no embedding 'nowhere'"),
        (["--metrics", bad], "not the metrics of a run"),
    ):
        assert_refused(run("report", source, "-o", out, *more), USAGE, words)
    assert_refused(run("report", bad, "-o", out), INVALID)
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "variance.png").write_text("mine")
    assert_refused(run("report", source, "-o", out, "--figures", figures), EXISTS, "variance.png")
    assert (figures / "variance.png").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["figures", "variance.png"]


def test_help() -> None:
    """The help names the options, and shows examples."""
    done = run("report", "--help")
    assert done.code == OK
    for word in ("--figures", "--metrics", "--genes", "--sample", "Examples:"):
        assert word in done.stdout
