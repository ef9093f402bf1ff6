"""Scores of predicted expression, gene by gene, without a loop over genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGHEST = 50
HIT_AMONG = 5
FLAT = 1e-6


def pearson(predicted: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Pearson's correlation of each gene over spots [G].

    A gene that is constant in truth has none (NaN). A gene that is predicted constant has told nothing and scores 0.
    """
    x = predicted.astype(np.float64) - predicted.mean(axis=0, dtype=np.float64)
    y = truth.astype(np.float64) - truth.mean(axis=0, dtype=np.float64)
    sx, sy = np.sqrt((x * x).mean(axis=0)), np.sqrt((y * y).mean(axis=0))
    both = (x * y).mean(axis=0) / np.where((sx > FLAT) & (sy > FLAT), sx * sy, 1)
    return np.where(sy > FLAT, np.where(sx > FLAT, both, 0.0), np.nan)


def spearman(predicted: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Spearman's rank correlation of each gene over spots [G], under the rules of :func:`pearson`."""
    from scipy.stats import rankdata

    # ranks of numbers that differ by rounding only would be noise, so both are rounded first
    rank_x = rankdata(predicted.round(6), axis=0).astype(np.float32)
    return pearson(rank_x, rankdata(truth.round(6), axis=0).astype(np.float32))


def hit_rate(predicted: NDArray[np.float32], truth: NDArray[np.float32], among: int = HIT_AMONG) -> float:
    """Return the share of spots whose truly highest gene is among the ``among`` genes predicted highest.

    HECLIP's published Hit@k asks only that two sets of k genes intersect, which nearly any prediction satisfies.
    """
    among = min(among, predicted.shape[1])
    top = np.argpartition(-predicted, among - 1, axis=1)[:, :among]
    return float((top == truth.argmax(axis=1)[:, None]).any(axis=1).mean())


def score(predicted: NDArray[np.float32], truth: NDArray[np.float32]) -> tuple[dict[str, float], dict[str, float]]:
    """Score predictions [n, G] against truth [n, G].

    Returns
    -------
    scores
        ``pcc``: mean over genes of Pearson's correlation; ``pcc_heg50``: over the 50 genes of highest mean in truth;
        ``spearman``; ``mse`` and ``mae`` over all values; ``hit5``.
    counts
        Genes, and how many are constant in truth (left out of the correlations) or predicted constant (counted as 0).
    """
    by_gene = pearson(predicted, truth)
    highest = np.argsort(-truth.mean(axis=0), kind="stable")[:HIGHEST]
    error = predicted.astype(np.float64) - truth
    scores = {
        "pcc": _mean(by_gene),
        "pcc_heg50": _mean(by_gene[highest]),
        "spearman": _mean(spearman(predicted, truth)),
        "mse": float((error * error).mean()),
        "mae": float(np.abs(error).mean()),
        "hit5": hit_rate(predicted, truth),
    }
    counts = {
        "spots": float(len(truth)),
        "genes": float(truth.shape[1]),
        "constant_truth": float(np.isnan(by_gene).sum()),
        "constant_predicted": float((predicted.std(axis=0) <= FLAT).sum()),
    }
    return scores, counts


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
