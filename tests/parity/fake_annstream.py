#!/usr/bin/env python3
"""A stand-in for the binary: the same command line, done in memory by `reference_concat`.

It proves that the harness passes when the answer is right. Point ANNSTREAM_BIN to it.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import anndata
from scipy import sparse

sys.path.append(str(Path(__file__).resolve().parents[1]))

from parity import family_zarr
from parity.reference import reference_concat, remove, write

STRATEGIES = ["none", "same", "unique", "first", "only"]


def make_parser() -> argparse.ArgumentParser:
    """The command line of `annstream concat`."""
    parser = argparse.ArgumentParser(prog="annstream", allow_abbrev=False)
    concat = parser.add_subparsers(dest="command", required=True).add_parser("concat", allow_abbrev=False)
    concat.add_argument("inputs", nargs="+")
    concat.add_argument("-o", "--output", required=True, type=Path)
    concat.add_argument("--axis", choices=["obs", "var"], default="obs")
    concat.add_argument("--join", choices=["inner", "outer"], default="inner")
    concat.add_argument("--merge", choices=STRATEGIES, default="none")
    concat.add_argument("--uns-merge", choices=STRATEGIES, default="none")
    concat.add_argument("--label")
    concat.add_argument("--keys")
    concat.add_argument("--index-unique")
    concat.add_argument("--fill-value", type=parse_fill)
    concat.add_argument("--zarr-format", type=int, choices=[2, 3], default=3)
    concat.add_argument("--pairwise", action="store_true")
    concat.add_argument("--force", action="store_true")
    concat.add_argument("-q", "--quiet", action="store_true")
    for name in ("--compression", "--memory", "--threads", "--tmpdir", "--progress"):
        concat.add_argument(name)
    return parser


def split_inputs(inputs: list[str]) -> tuple[list[str], list[str] | None]:
    """`key=path` inputs as paths and keys."""
    if not all("=" in name and not Path(name).exists() for name in inputs):
        return inputs, None
    pairs = [name.split("=", 1) for name in inputs]
    return [path for _, path in pairs], [key for key, _ in pairs]


def parse_fill(text: str) -> Any:
    """A whole number if it is written as one, else a float."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def sort_entries(adata: anndata.AnnData) -> None:
    """Sorts the entries of every sparse matrix in place."""
    held = [adata.X, adata.raw.X if adata.raw is not None else None]
    for name in ("layers", "obsm", "varm", "obsp", "varp"):
        held.extend(getattr(adata, name).values())
    for value in held:
        if sparse.issparse(value):
            value.sort_indices()


class Refusal(Exception):
    """A refusal with its exit code."""

    def __init__(self, code: int, message: str) -> None:
        """The exit code, and what went wrong."""
        super().__init__(message)
        self.code = code


def check_output(output: Path, inputs: list[str], *, force: bool) -> None:
    """The output is no input, does not exist without --force, and its folder is there."""
    if not output.parent.is_dir():
        raise Refusal(6, f"no such folder: {output.parent}")
    if not output.exists():
        return
    if any(Path(path).exists() and output.samefile(path) for path in inputs):
        raise Refusal(5, f"the output is an input: {output}")
    if not force:
        raise Refusal(5, f"the output exists: {output}")


def read_input(path: str) -> anndata.AnnData:
    """One input, or a refusal that names it."""
    try:
        return family_zarr.read(Path(path.removesuffix(".zip")))
    except Exception as error:
        raise Refusal(3, f"{path}: {error}") from error


def name_duplicates(paths: list[str], adatas: list[anndata.AnnData], axis: str) -> str:
    """The duplicated labels of the other axis, with their files."""
    found = []
    for path, adata in zip(paths, adatas, strict=True):
        names = adata.var_names if axis == "obs" else adata.obs_names
        found.extend(f"{path}: {label!r} more than once" for label in names[names.duplicated()])
    return "; ".join(found)


def concat(parsed: argparse.Namespace) -> None:
    """Reads, concatenates and writes, or raises a refusal."""
    paths, keys = split_inputs(parsed.inputs)
    keys = parsed.keys.split(",") if parsed.keys is not None else keys
    if keys is not None and len(keys) != len(paths):
        raise Refusal(2, f"{len(keys)} keys for {len(paths)} inputs")
    check_output(parsed.output, paths, force=parsed.force)
    options = {name: getattr(parsed, name) for name in ("axis", "join", "label", "index_unique", "pairwise")}
    for name in ("merge", "uns_merge"):
        options[name] = None if getattr(parsed, name) == "none" else getattr(parsed, name)
    adatas = [read_input(path) for path in paths]
    outcome = reference_concat(adatas, keys=keys, fill_value=parsed.fill_value, **options)
    if outcome.result is None:
        raise Refusal(4, f"{outcome.error} {name_duplicates(paths, adatas, parsed.axis)}")
    sort_entries(outcome.result)
    try:
        anndata.settings.zarr_write_format = parsed.zarr_format
        write(outcome.result, parsed.output)
    except Exception as error:
        remove(parsed.output)
        raise Refusal(4, str(error)) from error


def main(arguments: list[str]) -> int:
    """Runs the command and returns its exit code."""
    try:
        parsed = make_parser().parse_args(arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            concat(parsed)
    except SystemExit as stop:
        return int(stop.code or 0)
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
