"""Scores of sets of genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _annstream
from .._steps import check, log, look, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anndata as ad
    import pandas as pd


def score_genes(
    adata: ad.AnnData,
    gene_list: Sequence[str] | pd.Index,
    *,
    ctrl_as_ref: bool = True,
    ctrl_size: int = 50,
    gene_pool: Sequence[str] | pd.Index | None = None,
    n_bins: int = 25,
    score_name: str = "score",
    random_state: int = 0,
    copy: bool = False,
    use_raw: bool | None = None,
    layer: str | None = None,
) -> ad.AnnData | None:
    """Scores cells by a list of genes: :func:`scanpy.tl.score_genes`. Two passes.

    The same seed draws the same control genes as in scanpy. Values of sparse matrices are added up as scanpy 1.11 does,
    in their own precision.

    Parameters
    ----------
    adata
        Cells and genes: logarithms.
    gene_list
        The genes; those that are not there are left out with a warning.
    ctrl_as_ref
        Whether controls may be drawn among the genes of the list, which are then left out.
    ctrl_size
        Controls that are drawn from each bin.
    gene_pool
        Genes that controls are drawn from; all by default.
    n_bins
        Bins of genes by their means.
    score_name
        Column of ``obs`` for the scores.
    random_state
        Seed.
    copy
        Whether a changed copy is returned.
    use_raw
        Whether ``raw`` is scored; if there is one, by default.
    layer
        What is scored instead of ``X``.
    """
    check(adata)
    adata = adata.copy() if copy else adata
    given = {
        "ctrl_as_ref": ctrl_as_ref,
        "gene_pool": gene_pool,
        "n_bins": n_bins,
        "random_state": random_state,
        "use_raw": use_raw,
        "layer": layer,
    }
    [scores] = _scores(adata, [(gene_list, ctrl_size)], **given)
    adata.obs[score_name] = scores
    return adata if copy else None


def score_genes_cell_cycle(
    adata: ad.AnnData,
    *,
    s_genes: Sequence[str],
    g2m_genes: Sequence[str],
    copy: bool = False,
    **kwargs: Any,
) -> ad.AnnData | None:
    """Scores the phases of the cell cycle: :func:`scanpy.tl.score_genes_cell_cycle`. Two passes for both lists.

    Adds ``S_score``, ``G2M_score`` and ``phase`` to ``obs``.

    Parameters
    ----------
    adata
        Cells and genes: logarithms.
    s_genes, g2m_genes
        Genes of the phases.
    copy
        Whether a changed copy is returned.
    kwargs
        As for :func:`score_genes`, but for ``ctrl_size``, which is the length of the shorter list.
    """
    check(adata)
    wrong = set(kwargs) - {"ctrl_as_ref", "gene_pool", "n_bins", "random_state", "use_raw", "layer"}
    if wrong:
        msg = f"score_genes_cell_cycle takes no {min(wrong)!r}"
        raise TypeError(msg)
    adata = adata.copy() if copy else adata
    size = min(len(s_genes), len(g2m_genes))
    s, g2m = _scores(adata, [(s_genes, size), (g2m_genes, size)], **kwargs)
    adata.obs["S_score"] = s
    adata.obs["G2M_score"] = g2m
    phase = np.where(g2m > s, "G2M", "S").astype(object)
    phase[(s < 0) & (g2m < 0)] = "G1"
    adata.obs["phase"] = phase
    return adata if copy else None


def _scores(
    adata: ad.AnnData,
    lists: list[tuple[Any, int]],
    *,
    ctrl_as_ref: bool = True,
    gene_pool: Any = None,
    n_bins: int = 25,
    random_state: int = 0,
    use_raw: bool | None = None,
    layer: str | None = None,
) -> list[np.ndarray]:
    use_raw = (layer is None and adata.raw is not None) if use_raw is None else use_raw
    matrix = look(adata, layer, use_raw=use_raw)
    names = (adata.raw if use_raw else adata).var_names.astype(str).tolist()
    found = _annstream.score_genes(
        matrix._matrix,
        names,
        [([genes] if isinstance(genes, str) else [str(gene) for gene in genes], int(size)) for genes, size in lists],
        gene_pool=None if gene_pool is None else [str(gene) for gene in gene_pool],
        n_bins=whole(n_bins, "n_bins"),
        random_state=whole(random_state, "random_state"),
        ctrl_as_ref=bool(ctrl_as_ref),
    )
    for _, _, unknown in found:
        if unknown:
            log.warning("genes are not in var_names and ignored: %s", unknown)
    return [scores for scores, _, _ in found]
