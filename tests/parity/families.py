"""Random families of inputs for concat, reproducible from a seed.

`make_family(seed, folder)` builds 1 to 5 AnnData objects and the options of a concat, writes each to an h5ad
file (with a random compression), and reads it back, so that what is concatenated in memory is what the file
says.
"""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from . import family_zarr
from .family_arrays import make_embeddings, make_matrices
from .family_columns import make_columns, make_frame, make_lookup
from .family_extras import add_extras
from .family_files import disguise
from .family_uns import make_uns
from .newer import PANDAS
from .reference import write_h5ad

STRATEGIES = [None, "same", "unique", "first", "only"]
SPECIAL_NAMES = ["", "é", "β2", "基因", "🧬", "ﬀ", "with space", "a,b", "x:y"]


@dataclass
class Family:
    """Inputs as files and as read back, and the options of `anndata.concat`."""

    seed: int
    paths: list[Path]
    adatas: list[AnnData]
    options: dict[str, Any]


def make_family(seed: int, folder: Path) -> Family:
    """The family of `seed`; its files go to `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adatas, options = make_inputs(seed)
        add_extras(seed, adatas, options)
        rng, disguises = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 4])
        paths = [folder / f"input {i}.h5ad" for i in range(len(adatas))]
        for adata, path in zip(adatas, paths, strict=True):
            write_input(rng, adata, path)
            disguise(disguises, path)
        inputs = [read_input(path) for path in paths]
        use_zarr(np.random.default_rng([seed, 6]), paths, inputs)
        return Family(seed, paths, inputs, options)


def use_zarr(rng: np.random.Generator, paths: list[Path], inputs: list[AnnData]) -> None:
    """Replaces some of the files by zarr stores."""
    if rng.random() < 0.5:
        return
    for i, path in enumerate(paths):
        if rng.random() < 0.3:
            continue
        store = path.with_suffix(".zarr")
        try:
            written = native_input(family_zarr.rewrite(rng, inputs[i], store))
            if (written.raw is None) != (inputs[i].raw is None):
                raise ValueError("anndata does not read raw of a store without observations")
            inputs[i] = written
        except Exception:
            # What zarr-python cannot write stays as it is.
            shutil.rmtree(store, ignore_errors=True)
            store.with_suffix(".zarr.zip").unlink(missing_ok=True)
            continue
        packed = store.with_suffix(".zarr.zip")
        paths[i] = packed if packed.exists() else store


def write_input(rng: np.random.Generator, adata: AnnData, path: Path) -> None:
    """Writes one input; strings stay strings."""
    as_dense = ("X",) if rng.random() < 0.1 and adata.X is not None and not isinstance(adata.X, np.ndarray) else ()
    compression = rng.choice(np.array([None, "gzip", "lzf"], dtype=object))
    write_h5ad(adata, path, compression=compression, as_dense=as_dense)


def read_input(path: Path) -> AnnData:
    """The input in memory, its numbers in the order of bytes that pandas and scipy can work with."""
    return native_input(anndata.read_h5ad(path))


def native_input(adata: AnnData) -> AnnData:
    """The same, its numbers in native order of bytes."""
    adata.X = native(adata.X)
    for name in ("layers", "obsm", "varm"):
        mapping = getattr(adata, name)
        for key, value in list(mapping.items()):
            mapping[key] = native(value)
    return adata


def native(value: Any) -> Any:
    """A dense array in native order of bytes; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.names is None and not value.dtype.isnative:
        return value.astype(value.dtype.newbyteorder("="))
    return value


