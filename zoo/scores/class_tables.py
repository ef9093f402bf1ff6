"""What a classifier said of items as tables: by class, by group, by pair of classes, by item.

A table is its columns and its rows, ready for :func:`zoo.figures.files.write_table`; a value that is not there is None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.intervals import drawn_groups, of_draws
from zoo.scores import by_class, confusion, curves
from zoo.scores.weights import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int64]

AT_ONCE = 4_000_000
"""Weights of items that are held in memory at once while drawings are scored."""
WITH_INTERVAL = ("recall", "f1", "auc")


@dataclass(frozen=True)
class Judged:
    """Items with a label [n], the probabilities of the classes that they were given [n, K], and where they belong."""

    label: Labels
    probability: NDArray[Any]
    groups: Sequence[str]
    classes: Sequence[str]

    @cached_property
    def said(self) -> Labels:
        """The number of the most probable class of each item [n]."""
        found: Labels = self.probability.argmax(axis=1)
        return found

    @cached_property
    def own(self) -> Floats:
        """The probability of each item's own class [n]."""
        return self.probability[np.arange(len(self.label)), self.label].astype(np.float64)

    @cached_property
    def confused(self) -> Labels:
        """How many items of each class (row) were called each class (column) [K, K]."""
        return confusion.matrix(self.label, self.said, len(self.classes))

    @cached_property
    def by_class(self) -> dict[str, Floats]:
        """Precision, recall, F1, ROC-AUC and average precision of each class [K]."""
        found = by_class.called(self.label, self.said, len(self.classes))
        auc, average_precision = by_class.ranked(self.label, self.probability)
        return {**found, "auc": auc, "ap": average_precision}

    def drawn(self, scores: Sequence[str] = WITH_INTERVAL) -> dict[str, Floats]:
        """Return these scores of each class in each drawing of groups [draws, K].

        Recall and F1 follow from counts of each group; for ``auc`` all items are ranked anew in each drawing, which
        takes half a second for 1,000 items and grows with their square.
        """
        names, group_of = np.unique(np.asarray(self.groups, dtype=str), return_inverse=True)
        draws = drawn_groups(len(names)) if len(names) else np.zeros((0, 0), dtype=np.int64)
        found = self._called(draws, group_of, len(names))
        if "auc" in scores:
            step = max(1, AT_ONCE // max(1, len(self.label)))
            weights = (draws[start : start + step, group_of] for start in range(0, len(draws), step))
            parts = [by_class.ranked(self.label, self.probability, weight)[0] for weight in weights]
            found["auc"] = np.concatenate([np.zeros((0, len(self.classes))), *parts])
        return {name: found[name] for name in scores}

    def _called(self, draws: Labels, group_of: Labels, groups: int) -> dict[str, Floats]:
        """Return recall and F1 of each class in each drawing [draws, K], from how often each group was drawn."""
        count, drawn = len(self.classes), draws.astype(np.float64)
        every = np.ones(len(self.label), dtype=bool)

        def tally(kept: NDArray[np.bool_], number: Labels) -> Floats:
            cell = group_of[kept] * count + number[kept]
            counted = np.bincount(cell, minlength=groups * count).reshape(groups, count)
            return drawn @ counted.astype(np.float64)

        right, true = tally(self.said == self.label, self.label), tally(every, self.label)
        return {"recall": ratio(right, true), "f1": ratio(2 * right, true + tally(every, self.said))}


def classes_table(judged: Judged, intervals: Sequence[str] = WITH_INTERVAL) -> Table:
    """Return a row a class: its items and groups, its scores, and 95 % intervals from drawing groups anew.

    A class whose items are all of one group has no interval: whenever the group is drawn, its score is the same.
    ``intervals`` says which scores have some.
    """
    scores, drawn, columns = judged.by_class, judged.drawn(intervals), ["class", "items", "groups", "called"]
    for name in scores:
        columns += [name, f"{name}_low", f"{name}_high"] if name in intervals else [name]
    groups = np.asarray(judged.groups, dtype=str)
    rows = []
    for k, name in enumerate(judged.classes):
        inside = groups[judged.label == k]
        counted = len(set(inside.tolist()))
        row = [name, len(inside), counted, int((judged.said == k).sum())]
        for score, values in scores.items():
            row += [values[k], *_interval(drawn, score, k, counted)]
        rows.append(row)
    return Table(columns, rows)


def _interval(drawn: dict[str, Floats], score: str, k: int, groups: int) -> list[float | None]:
    if score not in drawn:
        return []
    found = of_draws(drawn[score][:, k]) if groups > 1 else None
    return list(found or (None, None))


def groups_table(judged: Judged) -> Table:
    """Return a row a group: its items, the share that is right, what it was called most, how sure of the truth."""
    groups, rows = np.asarray(judged.groups, dtype=str), []
    for name in dict.fromkeys(groups.tolist()):
        inside = groups == name
        said, true = judged.said[inside], judged.label[inside]
        most = judged.classes[Counter(said.tolist()).most_common(1)[0][0]]
        held = sorted({judged.classes[k] for k in true.tolist()})
        rows.append([name, len(said), "; ".join(held), (said == true).mean(), most, judged.own[inside].mean()])
    columns = ["group", "items", "classes", "accuracy", "most_frequent_prediction", "mean_probability_of_true"]
    return Table(columns, rows)


def confused_table(judged: Judged) -> Table:
    """Return a row for each pair of classes of which one was taken for the other, the most frequent first."""
    names = judged.classes
    rows = [[names[m.true], names[m.said], m.items, m.share] for m in confusion.mistaken(judged.confused)]
    return Table(["true", "predicted", "items", "share_of_true"], rows)


def confusion_table(judged: Judged) -> Table:
    """Return a row a true class with how many of its items were called each class."""
    rows = [[name, *counts] for name, counts in zip(judged.classes, judged.confused.tolist(), strict=True)]
    return Table(["true", *judged.classes], rows)


def curve_table(judged: Judged, kind: str) -> Table:
    """Return the points of the ``roc`` or ``precision_recall`` curve of each class that has one."""
    columns = {"roc": ["false_positive_rate", "true_positive_rate"], "precision_recall": ["recall", "precision"]}[kind]
    rows = [
        [judged.classes[k], *point]
        for k, curve in class_curves(judged, kind)
        for point in zip(curve.x.tolist(), curve.y.tolist(), curve.threshold.tolist(), strict=True)
    ]
    return Table(["class", *columns, "threshold"], rows)


def class_curves(judged: Judged, kind: str) -> Iterator[tuple[int, curves.Curve]]:
    """Give the number of each class that has a curve, and the curve; one class alone has no ROC curve."""
    draw = curves.roc if kind == "roc" else curves.precision_recall
    for k in range(len(judged.classes)):
        own = judged.label == k
        if own.any() and not (kind == "roc" and own.all()):
            yield k, draw(own, judged.probability[:, k])


def calibration_table(judged: Judged) -> Table:
    """Return a row a bin of the highest probability: how many items, how sure, how often right."""
    found = curves.reliability(judged.label, judged.probability)
    rows = zip(found.low, found.high, found.items, found.probability, found.accuracy, strict=True)
    return Table(["low", "high", "items", "mean_probability", "accuracy"], [list(row) for row in rows])
