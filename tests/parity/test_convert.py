"""`annstream convert` changes the form and not the object: what anndata reads stays equal, element by element.

`ANNSTREAM_SEEDS=0:2000` chooses the random inputs (default 0:100), `ANNSTREAM_WIDE=1` all combinations of the rest.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import anndata
import awkward
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from scipy import sparse

from . import real_data
from .combinations import covering
from .compare import assert_equal, assert_values_equal
from .families import make_family
from .family_columns import KINDS, column
from .family_uns import LEAVES
from .family_zarr import read
from .file_layout import assert_well_formed
from .reference import remove, write_h5ad
from .runner import Run, run

FIRST, LAST = (int(part) for part in os.environ.get("ANNSTREAM_SEEDS", "0:100").split(":"))
FORMATS = {"h5ad": ("h5ad", []), "zarr2": ("zarr", ["--zarr-format=2"]), "zarr3": ("zarr", ["--zarr-format=3"])}
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "keep": lambda x: x,
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "dense": lambda x: x.toarray() if sparse.issparse(x) else x,
}
STORES = ["kang_ctrl.v2.zarr", "kang_stim.v3.zarr", "misc/blobs_table.v2.zarr", "misc/blobs_table.v3.zarr"]


def convert(source: Path, target: Path, *arguments: object) -> Run:
    """Runs `annstream convert`."""
    return run(["convert", str(source), str(target), "--progress=off", *map(str, arguments)])


def converted(source: Path, target: Path, *arguments: object) -> anndata.AnnData:
    """What anndata reads of the output, which must be complete."""
    done = convert(source, target, *arguments)
    assert done.code == 0, done
    assert_well_formed(target)
    return read(target)


def expected(adata: anndata.AnnData, layout: str, dtype: str | None = None) -> anndata.AnnData:
    """The object with X and layers in another layout and type."""
    result = adata.copy()

    def change(value: Any) -> Any:
        """One matrix."""
        value = LAYOUTS[layout](value)
        return value if dtype is None else value.astype(dtype)

    if result.X is not None:
        result.X = change(result.X)
    for name, value in list(result.layers.items()):
        result.layers[name] = change(value)
    return result


def half(adata: anndata.AnnData) -> bool:
    """Whether a dense matrix holds half floats, which scipy has no sparse matrices of."""
    return any(getattr(value, "dtype", None) == np.float16 for value in [adata.X, *adata.layers.values()])


def make_rich(layout: str = "csr", dtype: str = "float32") -> anndata.AnnData:
    """A small object with every kind of element that anndata can write."""
    rng = np.random.default_rng(5)
    n_obs, n_vars = 30, 17
    dense = rng.poisson(0.6, (n_obs, n_vars)).astype(dtype)
    make = LAYOUTS[layout]
    kinds = sorted(set(KINDS))
    obs = pd.DataFrame({kind: column(rng, kind, n_obs) for kind in kinds}, index=[f"cell {i}" for i in range(n_obs)])
    var = pd.DataFrame({kind: column(rng, kind, n_vars) for kind in kinds}, index=[f"β{i}" for i in range(n_vars)])
    var.index.name = "gene"
    adata = anndata.AnnData(make(dense), obs=obs, var=var)
    adata.layers["counts"] = make(dense * 2)
    adata.obsm["pca"] = rng.normal(size=(n_obs, 3))
    adata.obsm["cube"] = rng.normal(size=(n_obs, 3, 2))
    adata.obsm["table"] = obs[["Int8", "category_str", "string"]]
    adata.obsm["sparse"] = sparse.csc_matrix(dense)
    adata.obsm["lists"] = awkward.Array([list(range(i % 4)) for i in range(n_obs)])
    adata.varm["loadings"] = rng.normal(size=(n_vars, 2)).astype("float32")
    adata.obsp["near"] = sparse.csr_matrix(np.eye(n_obs, dtype="float32"))
    adata.varp["dense"] = rng.normal(size=(n_vars, n_vars))
    adata.uns = {**{name: make_leaf(0) for name, make_leaf in LEAVES.items()}, "deep": {"er": {"none": None, "x": 1}}}
    adata.raw = anndata.AnnData(make(dense), obs=obs[[]], var=var[["str", "bool"]])
    return adata


def write(adata: anndata.AnnData, path: Path, zarr_format: int = 2) -> Path:
    """Writes a file or store."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == ".h5ad":
            write_h5ad(adata, path)
        else:
            with anndata.settings.override(allow_write_nullable_strings=True, zarr_write_format=zarr_format):
                adata.write_zarr(path)
    return path


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, anndata.AnnData]]:
    """Such an object in a format and layout, and what anndata reads of it."""
    folder = tmp_path_factory.mktemp("rich")

    @cache
    def get(form: str, layout: str, dtype: str = "float32") -> tuple[Path, anndata.AnnData]:
        """Written and read once; not to be changed."""
        path = folder / f"{form}-{layout}-{dtype}.{FORMATS[form][0]}"
        write(make_rich(layout, dtype), path, int(form[-1]) if form != "h5ad" else 2)
        return path, read(path)

    return get


