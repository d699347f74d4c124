"""What the parity tests share."""

from __future__ import annotations

import pytest

from . import zarr_loop
from .runner import find_binary

zarr_loop.use_one_thread()

NEEDS_BINARY = {
    "test_harmony",
    "test_report",
    "test_scrublet",
    "test_aggregate",
    "test_markers",
    "test_sample",
    "test_concat_large",
    "test_concat_random",
    "test_concat_real",
    "test_convert",
    "test_dendrogram",
    "test_diffmap",
    "test_downsample",
    "test_leiden",
    "test_concat_virtual",
    "test_pearson_normalize",
    "test_neighbors",
    "test_paga",
    "test_pipeline_several",
    "test_readback",
    "test_refusals",
    "test_score_genes",
    "test_regress",
    "test_run_refusals",
    "test_run_to_end",
    "test_run_without_x",
    "test_split",
    "test_subset",
    "test_umap",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs the binary when there is none."""
    if find_binary() is not None:
        return
    skip = pytest.mark.skip(reason="no annstream binary: build it, or set ANNSTREAM_BIN")
    for item in items:
        if item.path.stem in NEEDS_BINARY:
            item.add_marker(skip)
