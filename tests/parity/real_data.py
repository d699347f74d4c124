"""The real files: where they are, and which belong together.

`$ANNSTREAM_DATA`, or `../shared/data` beside the repository. The tests that need them are skipped without them.
"""

from __future__ import annotations

import os
import warnings
from functools import lru_cache
from pathlib import Path

import anndata
import pytest

from .runner import ROOT

FOLDER = Path(os.environ.get("ANNSTREAM_DATA", ROOT.parent / "shared" / "data"))

HUMAN = [
    "pbmc4k_half_raw.h5ad",
    "pbmc_donorA_raw.h5ad",
    "kang_ctrl_csc_int32.h5ad",
    "kang_stim_dense_f32.h5ad",
    "misc/scvi_pbmc_5k_protein_v3.h5ad",
]
KANG = HUMAN[2:4]
MOUSE = ["misc/pancreas_50obs.h5ad", "misc/dentategyrus_100obs.h5ad"]
ANNDATA_07 = ["legacy/anndata_v0.7.0.h5ad", "legacy/anndata_v0.7.8.h5ad"]
ARCHIVES = ["legacy/anndata_v0.5.0.h5ad", *ANNDATA_07, "legacy/anndata_v0.11.4.h5ad"]
BPCELLS_SAME = [
    "legacy/bpcells_mini_mat.anndata-v0.6.22.h5ad",
    "legacy/bpcells_mini_mat.anndata-v0.7.h5ad",
    "legacy/bpcells_mini_mat.anndata-v0.10.9.h5ad",
    "legacy/bpcells_mini_mat_uint_16.anndata-v0.10.9.h5ad",
]
BPCELLS = [*BPCELLS_SAME, "legacy/bpcells_mini_mat_int_64.anndata-v0.12.6.h5ad"]
ZOO = [
    "misc/anndataR_example.h5ad",
    "misc/cellrank_50.h5ad",
    "misc/cellxgene_nan.h5ad",
    "misc/ebi_filter_genes.h5ad",
    "misc/zellkonverter_example.h5ad",
]
ALL = [*HUMAN, *MOUSE, *ARCHIVES, *BPCELLS, *ZOO]


def path_of(name: str) -> Path:
    """The path of a real file; skips the test when it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} in {FOLDER} (set ANNSTREAM_DATA)")
    return path


@lru_cache(maxsize=4)
def read(path: Path) -> anndata.AnnData:
    """The file in memory; not to be changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)
