"""Whether attention lies where it should: what a page shows of bags of which it is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.scores import bag_pictures as pictures
from zoo.scores import bag_tables as tables
from zoo.scores.bag_tables import Bags

MOST_COLUMNS = 40
"""Classes that have a column of marks; of more those of most bags."""
MOST_MARKS = 5_000
"""Bags whose numbers stand beside a picture at most."""


def sections(bags: Bags) -> Iterator[Section]:
    """Give the section on localisation; none where no bag has something to find."""
    if len(bags.localised):
        yield _localisation(bags)


def _localisation(bags: Bags) -> Section:
    label = bags.label[bags.localised]
    counted = np.bincount(label, minlength=len(bags.classes))
    columns = sorted(k for k in np.argsort(-counted, kind="stable")[:MOST_COLUMNS].tolist() if counted[k])
    mean = {name: float(bags.found[name][bags.localised].mean()) for name in ("auprc", "prevalence", "pointing", "iou")}
    times = mean["auprc"] / mean["prevalence"]
    verdict = (
        f"Attention ranks the true instances with an average precision of {mean['auprc']:.2f}; even attention reaches "
        f"{mean['prevalence']:.2f}, their share of a bag. " + _beside(times)
    )
    told = "; ".join(
        f"{bags.classes[k]} {bags.found['auprc'][bags.localised][label == k].mean():.2f}" for k in columns[:12]
    )
    table = tables.localised_table(bags)
    rows = [[*row[:3], *row[4:6], row[7]] for row in table.rows[:MOST_MARKS]]
    by_class = Figure(
        "localised-bags",
        "How well attention finds it, bag by bag",
        alt=f"Mean average precision of attention: {told}; by even attention {mean['prevalence']:.2f}. The most "
        f"attended instance is a true one in {mean['pointing']:.0%} of {len(label)} bags.",
        drawing=pictures.localised_picture(bags, columns),
        numbers=Table(["id", "group", "true", "auprc", "prevalence", "pointing"], rows),
        caption="Left: a dot is a bag; the line is the mean, the dotted line what even attention reaches. Right, the "
        "pointing game: in how many bags the most attended instance is a true one; the dotted line is how often an "
        "instance drawn at random would be.",
    )
    say = "auprc is the average precision of attention, iou the overlap of the true instances with those of more than "
    listing = Listing(
        "localised-all",
        "Localisation of each bag",
        table,
        f"{say}even attention, pointing whether the most attended instance is a true one.",
        sort="-auprc",
    )
    words = f"{verdict} It is measured over {len(label)} bags in which some instances are true and some are not."
    return Section("localisation", "Localisation", [*_mean_curves(bags), by_class, listing], words=words)


def _beside(times: float) -> str:
    return "That is no better than attending to all alike." if times <= 1 else f"That is {times:.1f} times as much."


def _mean_curves(bags: Bags) -> Iterator[Figure]:
    pair = [(kind, tables.attention_curves(bags, kind)) for kind in ("precision_recall", "roc")]
    found = {kind: curve for kind, curve in pair if curve is not None}
    if len(found) < len(pair):
        return
    precision, prevalence = found["precision_recall"].mean, float(bags.found["prevalence"][bags.localised].mean())
    half = len(precision) // 2
    yield Figure(
        "localised-curves",
        "Attention against the truth",
        alt=f"Precision and recall, and ROC, of attention within a bag, mean over {len(bags.localised)} bags. Where "
        f"half of the true instances are found, {precision[half]:.0%} of those attended are true; of all instances "
        f"{prevalence:.0%} are.",
        drawing=pictures.attention_picture(found, prevalence),
        numbers=tables.attention_table(found),
        caption="Instances of a bag by falling attention. The line is the mean over bags, the band holds the middle "
        "half of them, the dotted line is what attention drawn at random reaches.",
    )
