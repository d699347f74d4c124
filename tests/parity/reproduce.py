"""Makes the files of one random seed and runs the tool on them: `python -m tests.parity.reproduce SEED FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from .families import make_family
from .runner import check_family


def main(seed: int, folder: Path) -> int:
    """Keeps inputs, the expected result and the output in `folder`, and prints what differs."""
    folder.mkdir(parents=True)
    family = make_family(seed, folder)
    print(f"options: {family.options}")
    for path, adata in zip(family.paths, family.adatas, strict=True):
        print(f"{path}\n{adata!r}")
        print(f"    X {describe(adata.X)}; obs {dict(adata.obs.dtypes)}; var {dict(adata.var.dtypes)}")
    try:
        print(check_family(family, folder))
    except AssertionError as error:
        print(f"DIFFERENT: {error}")
        return 1
    print("equal")
    return 0


def describe(value: object) -> str:
    """Class and dtype of a matrix."""
    return f"{type(value).__name__} {getattr(value, 'dtype', '')}"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
