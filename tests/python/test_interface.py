"""What editors show: signatures as in scanpy, every parameter documented, stubs that agree with the engine."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import annstream
import numpy as np
import pytest
import scanpy as sc
from annstream import _annstream

PACKAGE = Path(annstream.__file__).parent

SPACES = {
    "pp": (annstream.pp, sc.pp),
    "tl": (annstream.tl, sc.tl),
    "get": (annstream.get, sc.get),
    "experimental.pp": (annstream.experimental.pp, sc.experimental.pp),
    "external.pp": (annstream.external.pp, sc.external.pp),
}
FUNCTIONS = {f"{space}.{name}": getattr(own, name) for space, (own, _) in SPACES.items() for name in own.__all__}

# Parameters of scanpy that are not there, and those of ours that scanpy has not.
LEFT_OUT = {
    "pp.calculate_qc_metrics": {"parallel"},
    "tl.leiden": {"partition_type", "clustering_args"},
    "tl.umap": {"method"},
    "tl.rank_genes_groups": {"kwds"},
    "pp.scale": {"obsm", "mask_obs"},
    "experimental.pp.normalize_pearson_residuals": {"obsm"},
}
MORE = {"tl.leiden": {"objective_function"}}


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    return {name: own for name, own in inspect.signature(function).parameters.items() if name != "self"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_scanpys(name: str) -> None:
    space, _, function = name.rpartition(".")
    theirs = getattr(SPACES[space][1], function, None)
    if theirs is None:
        assert name in ("pp.harmony_integrate", "pp.subsample")
        return
    own, other = parameters(FUNCTIONS[name]), parameters(theirs)
    newer = {"rng"} if "random_state" in own else set()
    assert set(other) - set(own) - newer <= LEFT_OUT.get(name, set()) | (
        {"obsm"} if sc.__version__ >= "1.12" else set()
    )
    if sc.__version__ < "1.12":
        assert set(own) - set(other) == MORE.get(name, set())
    for key in set(own) & set(other):
        mine, scanpys = own[key].default, other[key].default
        if key == "mask_var" and name == "pp.pca":
            continue
        assert own[key].kind == other[key].kind, key
        assert mine == scanpys or (mine is scanpys), (key, mine, scanpys)


def documented(text: str) -> set[str]:
    """Names in the section of parameters of a docstring of numpydoc."""
    lines = inspect.cleandoc(text).splitlines()
    if "Parameters" not in lines:
        return set()
    start = lines.index("Parameters") + 2
    ends = [i for i in range(start, len(lines) - 1) if re.fullmatch("-{3,}", lines[i + 1])]
    section = lines[start : ends[0] if ends else len(lines)]
    heads = [line for line in section if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for head in heads for name in head.split(" : ")[0].split(",")}


def public(owner: Any) -> dict[str, Any]:
    members = {name: inspect.getattr_static(owner, name) for name in vars(owner) if not name.startswith("_")}
    return {f"{owner.__name__}.{name}": member for name, member in members.items() if callable(member)}


CLASSES = [annstream.AnnData, annstream.LazyMatrix, annstream.Settings, annstream.Plan]
TOP = {name: getattr(annstream, name) for name in ("read", "concat", "concat_on_disk", "plan")}
DOCUMENTED = {**FUNCTIONS, **TOP, **{key: value for one in CLASSES for key, value in public(one).items()}}
# numpy's own arguments, which are passed through.
PLAIN = {f"LazyMatrix.{name}" for name in ("sum", "mean", "std", "min", "max", "getnnz", "copy", "toarray")}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_parameter_is_documented(name: str) -> None:
    function = DOCUMENTED[name]
    function = function.__func__ if isinstance(function, classmethod | staticmethod) else function
    text = function.__doc__
    assert text, name
    assert text.split("\n")[0].strip().endswith((".", ":")), name
    names = {one for one in parameters(function) if one != "cls"}
    if name in PLAIN:
        return
    assert names == documented(text), name


def test_everything_public_has_words() -> None:
    for name in annstream.__all__:
        if name != "__version__":
            assert getattr(annstream, name).__doc__, name
    for one in CLASSES:
        for name, member in vars(one).items():
            if isinstance(member, property) and not name.startswith("_"):
                assert member.__doc__, (one, name)


def stubs(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def compare(stub: ast.FunctionDef, function: Any) -> None:
    """Names, order and defaults of parameters."""
    given = stub.args
    names = [one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs] if one.arg != "self"]
    rest = [one.arg for one in (given.vararg, given.kwarg) if one is not None]
    own = {name: one for name, one in inspect.signature(function).parameters.items() if name not in ("self", "$self")}
    assert [*names, *rest] == list(own), stub.name
    positional = [one.arg for one in given.args if one.arg != "self"]
    pairs = [*zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True)]
    pairs += [(one.arg, value) for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
    defaults = {name: ast.literal_eval(value) for name, value in pairs}
    found = {name: one.default for name, one in own.items() if one.default is not inspect.Parameter.empty}
    assert defaults == found, stub.name


def test_the_stub_of_the_engine_agrees_with_it() -> None:
    tree = ast.parse((PACKAGE / "_annstream.pyi").read_text())
    functions = stubs(tree.body)
    there = {name for name, member in vars(_annstream).items() if inspect.isbuiltin(member)}
    assert set(functions) == there
    for name, stub in functions.items():
        compare(stub, getattr(_annstream, name))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    assert set(classes) == {name for name, member in vars(_annstream).items() if inspect.isclass(member)}
    for name, node in classes.items():
        kind = getattr(_annstream, name)
        if issubclass(kind, Exception):
            assert [base.id for base in node.bases if isinstance(base, ast.Name)] == [kind.__bases__[0].__name__]
            continue
        members = {key for key in vars(kind) if not key.startswith("_")}
        assert {one.name for one in node.body if isinstance(one, ast.FunctionDef)} - {"__init__"} == members
        for stub in stubs(node.body).values():
            member = kind if stub.name == "__init__" else getattr(kind, stub.name)
            if callable(member):
                compare(stub, member)
    assert (PACKAGE / "py.typed").exists()


def test_functions_take_what_they_say() -> None:
    """Annotations can be read: editors and checkers do."""
    for name, function in DOCUMENTED.items():
        function = function.__func__ if isinstance(function, classmethod | staticmethod) else function
        own = parameters(function)
        missing = [key for key, one in own.items() if one.annotation is inspect.Parameter.empty and key != "cls"]
        assert not missing, (name, missing)
    assert np.isinf(parameters(annstream.pp.highly_variable_genes)["max_disp"].default)
