"""Scores of each class on its own, for any number of weightings of the items at once.

Letters of shapes: ``n`` items, ``K`` classes, ``P`` items of one class, ``...`` weightings (none where no weights are
given). A class that has no item to be computed from is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.classification import tally
from zoo.scores.ranking import average_precision, roc_auc
from zoo.scores.weights import ratio, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int64]

FEW = 500
"""Items of a class up to which each is compared with all items: a product of matrices, which takes a fiftieth of the
time of sorting where a class has a few dozen items, and as long where it has a thousand."""
AT_ONCE = 4_000_000
"""Pairs of items that are compared at once."""


def called(label: Labels, said: Labels, classes: int, weight: NDArray[Any] | None = None) -> dict[str, Floats]:
    """Return ``precision``, ``recall`` and ``f1`` of each class [..., K].

    Precision is NaN for a class that was never said, recall for one that no item has, F1 for one of which both is so.
    """
    right, true, said_so = tally(label, said, classes, weight)
    return {
        "precision": ratio(right, said_so),
        "recall": ratio(right, true),
        "f1": ratio(2 * right, true + said_so),
    }


def ranked(label: Labels, probability: NDArray[Any], weight: NDArray[Any] | None = None) -> tuple[Floats, Floats]:
    """Return ROC-AUC and average precision of each class against all others, both [..., K].

    As :func:`~zoo.scores.ranking.roc_auc` and :func:`~zoo.scores.ranking.average_precision` have them; both are NaN for
    a class that no item has, the ROC-AUC for one that all have too.
    """
    counted, found = weights_of(weight, len(label)), []
    for k in range(probability.shape[1]):
        own, score = label == k, probability[:, k]
        if own.sum() <= FEW:
            found.append(_by_pairs(own, score, counted))
        else:
            found.append((roc_auc(own, score, counted), average_precision(own, score, counted)))
    auc, precision = (np.stack(columns, axis=-1) for columns in zip(*found, strict=True))
    return auc, precision


def _by_pairs(own: NDArray[np.bool_], score: NDArray[Any], weight: Floats) -> tuple[Floats, Floats]:
    """Return ROC-AUC and average precision [...] from what stands above each item of the class."""
    own_weight, others = weight[..., own], weight[..., ~own]
    total, rest = own_weight.sum(axis=-1), others.sum(axis=-1)
    wins, precisions = np.zeros(total.shape), np.zeros(total.shape)
    step = max(1, AT_ONCE // max(1, len(score)))
    for start in range(0, int(own.sum()), step):
        here = score[own][start : start + step]
        counted = own_weight[..., start : start + step]
        above = others @ (score[~own, None] > here).astype(np.float64)
        not_below = others @ (score[~own, None] >= here).astype(np.float64)
        hits = own_weight @ (score[own, None] >= here).astype(np.float64)
        wins += (counted * (rest[..., None] - (above + not_below) / 2)).sum(axis=-1)
        precisions += np.where(counted > 0, counted * ratio(hits, hits + not_below), 0).sum(axis=-1)
    return ratio(wins, total * rest), ratio(precisions, total)


def mean_over_classes(values: Floats) -> Floats:
    """Return the mean [...] over the classes that have a value [..., K]; NaN where none has."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1, dtype=np.float64))
