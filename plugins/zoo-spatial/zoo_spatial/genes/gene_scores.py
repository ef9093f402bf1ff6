"""Scores of predicted expression, gene by gene, in memory that does not grow with the number of spots.

Correlations and errors come from one pass over both matrices (:mod:`zoo_spatial.genes.moments`); ranks are taken for
some genes at a time, hits for some spots at a time. Matrices may be float32 or float16, in memory or ``numpy.memmap``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo_spatial.genes.moments import Moments, moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGHEST = 50
HIT_AMONG = 5
FLAT = 1e-6
RANKED = 2**21
"""Values that are ranked at a time, about 100 MB for each thread."""
LOOKED_AT = 2**20


def pearson(predicted: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return Pearson's correlation of each gene over spots [G].

    A gene that is constant in truth has none (NaN). A gene that is predicted constant has told nothing and scores 0.
    """
    return _correlation(moments(predicted, truth))


def _correlation(of: Moments) -> NDArray[np.float64]:
    sx, sy = np.sqrt(of.variance_predicted), np.sqrt(of.variance_truth)
    both = of.covariance / np.where((sx > FLAT) & (sy > FLAT), sx * sy, 1)
    return np.where(sy > FLAT, np.where(sx > FLAT, both, 0.0), np.nan)


def spearman(predicted: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return Spearman's rank correlation of each gene over spots [G], under the rules of :func:`pearson`."""
    spots, genes = truth.shape
    step = max(1, RANKED // max(spots, 1))
    parts = [slice(start, start + step) for start in range(0, genes, step)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return np.concatenate([np.empty(0), *threads.map(partial(_spearman_of, predicted, truth), parts)])


def _spearman_of(predicted: NDArray[Any], truth: NDArray[Any], part: slice) -> NDArray[np.float64]:
    rank_x, rank_y = _ranks(predicted[:, part]), _ranks(truth[:, part])
    sx, sy = rank_x.std(axis=1, dtype=np.float64), rank_y.std(axis=1, dtype=np.float64)
    mean = (rank_x.shape[1] + 1) / 2  # of all ranks, whatever is tied
    rank_x -= np.float32(mean)
    rank_y -= np.float32(mean)
    both = np.einsum("gn,gn->g", rank_x, rank_y, dtype=np.float64) / rank_x.shape[1]
    told = (sx > FLAT) & (sy > FLAT)
    return np.where(sy > FLAT, np.where(told, both / np.where(told, sx * sy, 1), 0.0), np.nan)


def _ranks(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the ranks of each gene over spots, ties sharing the mean of theirs: [n, G] -> [G, n]."""
    # ranks of numbers that differ by rounding only would be noise, so they are rounded first
    rounded = np.ascontiguousarray(values.T, dtype=np.float32).round(6)
    order = rounded.argsort(axis=1)
    ordered = np.take_along_axis(rounded, order, axis=1)
    begins = np.ones(rounded.shape, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(begins)
    tied = np.diff(starts, append=rounded.size)
    shared = (starts % max(rounded.shape[1], 1) + (tied + 1) / 2).astype(np.float32)
    ranks = np.empty_like(rounded)
    np.put_along_axis(ranks, order, np.repeat(shared, tied).reshape(ranks.shape), axis=1)
    ranks[np.isnan(ordered[:, -1])] = np.nan  # which are sorted to the end; such a gene has no ranks
    return ranks


def hit_rate(predicted: NDArray[Any], truth: NDArray[Any], among: int = HIT_AMONG) -> float:
    """Return the share of spots whose truly highest gene is among the ``among`` genes predicted highest.

    Of genes that are predicted alike the first are taken. HECLIP's published Hit@k asks only that two sets of k genes
    intersect, which nearly any prediction satisfies.
    """
    step = max(1, LOOKED_AT // max(truth.shape[1], 1))
    parts = [slice(start, start + step) for start in range(0, len(truth), step)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        hits = sum(threads.map(lambda part: _hits(predicted[part], truth[part], among), parts))
    return hits / len(truth) if len(truth) else float("nan")


def _hits(predicted: NDArray[Any], truth: NDArray[Any], among: int) -> int:
    highest = truth.argmax(axis=1)
    said = np.take_along_axis(predicted, highest[:, None], axis=1)
    # counting row by row is several times faster than along an axis
    ahead = np.array([np.count_nonzero(row > value) for row, value in zip(predicted, said, strict=True)])
    near = np.flatnonzero((ahead < among) & (said[:, 0] == said[:, 0]))  # what is not a number is no hit
    alike = predicted[near] == said[near]
    earlier = alike & (np.arange(truth.shape[1]) < highest[near, None])
    return int(np.count_nonzero(ahead[near] + np.count_nonzero(earlier, axis=1) < among))


def score(predicted: NDArray[Any], truth: NDArray[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Score predictions [n, G] against truth [n, G].

    Returns
    -------
    scores
        ``pcc``: mean over genes of Pearson's correlation; ``pcc_heg50``: over the 50 genes of highest mean in truth;
        ``spearman``; ``mse`` and ``mae`` over all values; ``hit5``.
    counts
        Genes, and how many are constant in truth (left out of the correlations) or predicted constant (counted as 0).
    """
    of = moments(predicted, truth)
    by_gene = _correlation(of)
    highest = np.argsort(-of.mean_truth, kind="stable")[:HIGHEST]
    scores = {
        "pcc": _mean(by_gene),
        "pcc_heg50": _mean(by_gene[highest]),
        "spearman": _mean(spearman(predicted, truth)),
        "mse": of.mse,
        "mae": of.mae,
        "hit5": hit_rate(predicted, truth),
    }
    counts = {
        "spots": float(len(truth)),
        "genes": float(truth.shape[1]),
        "constant_truth": float(np.isnan(by_gene).sum()),
        "constant_predicted": float((of.variance_predicted <= FLAT**2).sum()),
    }
    return scores, counts


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
