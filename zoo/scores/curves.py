"""The points of curves over items: ROC, precision and recall, and how far probabilities can be believed.

``positive`` [n] says which items are of the class, ``score`` [n] is higher the more an item is called so. Items of
equal score are one step of a curve, so that no order among them is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.classification import BINS, bin_of
from zoo.scores.weights import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int64]

POINTS = 200
"""Steps of a curve that are kept at most; what is left out lies between two that are kept."""
GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points from left to right: ``x`` and ``y`` [m], and the score from which on items count there."""

    x: Floats
    y: Floats
    threshold: Floats


def roc(positive: NDArray[np.bool_], score: NDArray[Any]) -> Curve:
    """Return the share of negative items (x) and of positive ones (y) at or above each score, from (0, 0) to (1, 1).

    NaN on the axis of a kind of which there is no item.

    References
    ----------
    Fawcett, Pattern Recognit. Lett. 27:861 (2006), doi:10.1016/j.patrec.2005.10.010.
    """
    hits, misses, at = _steps(positive, score)
    x, y = (ratio(np.array([0.0, *found]), np.full(len(found) + 1, found[-1])) for found in (misses, hits))
    dx, dy = np.diff(x), np.diff(y)
    # between two corners it is a straight line
    corner = np.concatenate([[True], dx[1:] * dy[:-1] != dx[:-1] * dy[1:], [True]])
    return _thinned(Curve(x[corner], y[corner], np.array([np.inf, *at])[corner]))


def precision_recall(positive: NDArray[np.bool_], score: NDArray[Any]) -> Curve:
    """Return recall (x) and precision (y) of the items at or above each score; nothing without a positive item.

    Of equal recall the point of highest precision is kept, which is where an item was found.
    """
    hits, misses, at = _steps(positive, score)
    found = np.diff(hits, prepend=0) > 0
    return _thinned(Curve(hits[found] / max(hits[-1], 1), hits[found] / (hits + misses)[found], at[found]))


def _steps(positive: NDArray[np.bool_], score: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Return how many positive and negative items are at or above each distinct score, the highest first."""
    order = np.argsort(-score.astype(np.float64), kind="stable")
    ranked, marked = score[order].astype(np.float64), positive[order]
    ends = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
    return np.cumsum(marked)[ends].astype(np.float64), np.cumsum(~marked)[ends].astype(np.float64), ranked[ends]


def _thinned(curve: Curve) -> Curve:
    count = len(curve.x)
    if count <= POINTS or np.isnan(curve.x[-1] + curve.y[-1]):
        return Curve(curve.x[:POINTS], curve.y[:POINTS], curve.threshold[:POINTS])
    # even along the curve, not along the items: its steep part is where a reader looks
    way = np.cumsum(np.abs(np.diff(curve.x, prepend=0)) + np.abs(np.diff(curve.y, prepend=curve.y[0])))
    kept = np.unique([0, *np.searchsorted(way, np.linspace(0, way[-1], POINTS - 1)), count - 1])
    return Curve(curve.x[kept], curve.y[kept], curve.threshold[kept])


def on_grid(curve: Curve, *, steps: bool) -> Floats:
    """Return the height of a curve at :data:`GRID`.

    Between points the ROC curve is a straight line. With ``steps`` the height is that of the first point which lies no
    further left, because precision between two points is not on the line between them (Davis & Goadrich, ICML 2006,
    doi:10.1145/1143844.1143874).
    """
    if not steps:
        return np.interp(GRID, curve.x, curve.y)
    return curve.y[np.minimum(np.searchsorted(curve.x, GRID - 1e-12), len(curve.y) - 1)]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Items by their highest probability, in bins of equal width: bounds, number, mean probability, share right."""

    low: Floats
    high: Floats
    items: Labels
    probability: Floats
    accuracy: Floats


def reliability(label: Labels, probability: NDArray[Any], *, bins: int = BINS) -> Reliability:
    """Return how often the class that was said is right beside how probable it was held; NaN in an empty bin.

    The bins are those of :func:`~zoo.scores.classification.calibration_error`, which is the mean distance of the two.

    References
    ----------
    DeGroot & Fienberg, The Statistician 32:12 (1983), doi:10.2307/2987588; Guo et al., arXiv:1706.04599.
    """
    sure = probability.max(axis=1).astype(np.float64)
    inside = np.eye(bins)[bin_of(sure, bins)]
    items, edges = inside.sum(axis=0), np.linspace(0, 1, bins + 1)
    right = (probability.argmax(axis=1) == label) @ inside
    return Reliability(edges[:-1], edges[1:], items.astype(np.int64), ratio(sure @ inside, items), ratio(right, items))
