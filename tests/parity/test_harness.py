"""The harness itself: it finds damage, and it departs from `anndata.concat` only where it says so."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from anndata._core import merge as anndata_merge
from scipy import sparse

from .compare import assert_equal
from .families import make_family
from .family_columns import make_columns, make_frame
from .file_layout import assert_well_formed
from .newer import PANDAS, ignore_valueless
from .reference import Outcome, reference_concat, write_h5ad
from .runner import Run, judge


def make_result() -> AnnData:
    """An object with one element of each kind."""
    x = sparse.csr_matrix(np.array([[0, 1, 2], [3, 0, 4], [0, 0, 5]], dtype="float32"))
    obs = pd.DataFrame(
        {
            "group": pd.Categorical(["a", None, "b"], categories=["a", "b", "unused"]),
            "size": np.array([1, 2, 3], dtype="int32"),
            "score": [0.5, np.nan, 1.5],
            "note": pd.array(["x", None, "z"], dtype="string"),
            "count": pd.array([1, None, 3], dtype="Int16"),
        },
        index=pd.Index(["c0", "c1", "c2"], name="barcode"),
    )
    adata = AnnData(X=x, obs=obs, var=pd.DataFrame({"gene": list("uvw")}, index=["g0", "g1", "g2"]))
    adata.layers["dense"] = np.array([[np.nan, 1, 2]] * 3)
    adata.obsm["X_pca"] = np.arange(6.0, dtype="float32").reshape(3, 2)
    adata.obsm["table"] = pd.DataFrame({"p": [True, False, True]}, index=adata.obs_names)
    adata.obsp["graph"] = sparse.csr_matrix(np.eye(3))
    adata.varm["PCs"] = np.ones((3, 2))
    adata.uns = {"nested": {"number": 1, "list": np.array([1, 2])}, "none": None, "text": "t"}
    adata.uns["records"] = np.rec.fromarrays([[1, 2], ["a", "b"]], names=["n", "s"])
    adata.raw = adata[:, :2].copy()
    return adata


def unsort(adata: AnnData) -> None:
    """Reverses the entries of the first row of X."""
    adata.X.indices[:2] = adata.X.indices[:2][::-1].copy()
    adata.X.data[:2] = adata.X.data[:2][::-1].copy()


def replace_raw(adata: AnnData, name: str) -> None:
    """Renames a column of raw.var."""
    raw = adata.raw.to_adata()
    raw.var = raw.var.rename(columns={"gene": name})
    adata.raw = raw


def set_categories(adata: AnnData, **options: object) -> None:
    """Another categorical dtype for obs['group']."""
    adata.obs["group"] = adata.obs["group"].cat.set_categories(**options)


def add_to(array: np.ndarray, position: tuple | int, value: float) -> None:
    """Changes one number in place."""
    array[position] += value


DAMAGES: dict[str, tuple[Callable[[AnnData], object], str]] = {
    "value of X": (lambda a: add_to(a.X.data, 2, 1), "/X"),
    "dtype of X": (lambda a: setattr(a, "X", a.X.astype("float64")), "/X"),
    "format of X": (lambda a: setattr(a, "X", a.X.tocsc()), "/X"),
    "X dense": (lambda a: setattr(a, "X", a.X.toarray()), "/X"),
    "X absent": (lambda a: setattr(a, "X", None), "/X"),
    "X unsorted": (unsort, "/X"),
    "label of obs": (lambda a: setattr(a, "obs_names", ["c0", "c1", "c3"]), "/obs.index"),
    "name of the index": (lambda a: setattr(a.obs.index, "name", None), "/obs.index"),
    "column order": (lambda a: setattr(a, "obs", a.obs[a.obs.columns[::-1]]), "/obs.columns"),
    "column absent": (lambda a: setattr(a, "obs", a.obs.drop(columns="size")), "/obs.columns"),
    "dtype of a column": (lambda a: a.obs.__setitem__("size", a.obs["size"].astype("int64")), "/obs['size']"),
    "value of a column": (lambda a: a.obs.__setitem__("size", np.array([1, 2, 4], "int32")), "/obs['size']"),
    "NaN to zero": (lambda a: a.obs.__setitem__("score", [0.5, 0, 1.5]), "/obs['score']"),
    "category order": (lambda a: set_categories(a, new_categories=["b", "a", "unused"]), "/obs['group'].cat"),
    "unused category": (lambda a: set_categories(a, new_categories=["a", "b"]), "/obs['group'].cat"),
    "ordered": (lambda a: a.obs.__setitem__("group", a.obs["group"].cat.as_ordered()), "/obs['group']"),
    "code": (lambda a: a.obs.__setitem__("group", a.obs["group"].fillna("a")), "/obs['group'].codes"),
    "category to text": (lambda a: a.var.__setitem__("gene", a.var["gene"].astype("category")), "/var['gene']"),
    "missing text": (lambda a: a.obs.__setitem__("note", pd.array(["x", "", "z"], "string")), "/obs['note']"),
    "missing integer": (lambda a: a.obs.__setitem__("count", pd.array([1, 0, 3], "Int16")), "/obs['count']"),
    "width of integer": (lambda a: a.obs.__setitem__("count", a.obs["count"].astype("Int64")), "/obs['count']"),
    "NaN of a layer": (lambda a: add_to(a.layers["dense"], (0, 1), np.nan), "/layers/dense"),
    "layer absent": (lambda a: a.layers.pop("dense"), "/layers"),
    "value of obsm": (lambda a: add_to(a.obsm["X_pca"], (2, 1), 1), "/obsm/X_pca"),
    "width of obsm": (lambda a: a.obsm.__setitem__("X_pca", a.obsm["X_pca"][:, :1].copy()), "/obsm/X_pca"),
    "frame to array": (lambda a: a.obsm.__setitem__("table", a.obsm["table"].to_numpy()), "/obsm/table"),
    "value of obsp": (lambda a: add_to(a.obsp["graph"].data, 0, 1), "/obsp/graph"),
    "extra varm": (lambda a: a.varm.__setitem__("more", np.ones((3, 1))), "/varm"),
    "number of uns": (lambda a: a.uns["nested"].__setitem__("number", 2), "/uns/nested/number"),
    "type of uns": (lambda a: a.uns["nested"].__setitem__("number", 1.0), "/uns/nested/number"),
    "dtype in uns": (lambda a: a.uns["nested"].__setitem__("list", np.array([1.0, 2])), "/uns/nested/list"),
    "None in uns": (lambda a: a.uns.__setitem__("none", "None"), "/uns/none"),
    "key of uns": (lambda a: a.uns.pop("text"), "/uns"),
    "records": (lambda a: add_to(a.uns["records"]["n"], 0, 1), "/uns/records"),
    "raw absent": (lambda a: setattr(a, "raw", None), "/raw"),
    "raw.X": (lambda a: add_to(a.raw.X.data, 0, 1), "/raw/X"),
    "raw.var": (lambda a: replace_raw(a, "other"), "/raw/var"),
    "fewer rows": (lambda a: a._inplace_subset_obs([0, 1]), "/"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found(name: str) -> None:
    """Each damage makes the comparison fail, and the message names the element."""
    damage, element = DAMAGES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        actual, expected = make_result(), make_result()
        assert_equal(actual, expected)
        damage(actual)
    with pytest.raises(AssertionError) as caught:
        assert_equal(actual, expected)
    assert str(caught.value).startswith(element), str(caught.value)


def test_tolerated_differences() -> None:
    """Explicit zeros, duplicate entries and 64-bit indices are no difference."""
    actual, expected = make_result(), make_result()
    x = expected.X
    actual.X = sparse.csr_matrix((3, 3), dtype="float32")
    actual.X.data = np.array([0, 1, 1, 1, 3, 4, 5], dtype="float32")
    actual.X.indices = np.array([0, 1, 2, 2, 0, 2, 2], dtype="int64")
    actual.X.indptr = np.array([0, 4, 6, 7], dtype="int64")
    assert (x != actual.X).nnz == 0
    assert_equal(actual, expected)


@pytest.mark.parametrize("lost", ["uns", "obs", "X", "obs/size", "obsm"])
def test_layout_damage_is_found(lost: str, tmp_path: Path) -> None:
    """A file that lacks an encoding is not well formed."""
    import h5py

    path = tmp_path / "result.h5ad"
    write_h5ad(make_result(), path)
    assert_well_formed(path)
    with h5py.File(path, "r+") as file:
        del file[lost].attrs["encoding-type"]
    with pytest.raises(AssertionError):
        assert_well_formed(path)


def test_verdicts(tmp_path: Path) -> None:
    """A wrong exit code, a silent refusal and a file left behind are all found."""
    output = tmp_path / "output" / "out.h5ad"
    output.parent.mkdir()
    refusal, answer = Outcome(error="duplicate labels"), Outcome(result=make_result())
    judge(Run([], 4, "error: duplicate labels"), refusal, output, "obs")
    for run, outcome in [
        (Run([], 0, ""), refusal),
        (Run([], 4, ""), refusal),
        (Run([], 101, "panicked"), refusal),
        (Run([], -9, "killed"), refusal),
        (Run([], 4, "error"), answer),
        (Run([], 0, ""), answer),
    ]:
        with pytest.raises(AssertionError):
            judge(run, outcome, output, "obs")
    output.with_suffix(".partial").write_text("left")
    with pytest.raises(AssertionError):
        judge(Run([], 4, "error: duplicate labels"), refusal, output, "obs")


@pytest.mark.parametrize("seed", range(30))
def test_no_departure_means_plain_anndata(seed: int, tmp_path: Path) -> None:
    """Where no departure is noted, what is expected is what `anndata.concat` returns, untouched."""
    family = make_family(seed, tmp_path)
    outcome = reference_concat(family.adatas, **family.options)
    if outcome.departures:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = anndata.concat(family.adatas, **family.options)
        except Exception:
            assert outcome.result is None
            return
    assert_equal(outcome.result, plain, axis=None)


@pytest.mark.parametrize("seed", range(300 if PANDAS < (3, 0) else 0))
def test_valueless_columns_of_pandas_2(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `ignore_valueless` the rule of pandas 3, by which all columns count, gives what pandas 2 gives."""
    from pandas.core.internals.concat import JoinUnit

    rng = np.random.default_rng([seed, 6])
    plans = make_columns(rng, int(rng.integers(2, 5)))
    frames = [make_frame(rng, plan, pd.RangeIndex(rng.choice([0, 1, 2, 5]))) for plan in plans]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = anndata_merge.unify_dtypes(frames)
        expected = pd.concat(frames, ignore_index=True)
        monkeypatch.setattr(JoinUnit, "is_na", property(lambda unit: unit.block.dtype.kind == "V"))
        actual = pd.concat(ignore_valueless(frames, set()), ignore_index=True)
    pd.testing.assert_frame_equal(actual, expected)


def test_families_are_reproducible_and_varied(tmp_path: Path) -> None:
    """A seed gives the same inputs twice; another seed gives others."""
    names = []
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / folder).mkdir()
        names.append(make_family(seed, tmp_path / folder))
    for one, other in zip(names[0].adatas, names[1].adatas, strict=True):
        assert_equal(one, other, axis=None)
    assert repr(names[0].adatas) != repr(names[2].adatas)
