"""Harmony in numpy, in double precision and without any care for speed: what `annstream harmony` is to give.

The random numbers are those of the binary, so that both deal the cells into the same blocks. All else is written from
the description of the algorithm: soft k-means on the sphere whose memberships are pushed towards an even mixture of the
batches, in turns with a ridge regression of the embedding on the batches within each cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass
class Options:
    """Names and defaults of the binary."""

    max_iter_harmony: int = 10
    max_iter_clustering: int = 4
    tol_harmony: float = 1e-2
    tol_clustering: float = 1e-3
    sigma: float = 0.1
    theta: tuple[float, ...] = (2.0,)
    tau: float = 0.0
    ridge_lambda: tuple[float, ...] | None = None
    alpha: float = 0.2
    batch_prune_threshold: float = 1e-5
    block_proportion: float = 0.05
    seed: int = 0


def mixed(bits: np.ndarray) -> np.ndarray:
    """The finisher of SplitMix64."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def dealt(cells: int, turn: int, proportion: float, seed: int) -> list[np.ndarray]:
    """The cells of each block of a turn."""
    with np.errstate(over="ignore"):
        key = mixed(np.array([seed], dtype=np.uint64) + STEP)
        key = mixed(key ^ (np.uint64(turn + 1) * STEP))
        bits = mixed(key + np.arange(1, cells + 1, dtype=np.uint64) * STEP)
    order = list(range(cells))
    for drawn, last in zip(bits.tolist(), range(cells - 1, 0, -1), strict=False):
        at = (drawn * (last + 1)) >> 64
        order[at], order[last] = order[last], order[at]
    blocks = int(np.ceil(1 / proportion))
    size = max(int(cells * proportion), 1)
    cuts = [min(block * size, cells) for block in range(blocks)] + [cells]
    return [np.sort(np.array(order[start:end], dtype=int)) for start, end in pairwise(cuts)]


def unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def harmony(
    x: np.ndarray, keys: list[np.ndarray], centres: np.ndarray, options: Options
) -> tuple[np.ndarray, list[float]]:
    """Corrects `x` (cells x dimensions) for batches that are numbered by each of `keys`, from these centres on.

    Gives the objectives too.
    """
    x = np.asarray(x, dtype=float)
    cells, clusters = len(x), len(centres)
    levels = [int(key.max()) + 1 for key in keys]
    owner = np.repeat(np.arange(len(keys)), levels)
    design = np.hstack([np.eye(count)[key] for key, count in zip(keys, levels, strict=True)])
    sizes = design.sum(axis=0)
    shares = sizes / cells
    theta = np.broadcast_to(options.theta, len(keys))[owner].astype(float)
    if options.tau > 0:
        theta = theta * (1 - np.exp(-((sizes / (clusters * options.tau)) ** 2)))

    centres, z = unit(np.asarray(centres, dtype=float)), x
    objectives, within, turn = [], [], 0

    def objective() -> float:
        entropy = np.sum(soft * np.log(soft, out=np.zeros_like(soft), where=soft > 0))
        uneven = theta * np.log((observed + expected + 1) / (2 * expected + 1))
        return float(np.sum(soft * far) + options.sigma * (entropy + np.sum(soft @ uneven * design)))

    for iteration in range(options.max_iter_harmony):
        far = 2 * (1 - unit(z) @ centres.T)
        near = np.exp(-far / options.sigma)
        soft = near / near.sum(axis=1, keepdims=True)
        observed, expected = soft.T @ design, np.outer(soft.sum(axis=0), shares)
        if iteration == 0:
            objectives.append(objective())
            within.append(objectives[-1])
        for step in range(options.max_iter_clustering):
            for block in dealt(cells, turn, options.block_proportion, options.seed):
                observed -= soft[block].T @ design[block]
                expected -= np.outer(soft[block].sum(axis=0), shares)
                even = ((2 * expected + 1) / (observed + expected + 1)) ** theta
                soft[block] = near[block] * (design[block] @ even.T)
                soft[block] /= soft[block].sum(axis=1, keepdims=True)
                observed += soft[block].T @ design[block]
                expected += np.outer(soft[block].sum(axis=0), shares)
            turn += 1
            within.append(objective())
            if step > 3:
                before, now = sum(within[-4:-1]), sum(within[-3:])
                if abs(before - now) / abs(before) < options.tol_clustering:
                    break
        objectives.append(within[-1])
        z, centres = corrected(x, soft, design, owner, shares, centres, options)
        if (objectives[-2] - objectives[-1]) / abs(objectives[-2]) < options.tol_harmony:
            break
    return z, objectives


def corrected(
    x: np.ndarray,
    soft: np.ndarray,
    design: np.ndarray,
    owner: np.ndarray,
    shares: np.ndarray,
    centres: np.ndarray,
    options: Options,
) -> tuple[np.ndarray, np.ndarray]:
    """What is left of `x` without the share of the batches, and the clusters' centres without it."""
    z, centres = x.copy(), centres.copy()
    sizes = design.sum(axis=0)
    for cluster, weights in enumerate(soft.T):
        mass = weights @ design
        there = mass / sizes > options.batch_prune_threshold
        alone = np.bincount(owner[there], minlength=owner.max() + 1) < 2
        kept = there & ~alone[owner]
        if not kept.any():
            continue
        cells = design[:, kept].any(axis=1)
        if options.ridge_lambda is None:
            penalty = options.alpha * weights.sum() * shares[kept]
        else:
            penalty = np.broadcast_to(options.ridge_lambda, owner.max() + 1)[owner][kept]
        terms = np.hstack([np.ones((cells.sum(), 1)), design[np.ix_(cells, kept)]])
        weighted = terms * weights[cells, None]
        effects = np.linalg.solve(weighted.T @ terms + np.diag([0.0, *penalty]), weighted.T @ x[cells])
        centres[cluster] = effects[0]
        effects[0] = 0
        z[cells] -= weighted @ effects
    return z, unit(centres)
