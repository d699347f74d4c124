"""Runs the code that is printed in README.md and in the pages of docs, as it is printed.

``python tests/python/pages.py FOLDER PAGE...`` runs each page in a folder of its own below FOLDER. The pages need the
package, scanpy and dask; the files that they name, which are made first, need the package alone. This is what a fresh
environment with a wheel is tried with (``make test-wheel``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *, language: str = "python") -> Iterator[tuple[int, str]]:
    """The blocks of a language, each with the line on which its code begins."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        if found[1] == language:
            yield text.count("\n", 0, found.start(2)) + 1, found[2]


@contextmanager
def cluster_at_any_address() -> Iterator[None]:
    """Whoever connects to ``scheduler:8786`` is given a cluster of this process."""
    import dask.distributed
    import distributed

    ordinary = distributed.Client
    arguments: dict[str, Any] = {"processes": False, "n_workers": 2, "threads_per_worker": 1, "memory_limit": "1GiB"}
    with distributed.LocalCluster(dashboard_address=None, **arguments) as cluster:
        clients: list[Any] = []

        class Connected(ordinary):
            def __init__(self, address: str) -> None:
                assert address == "scheduler:8786", address
                super().__init__(cluster)
                clients.append(self)

        distributed.Client = dask.distributed.Client = Connected
        try:
            yield
        finally:
            distributed.Client = dask.distributed.Client = ordinary
            for client in clients:
                client.close()


def run_python(page: Path, folder: Path) -> int:
    """Runs the Python blocks of a page one after the other, in one session; returns how many there were."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before, number = Path.cwd(), 0
    os.chdir(folder)
    try:
        for line, code in blocks(page):
            # Folders of a cluster begin at the root of the page's own folder.
            code = code.replace('"/shared/', f'"{folder}/shared/')
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
            number += 1
    finally:
        os.chdir(before)
    return number


def run_console(page: Path, folder: Path, binary: Path) -> int:
    """Runs what stands behind ``$ annstream`` in the console blocks of a page; returns how many lines there were."""
    number = 0
    environment = os.environ | {"PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}"}
    for line, text in blocks(page, language="console"):
        for command in re.findall(r"^\$ (annstream .*)$", text, re.MULTILINE):
            done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{page.name}, block at line {line}: {command}\n{done.stderr}"
            number += 1
    return number


def files(folder: Path) -> None:
    """The files that the pages name, made of the cells of demo."""
    import anndata as ad
    import annstream as ans

    # Fewer of them, so that the pages are soon done; the tutorial has all.
    adata = ans.read(ROOT / "demo" / "pbmc4k.h5ad")
    adata = adata[:400, adata.var["n_cells"] > 2].copy()
    adata.var["mt"] = adata.var_names.str.startswith("MT-")
    done = adata.copy()
    ans.pp.normalize_total(done)
    ans.pp.log1p(done)
    ans.pp.highly_variable_genes(done, n_top_genes=1000)
    ans.pp.pca(done)
    ans.pp.neighbors(done)
    ans.tl.umap(done)
    ans.tl.leiden(done)
    ans.tl.rank_genes_groups(done, "leiden")
    done.write_h5ad(folder / "done.h5ad")
    big = adata.to_memory()
    big.layers["counts"] = big.X.copy()
    big.obs["leiden"] = done.obs["leiden"]
    big.obsm["X_umap"] = done.obsm["X_umap"]
    big.write_h5ad(folder / "big.h5ad")
    other = ad.read_h5ad(ROOT / "demo" / "donor_a.h5ad")[:200].copy()
    for name in ("other", "a", "b"):
        other.write_zarr(folder / f"{name}.zarr")
    (folder / "shared").mkdir()
    big.write_zarr(folder / "shared" / "atlas.zarr")
    for name in ("pbmc4k", "donor_a"):
        (folder / f"{name}.h5ad").write_bytes((ROOT / "demo" / f"{name}.h5ad").read_bytes())


def run_page(page: Path, folder: Path) -> int:
    """Runs the Python blocks of a page in a folder that has the files; returns how many there were."""
    import matplotlib as mpl

    mpl.use("Agg")
    with cluster_at_any_address():
        return run_python(page, folder)


if __name__ == "__main__":
    made = Path(sys.argv[1]).resolve() / "files"
    if not made.exists():
        made.mkdir(parents=True)
        files(made)
    for page in map(Path, sys.argv[2:]):
        number = run_page(page.resolve(), shutil.copytree(made, made.with_name(page.stem)))
        assert number, f"{page.name} has no Python"
        print(f"{page.name}: {number} blocks of Python ran")