@pytest.mark.parametrize(
    ("before", "after", "layout", "to"), covering(FORMATS, FORMATS, ["csr", "csc", "dense"], LAYOUTS, strength=3)
)
def test_every_pair(before: str, after: str, layout: str, to: str, rich: Callable, tmp_path: Path) -> None:
    """Every element arrives, from every format and layout in every other, and comes back."""
    path, adata = rich(before, layout)
    suffix, flags = FORMATS[after]
    target = tmp_path / f"{to}.{suffix}"
    assert_equal(converted(path, target, f"--layout={to}", *flags), expected(adata, to), axis=None)
    suffix, flags = FORMATS[before]
    back = tmp_path / f"back.{suffix}"
    assert_equal(converted(target, back, f"--layout={layout}", *flags), adata, axis=None)


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_seed(seed: int, tmp_path: Path) -> None:
    """Random inputs, in a random format and layout; and back."""
    family = make_family(seed, tmp_path)
    rng = np.random.default_rng([seed, 9])
    for i, (path, adata) in enumerate(zip(family.paths, family.adatas, strict=True)):
        form = str(rng.choice(list(FORMATS)))
        layout = "keep" if half(adata) else str(rng.choice(list(LAYOUTS)))
        suffix, flags = FORMATS[form]
        target = tmp_path / f"out{i}.{suffix}"
        chunks = [[], ["--chunk=7"], ["--compression=gzip", "--chunk=64"]][rng.integers(0, 3)]
        resources = [["--memory=64M", "--threads=1"], ["--threads=3"]][rng.integers(0, 2)]
        actual = converted(path, target, f"--layout={layout}", *flags, *chunks, *resources)
        problem = f"seed {seed}, input {i} as {form} {layout}"
        want = expected(adata, layout)
        drop_raw_without_rows(actual, want)
        assert_equal(actual, want, path=problem, axis=None)
        back = tmp_path / f"back{i}.h5ad"
        again = converted(target, back)
        drop_raw_without_rows(again)
        assert_equal(again, actual, path=f"{problem}, back", axis=None)
    for path in [*tmp_path.glob("*.h5ad"), *tmp_path.glob("*.zarr*")]:
        remove(path)


def drop_raw_without_rows(*adatas: anndata.AnnData) -> None:
    """anndata does not read raw of a zarr store without observations."""
    for adata in adatas:
        if adata.raw is not None and not adata.n_obs:
            del adata.raw


@pytest.mark.parametrize(("name", "layout", "form"), covering([*real_data.ALL, *STORES], LAYOUTS, FORMATS))
def test_real(name: str, layout: str, form: str, tmp_path: Path) -> None:
    """Real files of every age."""
    path = real_data.path_of(name)
    adata = real_data.read(path) if path.suffix == ".h5ad" else read(path)
    suffix, flags = FORMATS[form]
    actual = converted(path, tmp_path / f"out.{suffix}", f"--layout={layout}", *flags)
    assert_equal(actual, expected(adata, layout), axis=None)


