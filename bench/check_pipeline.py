#!/usr/bin/env python3
"""Whether pipelines agree, and how exact their components are.

python check_pipeline.py keep OUTPUT KEPT.npz [--exact]   what is compared; with exact components of the X in OUTPUT
python check_pipeline.py compare FOLDER OURS              compares KEPT.npz of all tools with that of ours: JSON
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import scipy.linalg
import scipy.sparse as sp

# Components whose variances are nearer to each other than this may turn into each other by rounding.
GAP = 1e-3
# How far rounding may take sums of matrices, and variances, from each other.
SUMS, VARIANCES = 1e-6, 1e-4
ENTRIES = 4_000_000


def labels(table: h5py.Group) -> np.ndarray:
    """The names of rows."""
    return table[table.attrs["_index"]][:].astype("S")


def rows_of(matrix: h5py.Group) -> object:
    """A compressed matrix, some rows at a time."""
    indptr, shape = matrix["indptr"][:], matrix.attrs["shape"]
    at = 0
    while at < shape[0]:
        end = max(at + 1, int(np.searchsorted(indptr, indptr[at] + ENTRIES, side="right")) - 1)
        first, last = indptr[at], indptr[end]
        parts = (matrix["data"][first:last], matrix["indices"][first:last], indptr[at : end + 1] - first)
        yield sp.csr_matrix(parts, shape=(end - at, shape[1]))
        at = end


def exact(matrix: h5py.Group, genes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes and variances of some columns, in double precision: means first, then products around them."""
    blocks = [rows[:, genes].astype(np.float64) for rows in rows_of(matrix)]
    cells = sum(block.shape[0] for block in blocks)
    mean = sum(np.asarray(block.sum(axis=0)).ravel() for block in blocks) / cells
    covariance = np.zeros((len(mean), len(mean)))
    for block in blocks:
        for at in range(0, block.shape[0], 4096):
            centred = block[at : at + 4096].toarray() - mean
            covariance += centred.T @ centred
    covariance /= cells - 1
    size = len(mean)
    # One more, for the gap behind the last.
    values, vectors = scipy.linalg.eigh(covariance, subset_by_index=[size - min(size, count + 1), size - 1])
    return vectors[:, ::-1], values[::-1]


def keep(options: argparse.Namespace) -> None:
    """Writes what is compared."""
    with h5py.File(options.output) as file:
        variable = file["var/highly_variable"][:].astype(bool)
        kept = {
            "cells": np.frombuffer(hashlib.sha256(b"\n".join(labels(file["obs"]))).digest(), np.uint8),
            "genes": labels(file["var"]),
            "variable": variable,
            "axes": file["varm/PCs"][:][variable].astype(np.float64),
            "variances": file["uns/pca/variance"][:].astype(np.float64),
            "finite": np.isfinite(file["obsm/X_pca"][:]).all(),
        }
        for name in ("X", "layers/counts"):
            if name in file:
                kept[f"sum of {name}"] = np.array(
                    [sum(float(part.sum(dtype=np.float64)) for part in rows_of(file[name])), file[name]["data"].size]
                )
        if options.exact:
            kept["exact axes"], kept["exact variances"] = exact(file["X"], variable, kept["axes"].shape[1])
    np.savez(options.kept, **kept)


def differences(ours: dict, theirs: dict) -> list[str]:
    """Where two results differ by more than rounding."""
    found = [name for name in ("cells", "genes", "variable") if not np.array_equal(ours[name], theirs[name])]
    for name in ("sum of X", "sum of layers/counts"):
        if name in ours and name in theirs and not np.allclose(ours[name], theirs[name], rtol=SUMS):
            found.append(name)
    if not np.allclose(ours["variances"], theirs["variances"], rtol=VARIANCES):
        found.append("variances of components")
    return found if ours["finite"] and theirs["finite"] else [*found, "X_pca, which has values that are not finite"]


def accuracy(axes: np.ndarray, variances: np.ndarray, exact_axes: np.ndarray, exact_variances: np.ndarray) -> dict:
    """Components beside exact ones."""
    count = axes.shape[1]
    gaps = -np.diff(exact_variances) / exact_variances[:-1]
    behind = np.append(gaps, np.inf)[:count] > GAP
    before = np.concatenate(([np.inf], gaps))[:count] > GAP
    alone = behind & before
    axes = axes / np.linalg.norm(axes, axis=0)
    cosines = np.abs((axes * exact_axes[:, :count]).sum(axis=0))
    # The widest space that a gap separates from the rest; the sine of its angle, since a cosine near 1 has no digits.
    leading = int(np.flatnonzero(behind)[-1]) + 1
    own, right = np.linalg.qr(axes[:, :leading])[0], exact_axes[:, :leading]
    sine = np.linalg.norm(own - right @ (right.T @ own), 2)
    return {
        "cosine": float(cosines[alone].min()),
        "compared": int(alone.sum()),
        "components": count,
        "leading": leading,
        "angle": float(np.arcsin(min(1.0, sine))),
        "variance": float(np.abs(variances / exact_variances[:count] - 1).max()),
    }


def compare(options: argparse.Namespace) -> None:
    """Prints what was found."""
    kept = {path.stem: dict(np.load(path)) for path in sorted(options.folder.glob("*.npz"))}
    ours = kept[options.ours]
    others = [tool for tool in kept if tool != options.ours]
    wrong = {tool: differences(ours, kept[tool]) for tool in others}
    wrong = [f"{tool} in {', '.join(parts)}" for tool, parts in wrong.items() if parts]
    checked = f"DIFFERS from {'; '.join(wrong)}" if wrong else f"agrees with {', '.join(others)}"
    found = {}
    if "exact axes" in ours:
        right = ours["exact axes"], ours["exact variances"]
        chosen = {tool: one["genes"][one["variable"]] for tool, one in kept.items()}
        same = [tool for tool in kept if np.array_equal(chosen[options.ours], chosen[tool])]
        found = {tool: accuracy(kept[tool]["axes"], kept[tool]["variances"], *right) for tool in same}
    json.dump({"checked": checked if others else "not compared", "accuracy": found}, sys.stdout)


def main() -> None:
    """Does one of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    jobs = parser.add_subparsers(required=True)
    job = jobs.add_parser("keep")
    job.add_argument("output", type=Path)
    job.add_argument("kept", type=Path)
    job.add_argument("--exact", action="store_true")
    job.set_defaults(job=keep)
    job = jobs.add_parser("compare")
    job.add_argument("folder", type=Path)
    job.add_argument("ours")
    job.set_defaults(job=compare)
    options = parser.parse_args()
    options.job(options)


if __name__ == "__main__":
    main()
