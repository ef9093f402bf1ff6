"""What a page shows of bags: what was said of each, and what follows from where the model looked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.scores import bag_found, bag_looks, class_curves, class_pictures, class_tables
from zoo.scores import bag_pictures as pictures
from zoo.scores import bag_tables as tables
from zoo.scores.bag_tables import NO_CONTROL, Bags
from zoo.scores.classification import calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int64]

MOST_CURVES = 12
"""Classes that have a curve each against the control; of more the highest and the lowest."""
MOST_COLUMNS = 40
"""Classes that have a column of marks; of more those of most bags."""
MOST_CELLS = 15
"""Classes up to which it is drawn which was taken for which."""


def sections(bags: Bags, dataset: Any, items: Labels) -> Iterator[Section]:
    """Give the sections of a report on bags, without those of which nothing is known.

    Parameters
    ----------
    bags
        What was said of them.
    dataset
        May draw attention: ``attention_figures(items, attention, size, titles, keys)`` and
        ``attention_spectra(items, attention, size, classes)``.
    items
        The number of each bag in the dataset [n].
    """
    yield _classes(bags)
    yield from bag_looks.sections(bags, dataset, items)
    yield from bag_found.sections(bags)


def _classes(bags: Bags) -> Section:
    parts: list[Figure | Listing] = []
    if len(bags.known):
        parts += [*_curves(bags), _strip(bags), *_confusion(bags), _calibration(bags)]
        plural = "doses" if bags.noun == "dose" else "classes"
        parts.append(Listing("bag-classes", f"Scores of the {plural}", tables.classes_table(bags), CLASSES_SAY))
        groups = class_tables.groups_table(bags.judged)
        say = "Items are bags. The accuracy is the share of a group's bags that were called right."
        parts.append(Listing("bag-groups", "Scores of the groups", groups, say, sort="accuracy"))
    parts.append(_all(bags))
    return Section("bags", "Classes of bags", parts, words=_words(bags))


CLASSES_SAY = (
    "Items are bags. Intervals (95 %) come from drawing groups anew; a class whose bags are all of one group has none. "
    "auc and ap hold a class against all others."
)


def _words(bags: Bags) -> str:
    told = f"A bag is called by its most probable {bags.noun}. "
    right = int((bags.judged.said == bags.judged.label).sum())
    told += f"{right} of {len(bags.known)} bags with a label are called right." if len(bags.known) else ""
    unknown, broken = int(((bags.label < 0) & bags.finite).sum()), int((~bags.finite).sum())
    if unknown:
        told += f" {unknown} bags have no label; they stand in the table of all bags only."
    if broken:
        told += f" Of {broken} bags the model says no number; they are left out of everything else."
    if len(bags.known) and len(set(bags.judged.label.tolist())) == 1:
        told += f" All of them are of one {bags.noun}, so that there is nothing to tell apart and no ROC curve."
    return told.strip()


def _curves(bags: Bags) -> Iterator[Figure]:
    if bags.control == NO_CONTROL:
        yield from _one_vs_rest(bags)
        return
    found = dict(tables.control_curves(bags))
    if not found:
        return
    order = sorted(found, key=lambda k: -bags.against_control[k])
    if len(order) > MOST_CURVES:
        order = [*order[: MOST_CURVES // 2], *order[-MOST_CURVES // 2 :]]
    shown = {k: found[k] for k in sorted(order)}
    control = bags.classes[bags.control]
    areas = "; ".join(f"{bags.classes[k]} {pictures.with_interval(bags, k)}" for k in shown)
    few = f" Of {len(found)} curves the highest and the lowest are shown." if len(found) > len(shown) else ""
    yield Figure(
        "bag-roc",
        f"{bags.classes[order[0]] if len(found) == 1 else f'Each {bags.noun}'} told apart from {control}",
        alt=f"ROC curves against {control}. Area under the curve: {areas}.",
        drawing=pictures.control_picture(bags, shown),
        numbers=tables.control_table(bags, shown),
        caption=f"ROC curves over the bags of a {bags.noun} and of {control} alone. The area is the share of pairs in "
        f"which the bag of the {bags.noun} is ranked above the one of {control}: 0.5 is chance, 1 is always.{few}",
        card=True,
    )


def _one_vs_rest(bags: Bags) -> Iterator[Figure]:
    found = class_curves.shown(bags.judged, "roc")
    if not found.named:
        return
    areas = "; ".join(f"{bags.classes[k]} {found.areas[k]:.2f}" for k, _ in found.named)
    few = f" Of {found.count} curves the highest, the lowest and the mean are shown." if found.spread else ""
    yield Figure(
        "bag-roc",
        "Each class told apart from all others",
        alt=f"ROC curves of {found.count} classes. Area under the curve: {areas}.",
        drawing=class_pictures.curves_picture(bags.judged, "roc", found=found, wide=False),
        numbers=class_curves.shown_table(bags.judged, "roc", found),
        caption="The area under a ROC curve is the share of pairs in which the bag of the class is ranked above one of "
        f"another: 0.5 is chance, 1 is always.{few}",
        card=True,
    )


def _strip(bags: Bags) -> Figure:
    judged, counted = bags.judged, np.bincount(bags.judged.label, minlength=len(bags.classes))
    columns = sorted(np.argsort(-counted, kind="stable")[:MOST_COLUMNS].tolist())
    columns = [k for k in columns if counted[k] or len(bags.classes) <= MOST_CELLS]
    value, meaning, cut = _value(bags)
    middle = "; ".join(
        f"{bags.classes[k]} {np.median(value[judged.label == k]):.2f}" for k in columns[:12] if counted[k]
    )
    right = int((judged.said == judged.label).sum())
    rows = [
        [bags.names[bag], bags.classes[label], bags.classes[said], at]
        for bag, label, said, at in zip(
            *(values.tolist() for values in (bags.known, judged.label, judged.said, value)), strict=True
        )
        if label in set(columns)
    ][: tables.MOST_ROWS // 4]
    few = f" The {len(columns)} classes of most bags are shown." if len(columns) < (counted > 0).sum() else ""
    line = " The dotted line is one half." if cut is not None else ""
    return Figure(
        "bag-probability",
        f"Each bag by its {bags.noun}",
        alt=f"{len(judged.label)} bags, {right} of them called right. Median of the {meaning}: {middle}.",
        drawing=pictures.strip_picture(bags, value, columns, meaning, cut),
        numbers=Table(["id", "true", "predicted", meaning.replace(" ", "_")], rows),
        caption=f"A mark is a bag, its height the {meaning}; the line in a column is their median. Blue dots were "
        f"called right, orange triangles wrong.{line}{few}",
    )


def _value(bags: Bags) -> tuple[Floats, str, float | None]:
    """Return what is drawn of each bag, what it means, and where its middle is."""
    probability = bags.judged.probability.astype(np.float64)
    if bags.control == NO_CONTROL:
        return bags.judged.own, "probability of its own class", None
    others = [k for k in range(len(bags.classes)) if k != bags.control]
    named = bags.classes[others[0]] if len(others) == 1 else f"any {bags.noun} but {bags.classes[bags.control]}"
    return np.clip(1 - probability[:, bags.control], 0, 1), f"probability of {named}", 0.5


def _confusion(bags: Bags) -> Iterator[Figure]:
    if len(bags.classes) > MOST_CELLS:
        return
    judged = bags.judged
    present = np.flatnonzero(judged.confused.sum(axis=1)).tolist()
    told = "; ".join(f"{bags.classes[k]} {judged.confused[k, k]} of {judged.confused[k].sum()}" for k in present)
    yield Figure(
        "bag-confusion",
        f"Which {bags.noun} was taken for which",
        alt=f"Confusion matrix of bags. Called right: {told}.",
        drawing=class_pictures.confusion_picture(judged),
        numbers=class_tables.confusion_table(judged),
        caption=f"A row is a true {bags.noun}; its cells are the share of its bags that were called each {bags.noun}, "
        "with their number in brackets.",
    )


def _calibration(bags: Bags) -> Figure:
    error = float(calibration_error(bags.judged.label, bags.judged.probability))
    sure, right = bags.judged.probability.max(axis=1).mean(), (bags.judged.said == bags.judged.label).mean()
    return Figure(
        "bag-calibration",
        "Can its probabilities be believed?",
        alt=f"Held probable by {sure:.0%} on average and right in {right:.0%}; expected calibration error {error:.2f}.",
        drawing=class_pictures.calibration_picture(bags.judged),
        numbers=class_tables.calibration_table(bags.judged),
        caption=f"Bags by the probability of the {bags.noun} that they were called. On the diagonal the model is right "
        "as often as it claims; below it, it claims too much. A bin of few bags says little.",
    )


def _all(bags: Bags) -> Listing:
    few = len(bags.label) - tables.MOST_ROWS
    cut = f" {few:,} more bags are not shown." if few > 0 else ""
    caption = f"Bags whose true {bags.noun} was held least probable come first.{cut}"
    table = tables.bags_table(bags)
    return Listing("bag-all", "All bags", table, caption, sort="probability_of_true" if len(bags.known) else "")
