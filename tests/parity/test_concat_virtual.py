"""`concat --virtual`: the file opens in anndata, in memory and backed, and equals `anndata.concat` of the inputs.

Random inputs are made so that showing them in place is possible; real files are stacked on themselves, and may be
refused, but only in so many words. What is shown stays unsorted if it was.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from . import real_data
from .compare import assert_equal, assert_values_equal, canonical
from .families import make_inputs, read_input
from .file_layout import assert_well_formed
from .reference import Outcome, reference_concat, through_file, write_h5ad
from .runner import REFUSALS, Run, concat_command, run

FIRST, LAST = (int(part) for part in os.environ.get("ANNSTREAM_SEEDS", "0:120").split(":"))
INCOMPATIBLE = 4
COMPRESSIONS = [None, "gzip", "lzf"]
REAL_OBS = [name for name in real_data.ALL if name.endswith(".h5ad")]
SHOWN_OBS = {
    "pbmc4k_half_raw.h5ad",
    "pbmc_donorA_raw.h5ad",
    "kang_stim_dense_f32.h5ad",
    "misc/ebi_filter_genes.h5ad",
}
SHOWN_VAR = {"kang_ctrl_csc_int32.h5ad", "kang_stim_dense_f32.h5ad"}


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_seed(seed: int, tmp_path: Path) -> None:
    """Pieces of one random object, one behind the other again."""
    pieces, options = make_pieces(seed)
    rng = np.random.default_rng([seed, 31])
    paths = [tmp_path / f"piece {i}.h5ad" for i in range(len(pieces))]
    for piece, path in zip(pieces, paths, strict=True):
        write_h5ad(piece, path, compression=COMPRESSIONS[rng.integers(0, 3)])
    done, outcome, output = concat_virtual(paths, [read_input(path) for path in paths], options, tmp_path)
    if outcome.result is None or (outcome.may_refuse and done.code != 0):
        assert done.code in REFUSALS, done
        assert not output.exists()
        return
    assert_shows(done, outcome, output, options["axis"])


@pytest.mark.parametrize("axis", ["obs", "var"])
@pytest.mark.parametrize("name", REAL_OBS)
def test_real(name: str, axis: str, tmp_path: Path) -> None:
    """A real file on itself, or a clear refusal."""
    path = real_data.path_of(name)
    adata = real_data.read(path)
    options = {"axis": axis, "label": "part", "merge": "same", "uns_merge": "first"}
    done, outcome, output = concat_virtual([path] * 2, [adata] * 2, options, tmp_path)
    if outcome.result is None:
        assert done.code in REFUSALS, done
    elif name in (SHOWN_OBS if axis == "obs" else SHOWN_VAR) or done.code == 0:
        assert_shows(done, outcome, output, axis)
    else:
        assert done.code == INCOMPATIBLE, done
        assert "cannot be shown without copying: " in done.stderr, done
        assert "without --virtual it works" in done.stderr, done
        assert not output.exists()


def concat_virtual(
    paths: list[Path], adatas: list[AnnData], options: dict[str, Any], folder: Path
) -> tuple[Run, Outcome, Path]:
    """Runs the tool, and says what it should have made."""
    outcome = through_file(reference_concat(adatas, **options), folder / "expected.h5ad")
    output = folder / "output" / "view.h5ad"
    output.parent.mkdir()
    return run(concat_command(paths, output, options, ["--virtual"])), outcome, output


def assert_shows(done: Run, outcome: Outcome, output: Path, axis: str) -> None:
    """In memory, backed, and read by the tool itself."""
    assert done.code == 0, done
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert_well_formed(output)
    expected = outcome.result
    assert expected is not None
    assert_equal(anndata.read_h5ad(output), expected, axis=None)
    if expected.X is not None and expected.n_obs and expected.n_vars:
        backed = anndata.read_h5ad(output, backed="r")
        first, last = expected.n_obs // 3, expected.n_obs // 3 * 2 + 1
        for rows in (slice(first, last), [0, expected.n_obs - 1]):
            assert_same(backed[rows].X, expected[rows].X)
        backed.file.close()
    copy = output.with_name("copy.h5ad")
    copied = run(concat_command([output], copy, {"axis": axis}, ["--allow-external"]))
    assert copied.code == 0, copied
    assert_same(anndata.read_h5ad(copy).X, expected.X)
    copy.unlink()


def assert_same(actual: Any, expected: Any) -> None:
    """The same numbers, whatever holds them."""
    if expected is None:
        assert actual is None
        return
    if sparse.issparse(actual) and sparse.issparse(expected):
        assert_values_equal(actual.asformat(expected.format), expected, "/X")
        return
    pair = [canonical(value).toarray() if sparse.issparse(value) else np.asarray(value) for value in (actual, expected)]
    assert pair[0].dtype == pair[1].dtype
    np.testing.assert_array_equal(pair[0], pair[1])


def make_pieces(seed: int) -> tuple[list[AnnData], dict[str, Any]]:
    """One random object in pieces, its matrices in the layout that can be stacked, and options that leave it so."""
    inputs, options = make_inputs(seed)
    options = {name: value for name, value in options.items() if name not in {"pairwise", "fill_value", "keys"}}
    by_var = options["axis"] == "var"
    whole = stackable(inputs[0], "csc" if by_var else "csr")
    rng = np.random.default_rng([seed, 30])
    length = whole.n_vars if by_var else whole.n_obs
    cuts = sorted(rng.integers(0, length + 1, size=rng.integers(0, 4)))
    pieces = []
    for first, last in zip([0, *cuts], [*cuts, length], strict=True):
        rows = slice(int(first), int(last))
        if first < last or length == 0:
            pieces.append((whole[:, rows] if by_var else whole[rows]).copy())
    return pieces or [whole], options


def stackable(adata: AnnData, layout: str) -> AnnData:
    """The same with sparse matrices of one layout; those of one axis only are csr."""

    def change(value: Any, to: str = layout) -> Any:
        return value.asformat(to) if sparse.issparse(value) else value

    adata.X = change(adata.X)
    for name in list(adata.layers):
        adata.layers[name] = change(adata.layers[name])
    for mapping in (adata.obsm, adata.varm):
        for name in list(mapping):
            mapping[name] = change(mapping[name], "csr")
    if adata.raw is not None:
        adata.raw = AnnData(change(adata.raw.X), obs=adata.obs[[]], var=adata.raw.var)
    return adata
