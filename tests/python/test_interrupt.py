"""Ctrl-C while files are written and while steps run: the exception, and everything as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anndata as ad
import annstream
import numpy as np
import pytest
from scipy import sparse

CELLS, GENES = 30_000, 400

PREAMBLE = """
import os, signal, sys
import anndata as ad, annstream, numpy as np, pandas as pd

# Who runs the tests in the background may have switched it off.
signal.signal(signal.SIGINT, signal.default_int_handler)

def strike(*_):
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(work, *arguments, **options):
    try:
        work(*arguments, **options)
    except KeyboardInterrupt:
        return True
    return False
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose jobs are long enough that the engine reports progress."""
    path = tmp_path_factory.mktemp("source") / "a.h5ad"
    rng = np.random.default_rng(0)
    counts = sparse.random(CELLS, GENES, 0.1, format="csr", dtype=np.float32, random_state=0)
    counts.data[:] = rng.integers(1, 9, counts.nnz)
    adata = ad.AnnData(counts)
    adata.obs["batch"] = np.array(["a", "b", "c"])[np.arange(CELLS) % 3]
    adata.obs["batch"] = adata.obs["batch"].astype("category")
    adata.obs["number"] = rng.normal(size=CELLS)
    adata.obsm["X_pca"] = rng.normal(size=(CELLS, 10)).astype(np.float32)
    adata.write_h5ad(path)
    return path


def run(program: str, *arguments: object) -> list[str]:
    """What a program prints that somebody interrupts."""
    environment = os.environ | {"PYTHONPATH": str(Path(annstream.__file__).parents[1])}
    line = [sys.executable, "-W", "ignore", "-c", PREAMBLE + program, *map(str, arguments)]
    child = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()


WRITE = """
source, target, moment = sys.argv[1:]
adata = annstream.read(source)
adata.obs["new"] = 1.0
if moment == "stream":
    annstream._annstream.watch(strike)
elif moment == "tables":
    plain = annstream._write.write_elem
    def write_elem(root, name, *rest, **options):
        if name == "var":
            strike()
        plain(root, name, *rest, **options)
    annstream._write.write_elem = write_elem
else:
    plain = annstream._write._sync
    def sync(path):
        plain(path)
        strike()
    annstream._write._sync = sync
write = adata.write_zarr if target.endswith(".zarr") else adata.write_h5ad
print(interrupted(write, target, compression="gzip"))
annstream._annstream.watch(None)
print(adata.X.shape[0], float(adata.X.sum()), adata.obs["new"].sum())
"""


@pytest.mark.parametrize("moment", ["stream", "tables", "end"])
@pytest.mark.parametrize("kind", ["other", "itself", "absent"])
def test_an_interrupted_write_leaves_the_target(moment: str, kind: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.h5ad"
    if kind == "itself":
        target.write_bytes(source.read_bytes())
    elif kind == "other":
        target.write_bytes(b"precious")
    before = target.read_bytes() if target.exists() else None
    printed = run(WRITE, target if kind == "itself" else source, target, moment)
    # The object can be used as before, also when it reads from what was to be replaced.
    assert printed[0] == "True"
    expected = ad.read_h5ad(source)
    assert printed[1] == f"{CELLS} {float(expected.X.sum(dtype=np.float64))} {float(CELLS)}"
    assert (target.read_bytes() if target.exists() else None) == before
    assert [path.name for path in tmp_path.iterdir()] == ([] if before is None else ["target.h5ad"])


@pytest.mark.parametrize("moment", ["stream", "tables"])
def test_an_interrupted_zarr_leaves_the_old_one(moment: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.zarr"
    small = ad.AnnData(np.eye(3, dtype=np.float32))
    small.write_zarr(target)
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert run(WRITE, source, target, moment)[0] == "True"
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["target.zarr"]


STEPS = {
    "calculate_qc_metrics": "annstream.pp.calculate_qc_metrics(adata, percent_top=None, inplace=True)",
    "filter_cells": "annstream.pp.filter_cells(adata, min_genes=45)",
    "filter_genes": "annstream.pp.filter_genes(adata, min_cells=3010)",
    "normalize_total": "annstream.pp.normalize_total(adata)",
    "highly_variable_genes": "annstream.pp.highly_variable_genes(adata, flavor='seurat_v3', n_top_genes=50)",
    "scale": "annstream.pp.scale(adata)",
    "regress_out": "annstream.pp.regress_out(adata, ['number'])",
    "pca": "annstream.pp.pca(adata, n_comps=40)",
    "neighbors": "annstream.pp.neighbors(adata)",
    "scrublet": "annstream.pp.scrublet(adata)",
    "rank_genes_groups": "annstream.tl.rank_genes_groups(adata, 'batch', method='wilcoxon')",
    "score_genes": "annstream.tl.score_genes(adata, adata.var_names[:20])",
}

STEP = """
# The same cells many times, so that every job lasts until somebody looks up.
adata = annstream.concat([annstream.read(sys.argv[1])] * 6, index_unique="-")

def state():
    tables = [adata.obs.copy(), adata.var.copy()]
    arrays = {f"{name}/{key}": value for name in ("obsm", "varm", "obsp", "varp")
              for key, value in getattr(adata, name).items()}
    return tables, arrays, dict(adata.uns), list(adata.layers), repr(adata.X), adata.raw

for name, step in steps().items():
    before = state()
    annstream._annstream.watch(strike)
    stopped = interrupted(step)
    annstream._annstream.watch(None)
    after = state()
    for table, as_it_was in zip(after[0], before[0], strict=True):
        pd.testing.assert_frame_equal(table, as_it_was)
    assert after[1].keys() == before[1].keys(), name
    assert all(np.array_equal(after[1][key], value) for key, value in before[1].items()), name
    assert after[2:] == before[2:], (name, before[2:], after[2:])
    print(name, stopped, flush=True)
"""


def test_interrupted_steps_change_nothing(source: Path) -> None:
    """No step leaves columns, arrays or operators of half its work, and none writes to the file."""
    before = source.read_bytes()
    # Functions, not text for `eval`: a KeyboardInterrupt that passes through that counts as one that nobody caught.
    functions = "".join(f"{name!r}: lambda: {step}, " for name, step in STEPS.items())
    printed = run(f"def steps():\n    return {{{functions}}}\n" + STEP, source)
    assert printed == [f"{name} True" for name in STEPS]
    assert source.read_bytes() == before
