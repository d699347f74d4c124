"""Runs the binary, and judges what it did.

The binary is `$ANNSTREAM_BIN`, or `target/debug/annstream`, or `target/release/annstream`. If it is
`fake_annstream.py` it runs within this process, which is much faster.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np

from . import fake_annstream, family_zarr
from .compare import assert_equal
from .families import Family
from .file_layout import assert_well_formed
from .reference import Outcome, reference_concat, through_file

ROOT = Path(__file__).resolve().parents[2]
REFUSALS = {2, 3, 4}
"""Exit codes of a refusal: usage, invalid input, inputs that do not go together."""
TIME_LIMIT = 120


@dataclass
class Run:
    """One finished command."""

    command: list[str]
    code: int
    stderr: str
    stdout: str = ""

    @property
    def report(self) -> Any:
        """What was printed as JSON."""
        return json.loads(self.stdout)

    def __str__(self) -> str:
        """What to paste into a shell, and what came of it."""
        return f"{shlex.join(self.command)}\nexit {self.code}\n{self.stderr[-3000:]}"


def find_binary() -> Path | None:
    """The binary under test, or None if there is none."""
    named = os.environ.get("ANNSTREAM_BIN")
    if named:
        return Path(named).resolve()
    for profile in ("debug", "release"):
        path = ROOT / "target" / profile / "annstream"
        if path.exists():
            return path
    return None


def option_arguments(options: dict[str, Any]) -> list[str]:
    """The options of `anndata.concat` as command line options; keys belong to the inputs."""
    arguments = []
    for name, value in options.items():
        if name == "keys" or value is None or value is False:
            continue
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        else:
            text = "nan" if isinstance(value, float) and math.isnan(value) else str(value)
            arguments.append(f"{flag}={text}")
    return arguments


def concat_command(
    inputs: list[Path], output: Path, options: dict[str, Any], extra: list[str] | None = None
) -> list[str]:
    """The command line, without the program.

    Keys are given as `--keys` to an even number of inputs, unless one has a comma, and as `key=path` otherwise, so
    that both forms are tested.
    """
    keys = options.get("keys")
    named, listed = [str(path) for path in inputs], []
    if keys is not None and len(inputs) % 2 == 0 and not any("," in key for key in keys):
        listed = [f"--keys={','.join(keys)}"]
    elif keys is not None:
        named = [f"{key}={path}" for key, path in zip(keys, inputs, strict=True)]
    rest = ["--progress=off", *(extra or [])]
    return ["concat", *named, "-o", str(output), *listed, *option_arguments(options), *rest]


def run(arguments: list[str]) -> Run:
    """Runs the binary under test."""
    binary = find_binary()
    assert binary is not None, "no binary: build it, or set ANNSTREAM_BIN"
    command = [str(binary), *arguments]
    if binary.name == "fake_annstream.py":
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            code = fake_annstream.main(arguments)
        return Run(command, code, stderr.getvalue())
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    return Run(command, done.returncode, done.stderr, done.stdout)


def random_resources(seed: int) -> list[str]:
    """Options that must not change the result: memory, threads, compression."""
    rng = np.random.default_rng([seed, 2])
    memory = ["--memory=64M", "--memory=256M", None][rng.integers(0, 3)]
    threads = ["--threads=1", "--threads=2", "--threads=3", None][rng.integers(0, 4)]
    compression = ["gzip", "gzip:1", "lzf", "none", None][rng.integers(0, 5)]
    chosen = [memory, threads, compression and f"--compression={compression}"]
    return [option for option in chosen if option]


def check_family(family: Family, folder: Path) -> Run:
    """Runs the tool on a family and raises AssertionError unless it did what the reference does."""
    name, flags = random_output(family.seed)
    extra = [*random_resources(family.seed), *flags]
    return check_concat(family.paths, family.adatas, family.options, folder, extra, name)


def random_output(seed: int) -> tuple[str, list[str]]:
    """The name of the output, and the options that belong to it."""
    rng = np.random.default_rng([seed, 7])
    choices = [("out.h5ad", []), ("out.zarr", ["--zarr-format=2"]), ("out.zarr", ["--zarr-format=3"]), ("out.zarr", [])]
    return choices[rng.choice(4, p=[0.5, 0.2, 0.2, 0.1])]


def check_concat(
    paths: list[Path],
    adatas: list[anndata.AnnData],
    options: dict[str, Any],
    folder: Path,
    extra: list[str] | None = None,
    name: str = "out.h5ad",
) -> Run:
    """Runs the tool on files and raises AssertionError unless it did what `reference_concat` says."""
    outcome = through_file(reference_concat(adatas, **options), folder / f"expected{Path(name).suffix}")
    output_folder = folder / "output"
    output_folder.mkdir()
    output = output_folder / name
    done = run(concat_command(paths, output, options, extra))
    try:
        judge(done, outcome, output, options.get("axis", "obs"))
    except AssertionError as error:
        hint = f"departures from plain anndata.concat: {sorted(outcome.departures)}"
        raise AssertionError(f"{error}\n{done}\n{hint}") from error
    return done


def judge(done: Run, outcome: Outcome, output: Path, axis: str) -> None:
    """Whether a finished command agrees with the outcome."""
    if outcome.result is None or (outcome.may_refuse and done.code != 0):
        why = outcome.error or outcome.may_refuse
        assert done.code in REFUSALS, f"exit {done.code}, expected a refusal ({sorted(REFUSALS)}): {why}"
        left = sorted(path.name for path in output.parent.iterdir())
        assert not left, f"files left behind after a refusal: {left}"
        assert done.stderr.strip(), "a refusal without a message"
        return
    assert done.code == 0, f"exit {done.code}, expected 0"
    left = sorted(path.name for path in output.parent.iterdir())
    assert left == [output.name], f"the folder of the output holds {left}, expected only {output.name}"
    assert_well_formed(output)
    assert_equal(family_zarr.read(output), outcome.result, axis=axis)
