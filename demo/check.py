#!/usr/bin/env python3
"""Opens the demo's result with anndata and compares it with what `anndata.concat` gives in memory."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import anndata
from anndata.tests.helpers import assert_equal

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Prints what the result holds, and fails if it is not what anndata makes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("merged", type=Path)
    merged = anndata.read_h5ad(parser.parse_args().merged)
    print(merged)
    print(merged.obs["sample"].value_counts().to_string())
    print(merged.obs.groupby("sample", observed=True)["cell_type"].value_counts().unstack(0).to_string())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = anndata.concat(
            {
                "healthy": anndata.read_h5ad(HERE / "pbmc4k.h5ad"),
                "donor_a": anndata.read_h5ad(HERE / "donor_a.h5ad"),
            },
            join="outer",
            merge="first",
            uns_merge="unique",
            label="sample",
            index_unique="-",
        )
        assert_equal(merged, expected, exact=True)
    print("equal to anndata.concat: X, obs, var and uns")


if __name__ == "__main__":
    main()
