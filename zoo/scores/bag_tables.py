"""What was said of bags as tables: each bag, each class beside its control, and where attention found what it should.

A table is its columns and its rows, ready for :func:`zoo.figures.files.write_table`; a value that is not there is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.intervals import drawn_groups, of_draws
from zoo.scores import class_tables, curves, localisation, ranking
from zoo.scores.class_tables import Judged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Labels = NDArray[np.int64]

NO_CONTROL = -1
MOST_ROWS = 20_000
"""Bags of a table at most."""
MOST_COLUMNS = 12
"""Classes up to which a table of bags has the probability of each."""


@dataclass(frozen=True)
class Attended:
    """Attention of the instances of all bags, one bag after the other [N], and how many each bag has [n].

    ``mask`` says which of them are true [N], None where nobody knows.
    """

    attention: NDArray[Any]
    size: Labels
    mask: Mask | None = None

    @cached_property
    def ends(self) -> Labels:
        """Where the instances of each bag end [n]."""
        return np.cumsum(self.size)

    def of(self, bag: int) -> slice:
        """Return which instances are those of a bag."""
        return slice(int(self.ends[bag] - self.size[bag]), int(self.ends[bag]))


@dataclass(frozen=True)
class Bags:
    """Bags, what they are and what was said of them.

    Attributes
    ----------
    names, groups
        Of each bag.
    label
        Number of its class [n], -1 where nobody knows.
    probability
        Of each class [n, K].
    classes
        Their names.
    control
        Number of the class that the others are held against, -1 for none.
    found
        Scores of localisation of each bag [n] (:data:`zoo.scores.localisation.SCORES`), NaN where there is none.
    attended
        Where the model looked; None where it does not say.
    noun
        What a class is called.
    """

    names: Sequence[str]
    groups: Sequence[str]
    label: Labels
    probability: NDArray[Any]
    classes: Sequence[str]
    control: int = NO_CONTROL
    found: Mapping[str, Floats] = field(default_factory=dict)
    attended: Attended | None = None
    noun: str = "class"

    @cached_property
    def finite(self) -> Mask:
        """Which bags have probabilities that are numbers [n]."""
        return np.asarray(np.isfinite(self.probability).all(axis=1))

    @cached_property
    def known(self) -> Labels:
        """The bags with a label of which something was said, by their numbers."""
        return np.flatnonzero((self.label >= 0) & self.finite)

    @cached_property
    def judged(self) -> Judged:
        """Those bags as items of classes."""
        groups = np.asarray(self.groups, dtype=str)[self.known].tolist()
        return Judged(self.label[self.known], self.probability[self.known], groups, self.classes)

    @cached_property
    def said(self) -> Labels:
        """The most probable class of each bag [n], -1 where nothing was said."""
        said = np.nan_to_num(self.probability, nan=-np.inf).argmax(axis=1)
        return np.where(self.finite, said, -1)

    @cached_property
    def sure(self) -> Floats:
        """The probability of that class [n]."""
        found: Floats = self.probability.max(axis=1).astype(np.float64)
        return found

    @cached_property
    def own(self) -> Floats:
        """The probability of each bag's own class [n], NaN where nobody knows it."""
        held = self.probability[np.arange(len(self.label)), np.maximum(self.label, 0)].astype(np.float64)
        return np.where(self.label >= 0, held, np.nan)

    @cached_property
    def against_control(self) -> Floats:
        """The ROC-AUC of each class against the control [K], NaN where one of the two has no bag."""
        found: Floats = ranking.one_vs_control(self.judged.label, self.judged.probability, self.control)
        return found

    @cached_property
    def intervals(self) -> list[tuple[float, float] | None]:
        """The 95 % interval of each of these [K], from drawing groups anew; None where there are too few."""
        names, group_of = np.unique(np.asarray(self.judged.groups, dtype=str), return_inverse=True)
        if len(names) < 2:  # noqa: PLR2004 - one group says nothing about the next
            return [None] * len(self.classes)
        draws = drawn_groups(len(names))
        step = max(1, class_tables.AT_ONCE // max(1, len(group_of)))
        parts = [
            ranking.one_vs_control(self.judged.label, self.judged.probability, self.control, part[:, group_of])
            for part in (draws[start : start + step] for start in range(0, len(draws), step))
        ]
        drawn = np.concatenate(parts)
        held = [set(group_of[self.judged.label == k].tolist()) for k in range(len(self.classes))]
        # of one group alone every drawing that holds it has the same bags
        return [
            of_draws(drawn[:, k]) if len(held[k]) > 1 and len(held[self.control]) > 1 else None
            for k in range(len(self.classes))
        ]

    @cached_property
    def localised(self) -> Labels:
        """The bags in which there was something to find, by their numbers."""
        values = self.found.get("auprc", np.zeros(0))
        return np.flatnonzero(np.isfinite(values))

    def called(self, number: int) -> str:
        """Return the name of a class, nothing for none."""
        return self.classes[number] if number >= 0 else ""


def bags_table(bags: Bags) -> Table:
    """Return a row a bag: its name and group, what it is, what was said and how probable that and the truth are."""
    each = [f"probability_{name}" for name in bags.classes] if len(bags.classes) <= MOST_COLUMNS else []
    rows = []
    for bag in range(min(len(bags.label), MOST_ROWS)):
        true, said = int(bags.label[bag]), int(bags.said[bag])
        right = "" if true < 0 or said < 0 else "yes" if true == said else "no"
        row = [bags.names[bag], bags.groups[bag], bags.called(true), bags.called(said), right]
        values = [bags.sure[bag], bags.own[bag], *(bags.probability[bag] if each else ())]
        rows.append([*row, *(finite(value) for value in values)])
    columns = ["id", "group", "true", "predicted", "right", "probability_of_predicted", "probability_of_true"]
    return Table([*columns, *each], rows)


def finite(value: Any) -> float | None:
    """Return a number as it is, and None for one that is none."""
    return float(value) if np.isfinite(value) else None


def classes_table(bags: Bags) -> Table:
    """Return a row a class as :func:`zoo.scores.class_tables.classes_table`, with its ROC-AUC against the control."""
    found = class_tables.classes_table(bags.judged)
    if bags.control == NO_CONTROL:
        return found
    rows = []
    for k, row in enumerate(found.rows):
        low, high = bags.intervals[k] or (None, None)
        rows.append([*row, finite(bags.against_control[k]), low, high])
    named = "auc_against_control"
    return Table([*found.columns, named, f"{named}_low", f"{named}_high"], rows)


def control_curves(bags: Bags) -> Iterator[tuple[int, curves.Curve]]:
    """Give the number of each class that has a ROC curve against the control, and the curve.

    Only bags of the two classes count, ordered by the odds of the one against the other.
    """
    label, log = bags.judged.label, np.log(np.maximum(bags.judged.probability.astype(np.float64), ranking.TINY))
    for k in range(len(bags.classes)):
        both = (label == k) | (label == bags.control)
        if k != bags.control and np.isfinite(bags.against_control[k]):
            yield k, curves.roc(label[both] == k, log[both, k] - log[both, bags.control])


def control_table(bags: Bags, shown: Mapping[int, curves.Curve]) -> Table:
    """Return the points of these curves; the threshold is the logarithm of the odds from which on a bag counts."""
    columns = ["class", "false_positive_rate", "true_positive_rate", "log_odds"]
    return Table(
        columns,
        [
            [bags.classes[k], x, y, finite(at)]
            for k, curve in shown.items()
            for x, y, at in zip(curve.x.tolist(), curve.y.tolist(), curve.threshold.tolist(), strict=True)
        ],
    )


def localised_table(bags: Bags) -> Table:
    """Return a row a bag in which there was something to find: how well attention found it, beside chance."""
    columns = ["id", "group", "true", "predicted", "auprc", "prevalence", "auprc_over_prevalence", "pointing", "iou"]
    counted = bags.attended is not None and bags.attended.mask is not None
    rows = []
    for bag in bags.localised[:MOST_ROWS].tolist():
        row = [bags.names[bag], bags.groups[bag], bags.called(int(bags.label[bag])), bags.called(int(bags.said[bag]))]
        values = {name: float(bags.found[name][bag]) for name in localisation.SCORES}
        times = values["auprc"] / values["prevalence"]
        row += [values["auprc"], values["prevalence"], times, values["pointing"], values["iou"]]
        rows.append([*row, *(_counts(bags.attended, bag) if counted else ())])
    return Table([*columns, *(("roc_auc", "instances", "true_instances") if counted else ())], rows)


def _counts(attended: Attended | None, bag: int) -> list[Any]:
    if attended is None or attended.mask is None:
        return []
    here = attended.of(bag)
    true = attended.mask[here]
    return [float(ranking.roc_auc(true, attended.attention[here])), len(true), int(true.sum())]


@dataclass(frozen=True)
class MeanCurve:
    """Curves of bags at :data:`zoo.scores.curves.GRID`: their mean, and between what half of the bags lie."""

    mean: Floats
    low: Floats
    high: Floats


def attention_curves(bags: Bags, kind: str) -> MeanCurve | None:
    """Return the mean of the bags' ``roc`` or ``precision_recall`` curves of attention; None where there are none."""
    attended = bags.attended
    if attended is None or attended.mask is None or not len(bags.localised):
        return None
    draw, heights = (curves.roc if kind == "roc" else curves.precision_recall), []
    for bag in bags.localised.tolist():
        here = attended.of(bag)
        curve = draw(attended.mask[here], attended.attention[here])
        heights.append(curves.on_grid(curve, steps=kind != "roc"))
    low, high = np.percentile(heights, (25, 75), axis=0)
    return MeanCurve(np.mean(heights, axis=0), low, high)


def attention_table(found: Mapping[str, MeanCurve]) -> Table:
    """Return these curves as rows: which, its axis across, its mean and the middle half of the bags."""
    rows = [
        [kind, *point]
        for kind, curve in found.items()
        for point in zip(*(v.tolist() for v in (curves.GRID, curve.mean, curve.low, curve.high)), strict=True)
    ]
    return Table(["curve", "across", "mean", "low", "high"], rows)