@pytest.mark.parametrize("form", FORMATS)
def test_archive(form: str, tmp_path: Path) -> None:
    """A store in a zip archive."""
    path = real_data.path_of("legacy/anndata_v0.7.8.zarr.zip")
    first = tmp_path / "first.h5ad"
    adata = converted(path, first)
    assert adata.n_obs == 30
    suffix, flags = FORMATS[form]
    assert_equal(converted(path, tmp_path / f"out.{suffix}", *flags), adata, axis=None)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize(
    ("before", "after"),
    [("float32", "float64"), ("float64", "float32"), ("float32", "uint8"), ("int64", "int32"), ("uint16", "float32")],
)
def test_dtype(before: str, after: str, layout: str, to: str, rich: Callable, tmp_path: Path) -> None:
    """X and layers change their type, nothing else does."""
    source, adata = rich("h5ad", layout, before)
    actual = converted(source, tmp_path / "out.h5ad", f"--layout={to}", f"--dtype={after}")
    assert_equal(actual, expected(adata, to, after), axis=None)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("to", ["csr", "csc", "dense"])
@pytest.mark.parametrize(("value", "dtype"), [(300.0, "uint8"), (-1.0, "uint16"), (2.5, "int32"), (1e300, "float32")])
def test_dtype_that_does_not_fit(value: float, dtype: str, layout: str, to: str, tmp_path: Path) -> None:
    """A value that the type cannot hold is named by row and column, and nothing is left."""
    matrix = np.ones((20, 6))
    matrix[13, 4] = value
    source = write(anndata.AnnData(LAYOUTS[layout](matrix)), tmp_path / "in.h5ad")
    target = tmp_path / "out.h5ad"
    done = convert(source, target, f"--layout={to}", f"--dtype={dtype}")
    assert done.code == 4, done
    assert "in.h5ad: X: row 13: value" in done.stderr, done
    assert "column 4 is not exact" in done.stderr, done
    assert not target.exists()


def test_rounding_is_for_doubles_only(tmp_path: Path) -> None:
    """float64 becomes float32 by rounding; an int64 that float64 cannot hold does not."""
    source = write(anndata.AnnData(np.full((3, 2), 0.1)), tmp_path / "tenth.h5ad")
    assert (np.float32(0.1) == converted(source, tmp_path / "single.h5ad", "--dtype=float32").X).all()
    source = write(anndata.AnnData(np.full((3, 2), 2**53 + 1)), tmp_path / "long.h5ad")
    done = convert(source, tmp_path / "double.h5ad", "--dtype=float64")
    assert (done.code, "9007199254740993" in done.stderr) == (4, True), done


@pytest.mark.parametrize("to", ["csr", "csc", "dense"])
def test_order_and_duplicates(to: str, tmp_path: Path) -> None:
    """Unsorted rows with repeated columns and explicit zeros mean what scipy says they mean."""
    data, indices, indptr = [1, 2, 0, 4, 5, 6], [3, 0, 1, 3, 3, 2], [0, 4, 4, 6]
    matrix = sparse.csr_matrix((np.array(data, dtype="float64"), indices, indptr), shape=(3, 4))
    source = tmp_path / "in.h5ad"
    write(anndata.AnnData(matrix.copy()), source)
    actual = converted(source, tmp_path / "out.h5ad", f"--layout={to}")
    assert_values_equal(actual.X, LAYOUTS[to](matrix), "/X")


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (1, 1)])
@pytest.mark.parametrize(("layout", "to"), list(product(["csr", "csc", "dense"], repeat=2)))
@pytest.mark.parametrize("form", ["h5ad", "zarr3"])
def test_empty(shape: tuple[int, int], layout: str, to: str, form: str, tmp_path: Path) -> None:
    """Nothing is converted, too."""
    source = write(anndata.AnnData(LAYOUTS[layout](np.zeros(shape, dtype="float32"))), tmp_path / "in.h5ad")
    suffix, flags = FORMATS[form]
    actual = converted(source, tmp_path / f"out.{suffix}", f"--layout={to}", *flags)
    assert_equal(actual, expected(read(source), to), axis=None)


