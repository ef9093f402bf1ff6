"""What turns probabilities of labels into decisions: a temperature that makes them believable, thresholds by label.

Both are fitted to items that a model was not trained on, and never to those that it is tested on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HALF = 0.5
FEWEST = 2
"""Positive items below which a label keeps a threshold of one half: one item fits any threshold below it."""
PRIOR = 2
"""Positive items that one half counts for: the best threshold of a handful is that of chance."""
WIDEST = np.log(20.0)
"""Temperatures lie between 1/20 and 20; beyond that a model knows nothing or all."""
STEPS = 60
GOLDEN = (np.sqrt(5.0) - 1) / 2


def temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature T within [1/20, 20] at which ``loss(T)`` is least.

    Sought by golden sections of log T, which takes a loss with one valley. That of logits divided by T against labels
    is convex in 1/T and so has one.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger, ICML 2017, arXiv:1706.04599, there with a softmax and by gradient descent.
    """
    low, high = -WIDEST, WIDEST
    inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_inner, at_outer = loss(float(np.exp(inner))), loss(float(np.exp(outer)))
    for _ in range(STEPS):
        if at_inner <= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - GOLDEN * (high - low)
            at_inner = loss(float(np.exp(inner)))
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + GOLDEN * (high - low)
            at_outer = loss(float(np.exp(outer)))
    return float(np.exp((low + high) / 2))


def best_threshold(positive: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """Return the threshold at which calling every item of at least that score has the highest F1.

    It lies midway between the lowest score that is called and the highest that is not, so that it does not hang on one
    item; of equal F1 the highest is taken. One half where nothing is positive.

    Parameters
    ----------
    positive, score
        Of each item [n]; scores lie in [0, 1].

    References
    ----------
    Lipton, Elkan, Narayanaswamy, arXiv:1402.1892, on why thresholds that maximise F1 differ from one half.
    """
    if not positive.any():
        return HALF
    order = np.argsort(-score, kind="stable")
    ranked_scores = score[order].astype(np.float64)
    ends = np.flatnonzero(np.concatenate([ranked_scores[1:] != ranked_scores[:-1], [True]]))
    hits = np.cumsum(positive[order])[ends]
    best = int(np.argmax(2 * hits / (ends + 1 + positive.sum())))
    lowest = ranked_scores[ends[best]]
    below = ranked_scores[ends[best + 1]] if best + 1 < len(ends) else 0.0
    return float((lowest + below) / 2)


def thresholds(label: NDArray[np.bool_], score: NDArray[Any], *, positives: NDArray[Any]) -> Floats:
    """Return :func:`best_threshold` of each label [K], drawn towards one half where little speaks for it.

    Parameters
    ----------
    label, score
        Of each item [n, K].
    positives
        How many independent positive items each label has [K]: images, where the items are their cells. With p of them
        a threshold is (p t + 2 / 2) / (p + 2), as if two more had shown one half to be best; with fewer than two it is
        one half.
    """
    best = np.array([best_threshold(label[:, k], score[:, k]) for k in range(label.shape[1])])
    pulled = (positives * best + PRIOR * HALF) / (positives + PRIOR)
    return np.where(positives >= FEWEST, pulled, HALF)
