"""What `annstream subset` and `annstream split` must write, and whether they did."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from . import family_zarr
from .compare import assert_equal
from .conditions import Condition, random_condition
from .file_layout import assert_well_formed
from .reference import Outcome, through_file
from .runner import Run, run

Positions = np.ndarray


@dataclass
class Choice:
    """What is kept of an axis: the flags that say so, and the positions; None for everything."""

    flags: list[str]
    positions: Positions | None


def random_choice(rng: np.random.Generator, frame: pd.DataFrame, axis: str, folder: Path) -> Choice:
    """Everything, an expression, a file of names, a list of positions, or two of them."""
    how = str(rng.choice(["all", "condition", "labels", "positions", "both", "slice"]))
    condition = random_condition(rng, frame, axis)
    size = len(frame)
    match how:
        case "all":
            return Choice([], None)
        case "condition":
            return Choice([f"--{axis}={condition.text}"], condition.rows)
        case "slice":
            start, stop = sorted(int(value) for value in rng.integers(-size - 1, size + 2, 2))
            step = int(rng.choice([1, 2, -1]))
            return Choice([f"--{axis}-index={start}:{stop}:{step}"], np.arange(size)[start:stop:step])
    rows = random_rows(rng, size)
    labels = [str(label) for label in frame.index[rows]]
    usable = frame.index.is_unique and all(labels) and not any(set(label) & set("\r\n") for label in labels)
    if usable and how != "positions":
        path = folder / f"{axis}.txt"
        path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        flags = [f"--{axis}-file={path}"]
    else:
        flags = [f"--{axis}-index={','.join(map(str, rows))}"]
    if how == "both":
        flags.append(f"--{axis}={condition.text}")
        rows = rows[np.isin(rows, condition.rows)]
    return Choice(flags, rows)


def random_rows(rng: np.random.Generator, size: int) -> Positions:
    """Some rows: in order, permuted, repeated, or none."""
    if size == 0 or rng.random() < 0.05:
        return np.arange(0)
    match rng.integers(0, 3):
        case 0:
            return np.flatnonzero(rng.random(size) < 0.5)
        case 1:
            return rng.permutation(size)[: rng.integers(0, size + 1)]
        case _:
            return rng.integers(0, size, rng.integers(0, 2 * size))


def part_of(adata: anndata.AnnData, obs: Positions | None, var: Positions | None) -> anndata.AnnData:
    """The reference."""
    everything = slice(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return adata[everything if obs is None else obs, everything if var is None else var].copy()


def check_subset(
    path: Path, adata: anndata.AnnData, choices: tuple[Choice, Choice], folder: Path, extra: list[str], name: str
) -> Run:
    """Runs `annstream subset`, and raises AssertionError unless its output equals the reference."""
    obs, var = choices
    outcome = through_file(
        Outcome(part_of(adata, obs.positions, var.positions)), folder / f"expected{Path(name).suffix}"
    )
    target = folder / "output"
    target.mkdir()
    done = run(["subset", str(path), "-o", str(target / name), "--progress=off", *obs.flags, *var.flags, *extra])
    try:
        assert done.code == 0, f"exit {done.code}, expected 0"
        assert outcome.result is not None, f"the reference {outcome.error}"
        assert [item.name for item in target.iterdir()] == [name]
        check_output(target / name, outcome.result)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{done}") from error
    return done


def check_output(path: Path, expected: anndata.AnnData) -> None:
    """Whether a file is well-formed and holds what is expected."""
    assert_well_formed(path)
    actual = family_zarr.read(path)
    if path.suffix == ".zarr" and actual.n_obs == 0 and actual.raw is None:
        # anndata does not read raw of a store without observations.
        expected = expected.copy()
        del expected.raw
    assert_equal(actual, expected, axis=None)


def check_split(
    path: Path, adata: anndata.AnnData, by: str, folder: Path, extra: list[str], suffix: str, *, keep: bool = False
) -> Run:
    """Runs `annstream split`, and raises AssertionError unless each output equals the reference."""
    target = folder / "parts"
    extra = [*extra, "--missing=keep"] if keep else extra
    template = f"x-{{key}}{suffix}"
    done = run(
        [
            "split",
            str(path),
            f"--by={by}",
            "-o",
            str(target),
            f"--template={template}",
            "--progress=off",
            "--json",
            *extra,
        ]
    )
    try:
        assert done.code == 0, f"exit {done.code}, expected 0"
        expected = groups(adata.obs[by], keep=keep)
        listed = [item["file"] for item in done.report["files"]]
        assert len(listed) == len(expected), f"{len(listed)} files, expected {len(expected)}"
        assert sorted(item.name for item in target.iterdir()) == sorted(listed)
        for name, rows in zip(listed, expected, strict=True):
            outcome = through_file(Outcome(part_of(adata, rows, None)), folder / f"expected{suffix}")
            assert outcome.result is not None, f"the reference {outcome.error}"
            check_output(target / name, outcome.result)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{done}") from error
    return done


def groups(series: pd.Series, *, keep: bool) -> list[Positions]:
    """The rows of each value, in the order of categories, or sorted; those without a value last, or left out."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
    else:
        held = sorted(set(series.dropna()))
        codes = np.array([-1 if pd.isna(value) else held.index(value) for value in series], dtype=int)
    found = [np.flatnonzero(codes == code) for code in np.unique(codes[codes >= 0])]
    missing = np.flatnonzero(codes < 0)
    return [*found, missing] if keep and missing.size else found


def splittable(frame: pd.DataFrame) -> list[str]:
    """Columns that a file can be split by."""
    return [name for name in frame.columns if not pd.api.types.is_float_dtype(frame[name].dtype)]


__all__ = ["Choice", "Condition", "check_output", "check_split", "check_subset", "random_choice", "splittable"]