def encodings(path: Path) -> dict[str, str]:
    """The encoding of every element of a file or store."""
    found: dict[str, str] = {}
    if path.is_file():
        with h5py.File(path) as file:
            file.visititems(lambda name, node: found.update({name: node.attrs.get("encoding-type", "")}))
        return found
    root = zarr.open_group(path, mode="r")
    return {name: node.attrs.get("encoding-type", "") for name, node in root.members(max_depth=None)}


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
@pytest.mark.parametrize(("version", "lacks"), [("0.8", True), ("0.10", True), ("0.12", False), ("0.13", False)])
def test_compat(version: str, lacks: bool, suffix: str, rich: Callable, tmp_path: Path) -> None:
    """Encodings that a version does not read are rewritten; the values stay."""
    path, adata = rich("h5ad", "csr")
    if version == "0.8":
        adata = adata.copy()
        del adata.uns["awkward"], adata.obsm["lists"]
        path = write(adata, tmp_path / "in.h5ad")
    target = tmp_path / f"out.{suffix}"
    actual = converted(path, target, f"--compat=anndata={version}")
    found = set(encodings(target).values())
    assert ("nullable-string-array" in found, "null" in found) == (not lacks, not lacks)
    assert (target / ".zgroup").exists() == (suffix == "zarr" and lacks)
    assert "nullable-integer" in found
    assert "categorical" in found
    if not lacks:
        assert_equal(actual, adata, axis=None)
        return
    assert "none" not in actual.uns
    assert list(actual.uns["deep"]["er"]) == ["x"]
    for have, want in [(actual.obs, adata.obs), (actual.var, adata.var), (actual.obsm["table"], adata.obsm["table"])]:
        same = have["string"].astype("string"), want["string"].astype("string")
        assert same[0].isna().equals(same[1].isna())
        assert same[0].dropna().equals(same[1].dropna())
    restored = actual.copy()
    restored.uns["none"] = restored.uns["deep"]["er"]["none"] = None
    for have, want in [(restored.obs, adata.obs), (restored.var, adata.var)]:
        have["string"] = want["string"]
    restored.obsm["table"]["string"] = adata.obsm["table"]["string"]
    assert_equal(restored, adata, axis=None)


@pytest.mark.parametrize("holes", [False, True])
def test_compat_of_strings(holes: bool, tmp_path: Path) -> None:
    """Strings of which none is missing become plain, the others categories in order."""
    values = pd.array(["b", None if holes else "c", "a"], dtype="string")
    source = write(anndata.AnnData(obs=pd.DataFrame({"s": values}, index=list("xyz"))), tmp_path / "in.h5ad")
    target = tmp_path / "out.h5ad"
    done = convert(source, target, "--compat=0.8")
    assert done.code == 0, done
    assert encodings(target)["obs/s"] == ("categorical" if holes else "string-array")
    assert "obs/s" in done.stderr
    column = read(target).obs["s"]
    assert list(column.cat.categories if holes else column) == (["a", "b"] if holes else ["b", "c", "a"])


def test_compat_refuses_awkward_arrays(tmp_path: Path) -> None:
    """What cannot be said at all is refused by name, already in the plan."""
    source = write(make_rich(), tmp_path / "in.h5ad")
    for flags in ([], ["--plan"]):
        done = convert(source, tmp_path / "out.h5ad", "--compat=anndata=0.8", *flags)
        assert done.code == 3, done
        assert "obsm/lists" in done.stderr
        assert "awkward" in done.stderr
    assert not (tmp_path / "out.h5ad").exists()


def test_chunks_compression_and_shards(tmp_path: Path) -> None:
    """What is asked for is what stands on disk."""
    source = write(make_rich(), tmp_path / "in.h5ad")
    file_target, store = tmp_path / "out.h5ad", tmp_path / "out.zarr"
    converted(source, file_target, "--chunk=32", "--compression=gzip:2")
    with h5py.File(file_target) as file:
        assert file["X/data"].chunks == (32,)
        assert file["X/data"].compression_opts == 2
        assert file["obsm/pca"].chunks == (30, 3)
    converted(source, store, "--chunk=8", "--layout=dense", "--shard=2K", "--compression=zstd")
    array = zarr.open_array(store / "X", mode="r")
    assert array.chunks == (8, 17)
    assert array.shards == (24, 17)
    other = tmp_path / "other.zarr"
    converted(source, other, "--chunk=8", "--layout=dense", "--shard=0")
    assert zarr.open_array(other / "X", mode="r").shards is None
