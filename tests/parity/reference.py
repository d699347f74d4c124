"""The right answer to a concatenation: `anndata.concat`, and what we do better than it.

`reference_concat` gives an `Outcome`. Every departure from plain `anndata.concat` is one named function in this
file, writes its name into `Outcome.departures`, and says why it exists. Nothing else may differ. Where newer versions
of anndata and pandas follow other rules than 0.12 and 2.3, `newer.py` undoes it, in the same way.
"""

from __future__ import annotations

import shutil
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anndata
import awkward
import numpy as np
import pandas as pd
from anndata import AnnData
from anndata._core import merge as anndata_merge
from scipy import sparse

from .element_dtype import Block, expected_dtype
from .newer import ANNDATA, PANDAS, narrow_dense_holes, types_of_pandas_2

X_AS_LAYER = "__x_as_layer__"


@dataclass
class Outcome:
    """What the tool must do: write `result`, or (where `result` is None) refuse."""

    result: AnnData | None = None
    error: str = ""
    may_refuse: str = ""
    """Why an error is as good as `result`: the reference's answer cannot be written."""
    departures: set[str] = field(default_factory=set)


def reference_concat(adatas: list[AnnData], **options: Any) -> Outcome:
    """What `annstream concat` must do for these inputs; `options` are those of `anndata.concat`."""
    outcome = Outcome()
    departures = outcome.departures
    adatas = with_one_index_type(adatas, departures)
    with warnings.catch_warnings(), our_rules(departures):
        warnings.simplefilter("ignore")
        try:
            result = concat_with_partial_x(adatas, options, outcome.departures)
        except Exception as error:  # whatever the reference raises, the tool has to refuse
            outcome.error = f"{type(error).__name__}: {error}"
            return outcome
        fix_elements(result, adatas, options, outcome.departures)
        if result.raw is not None:
            fix_raw(result, adatas, options, outcome.departures)
        name_empty_bools(result, adatas, outcome.departures)
        write_missing_strings(result, adatas, options, outcome.departures)
        write_missing_bools(result, outcome)
    if has_unions(result):
        departures.add("awkward_unions")
        outcome.error = "awkward arrays of unlike forms"
        return outcome
    if loses_bool_categories(result, adatas, options):
        departures.add("bool_categories")
        outcome.error = "categories of booleans beside categories of numbers"
        return outcome
    fill_bool_arrays(result, departures)
    outcome.result = result
    return outcome


@contextmanager
def our_rules(departures: set[str]):
    """Departures that need a change of the reference while it runs."""
    changes = (comparison_without_crash, missing_awkward_entries, narrow_dense_holes, types_of_pandas_2)
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(change(departures))
        yield


def with_one_index_type(adatas: list[AnnData], departures: set[str]) -> list[AnnData]:
    """Where some inputs have an index of nullable text and others of plain text, all count as plain.

    The reference sees equal labels of different types as a change: it then loses dtype and format of empty arrays.
    """
    for axis in ("obs", "var"):
        types = {type(getattr(adata, f"{axis}_names").array) for adata in adatas}
        if len(types) > 1:
            departures.add("index_types")
            adatas = [adata.copy() for adata in adatas]
            for adata in adatas:
                names = getattr(adata, f"{axis}_names")
                setattr(adata, f"{axis}_names", pd.Index(names.astype(object), name=names.name))
    return adatas


