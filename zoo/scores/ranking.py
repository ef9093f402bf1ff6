"""How well scores put items in order: areas under curves, for any number of weightings of the items at once.

Letters of shapes: ``n`` items, ``K`` classes, ``...`` weightings (none where no weights are given). Items of equal
score are taken together, so that no order among them is made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.weights import ratio, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TINY = 1e-300


def roc_auc(positive: NDArray[np.bool_], score: NDArray[Any], weight: NDArray[Any] | None = None) -> Floats:
    """Return the area under the ROC curve [...]: how often a positive item scores higher than a negative one.

    Parameters
    ----------
    positive
        Which items are positive [n].
    score
        Higher is more positive [n]; a pair of equal scores counts one half.
    weight
        How often each item counts [..., n].

    Returns
    -------
    NaN where there are no positive or no negative items.

    References
    ----------
    Hanley & McNeil, Radiology 143:29 (1982), doi:10.1148/radiology.143.1.7063747.
    """
    hit, miss = _by_score(positive, score, weight)
    below = np.cumsum(miss, axis=-1) - miss
    return ratio((hit * (below + miss / 2)).sum(axis=-1), hit.sum(axis=-1) * miss.sum(axis=-1))


def average_precision(positive: NDArray[np.bool_], score: NDArray[Any], weight: NDArray[Any] | None = None) -> Floats:
    """Return the area under the precision-recall curve [...] as the mean precision at each positive item.

    Parameters are those of :func:`roc_auc`. The curve is not interpolated, because a straight line between two of its
    points promises more than can be had. Equal scores give the share of positive items.

    Returns
    -------
    NaN where there are no positive items.

    References
    ----------
    Davis & Goadrich, ICML 2006, doi:10.1145/1143844.1143874.
    """
    hit, miss = (found[..., ::-1] for found in _by_score(positive, score, weight))
    hits = np.cumsum(hit, axis=-1)
    precision = ratio(hits, hits + np.cumsum(miss, axis=-1))
    return ratio(np.where(hit > 0, hit * precision, 0).sum(axis=-1), hit.sum(axis=-1))


def _by_score(positive: NDArray[np.bool_], score: NDArray[Any], weight: NDArray[Any] | None) -> tuple[Floats, Floats]:
    """Return how much positive and negative weight each distinct score has [..., distinct], the lowest first."""
    if not len(score):
        empty = weights_of(weight, 0)
        return empty, empty
    order = np.argsort(score, kind="stable")
    ranked, marked = score[order], positive[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    counted = weights_of(weight, len(score))[..., order]
    return np.add.reduceat(counted * marked, starts, axis=-1), np.add.reduceat(counted * ~marked, starts, axis=-1)


def one_vs_rest(label: NDArray[np.int64], probability: NDArray[Any], weight: NDArray[Any] | None = None) -> Floats:
    """Return the ROC-AUC of each class against all others [..., K] for ``label`` [n] and ``probability`` [n, K].

    NaN for a class that no item has, or that all have.
    """
    columns = [roc_auc(label == k, probability[:, k], weight) for k in range(probability.shape[1])]
    return np.stack(columns, axis=-1)


def one_vs_control(
    label: NDArray[np.int64], probability: NDArray[Any], control: int, weight: NDArray[Any] | None = None
) -> Floats:
    """Return the ROC-AUC of each class against the control [..., K]; NaN for the control, and where items are lacking.

    Only the items of the two classes count, and they are ordered by the odds of the class against the control, which is
    what the probabilities say when it can be nothing else.
    """
    every = weights_of(weight, len(label))
    log = np.log(np.maximum(probability.astype(np.float64), TINY))
    columns = [
        roc_auc(label[both] == k, log[both, k] - log[both, control], every[..., both])
        for k, both in ((k, (label == k) | (label == control)) for k in range(probability.shape[1]))
    ]
    return np.stack(columns, axis=-1)
