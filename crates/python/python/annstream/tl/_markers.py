"""Genes that mark groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _annstream
from .._steps import check, log, look, mask_of, options

if TYPE_CHECKING:
    from collections.abc import Iterable

    import anndata as ad

_METHODS = ("t-test", "t-test_overestim_var", "wilcoxon")
_CORRECTIONS = ("benjamini-hochberg", "bonferroni")


def rank_genes_groups(
    adata: ad.AnnData,
    groupby: str,
    *,
    mask_var: Any = None,
    use_raw: bool | None = None,
    groups: Iterable[str] | str = "all",
    reference: str = "rest",
    n_genes: int | None = None,
    rankby_abs: bool = False,
    pts: bool = False,
    key_added: str | None = None,
    copy: bool = False,
    method: str | None = None,
    corr_method: str = "benjamini-hochberg",
    tie_correct: bool = False,
    layer: str | None = None,
) -> ad.AnnData | None:
    """Ranks genes by how well they mark groups: :func:`scanpy.tl.rank_genes_groups`.

    One pass for the t-tests; ``wilcoxon`` sorts the values by gene in scratch space. Genes with equal scores stand in
    their order, where numpy's sort decides in scanpy. ``method="logreg"`` is not there.

    Parameters
    ----------
    adata
        Cells and genes: logarithms.
    groupby
        Column of ``obs``.
    mask_var
        Genes that are looked at: a column of ``var``, or truth values.
    use_raw
        Whether ``raw`` is looked at; if there is one, by default.
    groups
        The groups that are compared; all by default.
    reference
        The group that each is compared with; all other cells by default.
    n_genes
        How many genes the result has of each group.
    rankby_abs
        Whether genes are ranked by the absolute score.
    pts
        Whether fractions of cells that express a gene are computed.
    key_added
        Name in ``uns``, for ``rank_genes_groups``.
    copy
        Whether a changed copy is returned.
    method
        ``"t-test"``, the default, ``"t-test_overestim_var"`` or ``"wilcoxon"``.
    corr_method
        ``"benjamini-hochberg"`` or ``"bonferroni"``.
    tie_correct
        Whether scores of ``wilcoxon`` are corrected for ties.
    layer
        What is looked at instead of ``X``; with ``use_raw=False`` where there is a ``raw``.
    """
    check(adata)
    method = "t-test" if method is None else method
    if method not in _METHODS:
        msg = f"Method must be one of {_METHODS}."
        raise ValueError(msg)
    if corr_method not in _CORRECTIONS:
        msg = f"Correction method must be one of {set(_CORRECTIONS)}."
        raise ValueError(msg)
    use_raw = adata.raw is not None if use_raw is None else use_raw
    matrix = look(adata, layer, use_raw=use_raw)
    adata = adata.copy() if copy else adata
    adata.strings_to_categoricals()
    column = adata.obs[groupby].astype("category")
    categories = [str(name) for name in column.cat.categories]
    names = (adata.raw if use_raw else adata).var_names
    mask = mask_of(adata, mask_var, use_raw=use_raw)
    if mask is not None:
        matrix, names = matrix.view(None, mask), names[mask]
    given = options(
        groupby=groupby,
        groups=_groups(groups, reference),
        reference=_reference(reference, groupby, categories),
        method=method,
        tie_correct=bool(tie_correct),
        n_genes=n_genes,
        rankby_abs=bool(rankby_abs),
        pts=bool(pts),
        corr_method=corr_method,
    )
    base = adata.uns.get("log1p", {}).get("base")
    found = _annstream.rank_genes_groups(
        matrix._matrix,
        given,
        names.astype(str).tolist(),
        (column.cat.codes.to_numpy().tolist(), categories),
        None if base is None else float(base),
    )
    for warning in found["warnings"]:
        log.warning(warning)
    entry: dict[str, Any] = {
        "params": {
            "groupby": groupby,
            "reference": reference,
            "method": method,
            "use_raw": use_raw,
            "layer": layer,
            "corr_method": corr_method,
        }
    }
    entry |= {key: pd.DataFrame(found[key], index=names) for key in ("pts", "pts_rest") if key in found}
    labels = names.to_numpy(dtype=object)
    for _, arrays in found["groups"]:
        arrays["names"] = labels[arrays.pop("genes")]
    for key in ("names", "scores", "pvals", "pvals_adj", "logfoldchanges"):
        columns = [arrays[key] for _, arrays in found["groups"]]
        entry[key] = np.rec.fromarrays(
            columns, dtype=[(name, values.dtype) for (name, _), values in zip(found["groups"], columns, strict=True)]
        )
    adata.uns["rank_genes_groups" if key_added is None else key_added] = entry
    return adata if copy else None


def _groups(groups: Any, reference: str) -> list[str] | None:
    if isinstance(groups, str) and groups == "all":
        return None
    if isinstance(groups, str | int):
        msg = "Specify a sequence of groups"
        raise ValueError(msg)
    chosen = [str(group) for group in groups]
    return chosen if reference == "rest" or str(reference) in chosen else [*chosen, str(reference)]


def _reference(reference: str, groupby: str, categories: list[str]) -> str | None:
    if reference == "rest":
        return None
    if str(reference) not in categories:
        msg = f"reference = {reference} needs to be one of groupby = {categories}."
        raise ValueError(msg)
    return str(reference)