def make_inputs(seed: int) -> tuple[list[AnnData], dict[str, Any]]:
    """The objects and the options, before they are written."""
    rng = np.random.default_rng([seed, 0])
    n_inputs = int(rng.choice([1, 2, 3, 4, 5], p=[0.1, 0.35, 0.3, 0.15, 0.1]))
    options = make_options(rng, n_inputs)
    by_var = options["axis"] == "var"
    mains = make_main_labels(rng, n_inputs)
    alts = make_alt_labels(rng, n_inputs)
    main_frames = with_names(rng, mains, make_columns(rng, n_inputs))
    alt_frames = make_alt_frames(rng, alts)
    sides = (alt_frames, main_frames) if by_var else (main_frames, alt_frames)
    shapes = [(len(obs), len(var)) for obs, var in zip(*sides, strict=True)]
    adatas = []
    mixed_x = rng.random() < 0.08
    matrices = make_matrices(rng, shapes, may_lack=mixed_x)
    if rng.random() < 0.08:
        matrices = [None] * n_inputs
    for x, obs, var in zip(matrices, *sides, strict=True):
        adatas.append(AnnData(X=x, obs=obs, var=var))
    add_layers(rng, adatas, shapes)
    main_m, main_p = ("varm", "varp") if by_var else ("obsm", "obsp")
    alt_m, alt_p = ("obsm", "obsp") if by_var else ("varm", "varp")
    for key in ["X_pca", "spatial"][: rng.integers(0, 3)]:
        values = make_embeddings(rng, [frame.index for frame in main_frames])
        put(adatas, main_m, key, values)
    add_alt_embeddings(rng, adatas, alt_m, alt_frames)
    for mapping, frames in ((main_p, main_frames), (alt_p, alt_frames)):
        if rng.random() < 0.4:
            squares = [(len(frame), len(frame)) for frame in frames]
            put(adatas, mapping, "connectivities", make_matrices(rng, squares, may_lack=True))
    for adata, uns in zip(adatas, make_uns(rng, n_inputs), strict=True):
        adata.uns = uns
    add_raws(rng, adatas, by_var=by_var)
    return adatas, options


def make_options(rng: np.random.Generator, n_inputs: int) -> dict[str, Any]:
    """The options of `anndata.concat`."""
    options: dict[str, Any] = {
        "axis": str(rng.choice(["obs", "obs", "var"])),
        "join": str(rng.choice(["inner", "outer"])),
        "merge": STRATEGIES[rng.integers(0, 5)],
        "uns_merge": STRATEGIES[rng.integers(0, 5)],
        "label": [None, "batch", "c0", "lot n°"][rng.integers(0, 4)],
        "index_unique": [None, None, "-", "", "::"][rng.integers(0, 5)],
        "pairwise": bool(rng.random() < 0.4),
        "fill_value": [None, None, None, 0, 2.5, -1, float("nan")][rng.integers(0, 7)],
    }
    if rng.random() < 0.5:
        pool = ["sample 1", "b", "a,c", "δ", "10", "9", "x"]
        options["keys"] = rng.choice(pool, n_inputs, replace=rng.random() < 0.03).tolist()
    return options


def make_main_labels(rng: np.random.Generator, n_inputs: int) -> list[list[str]]:
    """Labels along the main axis: unique, or repeated between inputs and within them."""
    repeated = rng.random() < 0.3
    result = []
    for i in range(n_inputs):
        size = int(rng.choice([0, 1, rng.integers(2, 7), rng.integers(8, 61)], p=[0.06, 0.08, 0.5, 0.36]))
        names = [f"cell{rng.integers(0, 8)}" if repeated else f"cell{i}_{k}" for k in range(size)]
        if size and rng.random() < 0.2:
            names[rng.integers(0, size)] = str(rng.choice(SPECIAL_NAMES))
        result.append(names)
    return result


def make_alt_labels(rng: np.random.Generator, n_inputs: int) -> list[list[str]]:
    """Labels along the other axis: identical, permuted, overlapping, disjoint or none; rarely duplicated."""
    size = int(rng.choice([0, 1, rng.integers(2, 7), rng.integers(8, 41)], p=[0.03, 0.05, 0.42, 0.5]))
    pool = [f"x{i}" for i in range(max(0, size - 3))] + SPECIAL_NAMES
    universe = [pool[i] for i in rng.permutation(len(pool))][:size]
    mode = rng.choice(["identical", "permuted", "overlapping", "disjoint"], p=[0.25, 0.2, 0.45, 0.1])
    result = []
    for i in range(n_inputs):
        names = list(universe)
        if mode == "disjoint":
            names = universe[i::n_inputs]
        if mode == "overlapping":
            names = [name for name in universe if rng.random() < 0.7]
            if rng.random() < 0.1:
                names = []
        if mode == "permuted" or (mode == "overlapping" and rng.random() < 0.6):
            names = [names[k] for k in rng.permutation(len(names))]
        result.append(names)
    if rng.random() < 0.02 and result[0]:
        result[0][-1] = result[0][0]
    return result