def through_file(outcome: Outcome, path: Path) -> Outcome:
    """The outcome as it is read back from a file; an answer that h5ad cannot hold is an error.

    A zarr store says the same as the file, where zarr-python can write one: not for text of two dimensions.
    """
    if outcome.result is None:
        return outcome
    file = path.with_suffix(".h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write(outcome.result, file)
        except Exception as error:
            remove(file)
            return Outcome(error=f"cannot be written: {type(error).__name__}: {str(error)[:200]}")
        if path != file:
            try:
                write(outcome.result, path)
                return replace(outcome, result=anndata.read_zarr(path))
            except Exception:
                remove(path)
        return replace(outcome, result=anndata.read_h5ad(file))


def remove(path: Path) -> None:
    """Removes a file or a store, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(adata: AnnData, path: Path) -> None:
    """Writes a file or a store, by the suffix."""
    if path.suffix != ".zarr":
        write_h5ad(adata, path)
        return
    anndata.settings.allow_write_nullable_strings = True
    adata.write_zarr(path, convert_strings_to_categoricals=False)


def write_h5ad(adata: AnnData, path: Path, **options: Any) -> None:
    """Writes without turning strings into categories."""
    anndata.settings.allow_write_nullable_strings = True
    adata.write_h5ad(path, convert_strings_to_categoricals=False, **options)


@contextmanager
def comparison_without_crash(departures: set[str]):
    """Equality for `same` and `unique`: symmetric, and total.

    The reference compares a later sparse value with an earlier dense one as unequal, the other way round by
    value. And it raises on some pairs of unlike types, for example a record array and a string. We compare by
    value in both orders, and unlike types are unequal.
    """

    def unique_value(values: list) -> Any:
        first = values[0]
        for value in values[1:]:
            if sparse.issparse(value) and isinstance(first, np.ndarray):
                departures.add("symmetric_equality")
                equal = value.shape == first.shape and anndata_merge.equal(value.toarray(), first)
            else:
                try:
                    equal = anndata_merge.equal(value, first)
                except Exception:
                    departures.add("total_equality")
                    equal = False
            if not equal:
                return anndata_merge.MissingVal
        return first

    original = anndata_merge.unique_value
    anndata_merge.unique_value = unique_value
    try:
        yield
    finally:
        anndata_merge.unique_value = original


@contextmanager
def missing_awkward_entries(departures: set[str]):
    """An awkward array of the other axis is missing (None) where an input lacks the label.

    The reference takes the last entry there: it pads the array to a length of one, not by one.
    """
    original = anndata_merge.Reindexer._apply_to_awkward

    def apply(self: Any, el: Any, *, axis: int, fill_value: Any = None) -> Any:
        if axis != 0 or self.no_change or not (self.idx == -1).any():
            return original(self, el, axis=axis, fill_value=fill_value)
        departures.add("awkward_holes")
        padded = awkward.concatenate([el, awkward.Array([None])])
        return padded[np.where(self.idx == -1, len(el), self.idx)]

    anndata_merge.Reindexer._apply_to_awkward = apply
    try:
        yield
    finally:
        anndata_merge.Reindexer._apply_to_awkward = original


def has_unions(result: AnnData) -> bool:
    """Whether arrays of unlike forms were put into a union, which we refuse to make."""
    members = [*result.obsm.values(), *result.varm.values()]
    return any(isinstance(value, awkward.Array) and "union[" in str(value.type) for value in members)


def loses_bool_categories(result: AnnData, adatas: list[AnnData], options: dict) -> bool:
    """Whether booleans and numbers are categories of one column; the reference turns the booleans into holes."""
    axis = "var" if options.get("axis", "obs") in {"var", 1} else "obs"
    tables = [(getattr(result, axis), [getattr(adata, axis) for adata in adatas])]
    for key, value in getattr(result, f"{axis}m").items():
        if isinstance(value, pd.DataFrame):
            tables.append((value, [getattr(adata, f"{axis}m").get(key) for adata in adatas]))
    for joined, frames in tables:
        for name in set(joined.columns) - {options.get("label")}:
            columns = [frame[name] for frame in frames if frame is not None and name in frame]
            kinds = {category_kind(column) for column in columns}
            if "b" in kinds and kinds & set("iuf"):
                return True
    return False


def category_kind(column: pd.Series) -> str:
    """The kind of numpy dtype that the categories have; empty if there are none."""
    if not isinstance(column.dtype, pd.CategoricalDtype) or not len(column.cat.categories):
        return ""
    return getattr(column.cat.categories.dtype, "kind", "")


def fill_bool_arrays(result: AnnData, departures: set[str]) -> None:
    """Bool arrays of the other axis with holes are float64; the reference's objects cannot be written."""
    for mapping in (result.obsm, result.varm, result.obsp, result.varp):
        for key, value in list(mapping.items()):
            is_object = isinstance(value, np.ndarray) and value.dtype == object and value.size
            if is_object and all(isinstance(item, (bool, float)) for item in value.ravel().tolist()):
                departures.add("dtype_rule")
                mapping[key] = value.astype("float64")


def concat_with_partial_x(adatas: list[AnnData], options: dict, departures: set[str]) -> AnnData:
    """X is treated like a layer when some inputs lack it, as anndata 0.13 does; 0.12 raises."""
    without_x = [adata.X is None for adata in adatas]
    if ANNDATA >= (0, 13) or all(without_x) or not any(without_x):
        return anndata.concat(adatas, **options)
    departures.add("partial_x")
    moved = []
    for adata in adatas:
        copy = adata.copy()
        if copy.X is not None:
            copy.layers[X_AS_LAYER] = copy.X
            copy.X = None
        moved.append(copy)
    result = anndata.concat(moved, **options)
    if X_AS_LAYER in result.layers:
        result.X = result.layers.pop(X_AS_LAYER)
    return result


def fix_elements(result: AnnData, adatas: list[AnnData], options: dict, departures: set[str]) -> None:
    """Brings dtype and sparse format of X, the layers and the main m-mapping to our rule."""
    by_var = options.get("axis", "obs") in {"var", 1}
    alt_names, main_m = ("obs_names", "varm") if by_var else ("var_names", "obsm")
    alt_labels = getattr(result, alt_names)
    fill_value = options.get("fill_value") if options.get("join", "inner") == "outer" else None

    def over_both_axes(values: list, array: Any) -> Any:
        blocks = [
            Block(None, None) if value is None else Block(value.dtype, getattr(adata, alt_names))
            for value, adata in zip(values, adatas, strict=True)
        ]
        array = fix_dtype(array, blocks, alt_labels, fill_value, departures)
        return fix_format(array, values, by_var=by_var, departures=departures)

    if result.X is not None:
        result.X = over_both_axes([adata.X for adata in adatas], result.X)
    for key in list(result.layers):
        result.layers[key] = over_both_axes([adata.layers.get(key) for adata in adatas], result.layers[key])
    mapping = getattr(result, main_m)
    for key, array in list(mapping.items()):
        values = [getattr(adata, main_m).get(key) for adata in adatas]
        if not isinstance(array, np.ndarray) and not sparse.issparse(array):
            continue
        if array.dtype.names is not None:
            continue
        blocks = [
            Block(None, None) if value is None else Block(value.dtype, pd.RangeIndex(value.shape[1]))
            for value in values
        ]
        mapping[key] = fix_dtype(array, blocks, pd.RangeIndex(array.shape[1]), fill_value, departures)


def fix_dtype(array: Any, blocks: list[Block], labels: pd.Index, fill_value: Any, departures: set[str]) -> Any:
    """The dtype of `element_dtype.expected_dtype`; differs from the reference only where that file says so."""
    dtype = expected_dtype(blocks, labels, fill_value, is_sparse=sparse.issparse(array))
    if dtype == array.dtype:
        return array
    lacking = any(block.dtype is None for block in blocks)
    zero_length = any(block.labels is not None and len(block.labels) == 0 for block in blocks)
    if not (lacking or zero_length or array.dtype == object):
        message = f"the dtype rule is wrong: reference {array.dtype}, rule {dtype}, {blocks}"
        raise AssertionError(message)
    departures.add("dtype_rule")
    return array.astype(dtype)


def fix_format(array: Any, values: list, *, by_var: bool, departures: set[str]) -> Any:
    """axis=var of nothing but csc stays csc; the reference always gives csr."""
    held = [value for value in values if value is not None]
    if by_var and sparse.issparse(array) and all(sparse.issparse(v) and v.format == "csc" for v in held):
        departures.add("csc_for_var")
        return sparse.csc_matrix(array)
    return array


def raw_as_anndata(adata: AnnData) -> AnnData:
    """The raw of `adata` as the reference concatenates it."""
    return AnnData(X=adata.raw.X, obs=pd.DataFrame(index=adata.obs_names), var=adata.raw.var, varm=dict(adata.raw.varm))


def fix_raw(result: AnnData, adatas: list[AnnData], options: dict, departures: set[str]) -> None:
    """raw follows the same rules as the rest."""
    kept = {k: v for k, v in options.items() if k not in {"merge", "uns_merge", "pairwise"}}
    raw = AnnData(
        X=result.raw.X,
        obs=pd.DataFrame(index=result.obs_names),
        var=result.raw.var,
        varm=dict(result.raw.varm),
    )
    raws = [raw_as_anndata(adata) for adata in adatas]
    fix_elements(raw, raws, kept, departures)
    write_missing_strings(raw, raws, options, departures)
    result.raw = raw


def frames_of(adata: AnnData) -> dict[str, pd.DataFrame]:
    """Every dataframe that a concatenation makes."""
    frames = {"obs": adata.obs, "var": adata.var}
    if adata.raw is not None:
        frames["raw/var"] = adata.raw.var
    for name in ("obsm", "varm"):
        members = getattr(adata, name).items()
        frames.update({f"{name}/{key}": value for key, value in members if isinstance(value, pd.DataFrame)})
    return frames


def write_missing_strings(result: AnnData, adatas: list[AnnData], options: dict, departures: set[str]) -> None:
    """Strings with holes become nullable strings; the reference's object column with NaN cannot be written."""
    for place, frame in frames_of(result).items():
        for name in frame.columns:
            column = frame[name]
            if column.dtype != object or not column.isna().any():
                continue
            if all(isinstance(value, str) for value in column.dropna()):
                departures.add("nullable_strings")
                frame[name] = column.astype(type_of_missing_strings(place, name, adatas, options))


def type_of_missing_strings(place: str, name: str, adatas: list[AnnData], options: dict) -> pd.StringDtype:
    """Missing text is NA beside inputs that show it so, on the main axis, and else NaN, as pandas shows holes in text.

    Up to pandas 2 and anndata 0.12 the two are read from a file alike, as NA.
    """
    axis = "var" if options.get("axis", "obs") in {"var", 1} else "obs"
    if PANDAS < (3, 0):
        return pd.StringDtype()
    if place == axis or place.startswith(f"{axis}m/"):
        frames = [frames_of(adata).get(place) for adata in adatas]
        dtypes = [frame[name].dtype for frame in frames if frame is not None and name in frame]
        if any(isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA for dtype in dtypes):
            return pd.StringDtype()
    return pd.StringDtype(na_value=np.nan)


def name_empty_bools(result: AnnData, adatas: list[AnnData], departures: set[str]) -> None:
    """Bools of which nothing but holes is left are nullable booleans; their objects do not say what they were."""
    bools = {
        name
        for adata in adatas
        for frame in frames_of(adata).values()
        for name in frame.columns
        if frame[name].dtype == bool
    }
    for frame in frames_of(result).values():
        for name in bools.intersection(frame.columns):
            if frame[name].dtype == object and len(frame) and frame[name].isna().all():
                departures.add("nullable_bools")
                frame[name] = frame[name].astype("boolean")


def write_missing_bools(result: AnnData, outcome: Outcome) -> None:
    """Bools with holes on the alt axis may become nullable booleans (as they do on the main axis).

    The reference's object column cannot be written, so refusing is right as well.
    """
    for frame in frames_of(result).values():
        for name in frame.columns:
            column = frame[name]
            if column.dtype != object or not len(column.dropna()):
                continue
            if all(isinstance(value, (bool, np.bool_)) for value in column.dropna()):
                outcome.departures.add("nullable_bools")
                outcome.may_refuse = f"column {name!r} of bools with holes"
                frame[name] = column.astype("boolean")
