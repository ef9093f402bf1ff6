"""Which curves of classes are shown: of a dozen classes each, of more their mean, their spread and the extremes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.scores import curves
from zoo.scores.class_tables import class_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.scores.class_tables import Judged
    from zoo.scores.curves import Curve

    Floats = NDArray[np.float64]

EACH = 12
"""Classes of which each has a curve in a picture."""
EXTREMES = 3
INSIDE = (5, 95)
"""Percentiles between which nine tenths of the classes lie."""
KINDS = {
    "roc": ("share of other items called so", "share of its own items called so", "auc", "ROC-AUC"),
    "precision_recall": ("recall", "precision", "ap", "average precision"),
}
"""Kind of curve -> what its axes are, and the score that is the area under it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Curves that are drawn.

    ``named`` are those of classes, by their number, the highest area first; ``areas`` [K] those of all classes and
    ``area`` their mean; ``count`` classes have a curve. Where these are more than a dozen, ``spread`` is their mean and
    the band of nine tenths of them, from below and from above, at :data:`zoo.scores.curves.GRID`.
    """

    named: list[tuple[int, Curve]]
    areas: Floats
    area: float
    count: int
    spread: tuple[Floats, Floats, Floats] | None = None


def shown(judged: Judged, kind: str) -> Shown:
    """Return the ``roc`` or ``precision_recall`` curves that a picture shows.

    Up to :data:`EACH` classes have a curve each; of more there are the three highest and the three lowest by the area
    under them.
    """
    found, areas = dict(class_curves(judged, kind)), judged.by_class[KINDS[kind][2]]
    order = sorted(found, key=lambda k: -areas[k])
    area = float(np.nanmean(areas[order])) if order else float("nan")
    if len(order) <= EACH:
        return Shown([(k, found[k]) for k in order], areas, area, len(order))
    heights = np.stack([curves.on_grid(curve, steps=kind == "precision_recall") for curve in found.values()])
    low, high = np.percentile(heights, INSIDE, axis=0)
    few = [*order[:EXTREMES], *order[-EXTREMES:]]
    return Shown([(k, found[k]) for k in few], areas, area, len(order), (heights.mean(axis=0), low, high))


def shown_table(judged: Judged, kind: str, found: Shown) -> Table:
    """Return the points of what :func:`shown` gives; a mean and its band are named so in the column of classes.

    Where a ROC curve begins, nothing is called positive, and there is no threshold.
    """
    across, up = ("false positive rate", "true positive rate") if kind == "roc" else ("recall", "precision")
    rows = list[list[Any]]()
    for name, heights in zip(
        ("mean of classes", "5th percentile", "95th percentile"), found.spread or (), strict=False
    ):
        rows += [[name, x, y, None] for x, y in zip(curves.GRID.tolist(), heights.tolist(), strict=True)]
    for k, curve in found.named:
        thresholds = np.where(np.isfinite(curve.threshold), curve.threshold, np.nan)
        points = zip(curve.x.tolist(), curve.y.tolist(), thresholds.tolist(), strict=True)
        rows += [[judged.classes[k], *point] for point in points]
    return Table(["class", across, up, "threshold"], rows)