def with_names(rng: np.random.Generator, labels: list[list[str]], plans: list[dict[str, str]]) -> list[pd.DataFrame]:
    """Frames with the planned columns; the index names are equal, different or absent."""
    names = [[None], ["barcode"], ["barcode", "id"], ["barcode", None]][rng.choice(4, p=[0.5, 0.3, 0.1, 0.1])]
    # How many of the indexes are the text of pandas 3.
    native = rng.choice([0, 1, 0.5], p=[0.4, 0.4, 0.2]) if PANDAS >= (3, 0) else 0
    frames = []
    for values, plan in zip(labels, plans, strict=True):
        index = pd.Index(values, dtype=object, name=names[rng.integers(0, len(names))])
        if native and rng.random() < native:
            index = index.astype(pd.StringDtype(na_value=np.nan))
        frames.append(make_frame(rng, plan, index))
    return frames


def make_alt_frames(rng: np.random.Generator, labels: list[list[str]]) -> list[pd.DataFrame]:
    """Annotation of the other axis: agreeing between the inputs (taken from one table), or not."""
    plans = make_columns(rng, len(labels))
    frames = with_names(rng, labels, plans)
    if rng.random() < 0.4:
        return frames
    universe = list(dict.fromkeys(name for names in labels for name in names))
    tables: dict[tuple[str, str], pd.Series] = {}
    for frame, plan in zip(frames, plans, strict=True):
        for name, kind in plan.items():
            if (name, kind) not in tables:
                tables[name, kind] = make_lookup(rng, {name: kind}, universe)[name]
            frame[name] = tables[name, kind].reindex(frame.index).array
    return frames


def put(adatas: list[AnnData], mapping: str, key: str, values: list[Any]) -> None:
    """Sets one member of a mapping in every input that has it."""
    for adata, value in zip(adatas, values, strict=True):
        if value is not None:
            getattr(adata, mapping)[key] = value


def add_layers(rng: np.random.Generator, adatas: list[AnnData], shapes: list[tuple[int, int]]) -> None:
    """Up to two layers, each shared by all or lacking in some."""
    for key in ["counts", "spliced"][: rng.integers(0, 3)]:
        put(adatas, "layers", key, make_matrices(rng, shapes, may_lack=True))


def add_alt_embeddings(
    rng: np.random.Generator, adatas: list[AnnData], mapping: str, frames: list[pd.DataFrame]
) -> None:
    """Members of the alt m-mapping: unrelated, or taken from one table so that `same` finds them equal."""
    for key in ["PCs", "loadings"][: rng.integers(0, 3)]:
        if rng.random() < 0.4:
            put(adatas, mapping, key, make_embeddings(rng, [frame.index for frame in frames]))
            continue
        universe = {name: i for i, name in enumerate(dict.fromkeys(n for frame in frames for n in frame.index))}
        table = rng.normal(size=(len(universe), 2)).astype("float32")
        rows = [table[[universe[name] for name in frame.index]].reshape(-1, 2) for frame in frames]
        put(adatas, mapping, key, [None if rng.random() < 0.2 else row for row in rows])


def add_raws(rng: np.random.Generator, adatas: list[AnnData], *, by_var: bool) -> None:
    """raw in all inputs, some, or none; with other variables than X."""
    chance = rng.choice([0.0, 0.6, 1.0], p=[0.6, 0.1, 0.3])
    if by_var:
        labels = [[f"raw{i}_{k}" for k in range(rng.integers(0, 5))] for i in range(len(adatas))]
    else:
        labels = make_alt_labels(rng, len(adatas))
    plans = make_columns(rng, len(adatas))
    frames = with_names(rng, labels, plans)
    shapes = [(adata.n_obs, len(frame)) for adata, frame in zip(adatas, frames, strict=True)]
    matrices = make_matrices(rng, shapes, may_lack=False)
    for adata, x, var in zip(adatas, matrices, frames, strict=True):
        if rng.random() < chance:
            raw = AnnData(X=x, obs=pd.DataFrame(index=adata.obs_names), var=var)
            if rng.random() < 0.5:
                raw.varm["PCs"] = rng.normal(size=(len(var), 2))
            adata.raw = raw
