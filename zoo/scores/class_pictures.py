"""Pictures of what a classifier said: who was taken for whom, curves of classes, how far probabilities can be believed.

Every function returns a figure of matplotlib, made without its global state. Colours can be told apart by the
colour-blind (Okabe & Ito), and lines by their dashes too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores import confusion, curves
from zoo.scores.class_tables import class_curves
from zoo.scores.classification import calibration_error
from zoo.scores.files import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zoo.scores.class_tables import Judged
    from zoo.scores.curves import Curve

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
DASHES = ("-", "--")
GREY = "#666666"
DARK = 0.6
"""Share from which on the colour of a cell is a dark one."""
EACH = len(COLOURS) * len(DASHES)
"""Classes of which each has a curve in the picture; of more, their mean, their spread and the extremes are drawn."""
EXTREMES = 3
NUMBERED, LABELLED = 15, 400
"""Classes up to which the cells of a confusion matrix hold numbers, and its sides names."""
CELL, PITCH, WIDEST = 0.62, 0.115, 40.0
"""Inches of a cell with a number and without, and of a picture at most."""
LONGEST = 28
KINDS = {
    "roc": ("share of other items called so", "share of its own items called so", "auc", "ROC-AUC"),
    "precision_recall": ("recall", "precision", "ap", "average precision"),
}


def short(name: str, longest: int = LONGEST) -> str:
    """Return a name that fits beside an axis; dollars are no formulas."""
    return (name if len(name) <= longest else f"{name[: longest - 1]}…").replace("$", r"\$")


def confusion_picture(judged: Judged) -> Any:
    """Draw the confusion matrix: a row a true class, the share of its items that were called each class."""
    from matplotlib.colors import Normalize, PowerNorm
    from matplotlib.figure import Figure

    count, share = len(judged.classes), confusion.shares(judged.confused)
    cell = CELL if count <= NUMBERED else max(PITCH, 0.2 - 0.001 * count)
    side = min(max(count * cell, 2.0), WIDEST - 4)
    names = [short(name) for name in judged.classes]
    beside = 0.075 * max(map(len, names)) + 0.8 if count <= LABELLED else 1.0
    figure = Figure(figsize=(side + beside + 1.0, side + beside + 0.3), layout="constrained")
    axes = figure.subplots()
    colours = _colours()
    # of many classes a few per cent are a finding: their colours are spread
    norm = Normalize(0, 1) if count <= NUMBERED else PowerNorm(0.5, 0, 1)
    drawn = axes.imshow(share, cmap=colours, norm=norm, interpolation="nearest", aspect="equal")
    size = 9 if count <= NUMBERED else 6
    if count <= LABELLED:
        axes.set_xticks(range(count), names, rotation=90, fontsize=size)
        axes.set_yticks(range(count), names, fontsize=size)
    axes.set_xlabel("predicted", fontsize=10)
    axes.set_ylabel("true", fontsize=10)
    axes.tick_params(length=2, pad=2)
    if count <= NUMBERED:
        _numbers(axes, share, judged.confused)
    bar = figure.colorbar(drawn, ax=axes, shrink=min(1.0, 6 / side), aspect=25, pad=0.02)
    bar.set_label("share of the true class", fontsize=9)
    return figure


def _colours() -> Any:
    from matplotlib import colormaps

    return colormaps["Blues"].with_extremes(bad="#dddddd")  # a class without items


def _numbers(axes: Axes, share: Any, counted: Any) -> None:
    for (row, column), value in np.ndenumerate(share):
        if counted[row, column]:
            text, colour = f"{value:.2f}\n({counted[row, column]})", "white" if value > DARK else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def curves_picture(judged: Judged, kind: str) -> Any:
    """Draw the ``roc`` or ``precision_recall`` curves of classes.

    Up to :data:`EACH` classes have a curve each. Of more there are the mean over classes, the band in which nine tenths
    of them lie, and by name the highest and the lowest by the area under them.
    """
    from matplotlib.figure import Figure

    across, up, score, called = KINDS[kind]
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    found, areas = dict(class_curves(judged, kind)), judged.by_class[score]
    steps = kind == "precision_recall"
    if kind == "roc":
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="chance")
    named = sorted(found, key=lambda k: -areas[k])
    if len(named) > EACH:
        _summary(axes, list(found.values()), float(np.nanmean(areas)), steps=steps)
        named = [*named[:EXTREMES], *named[-EXTREMES:]]
    for number, k in enumerate(named):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        label = f"{short(judged.classes[k])} ({areas[k]:.2f})"
        _line(axes, found[k], steps=steps, color=colour, linestyle=dash, linewidth=1.3, label=label)
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
        fontsize=8,
        title=f"class ({called})",
        title_fontsize=8,
    )
    return figure


def _line(axes: Axes, curve: Curve, *, steps: bool, **style: Any) -> None:
    if steps:  # each height holds from the recall before it
        axes.plot([0, *curve.x], [curve.y[0], *curve.y], drawstyle="steps-pre", **style)
    else:
        axes.plot(curve.x, curve.y, **style)


def _summary(axes: Axes, found: list[Curve], area: float, *, steps: bool) -> None:
    heights = np.stack([curves.on_grid(curve, steps=steps) for curve in found])
    low, high = np.percentile(heights, (5, 95), axis=0)
    axes.fill_between(curves.GRID, low, high, color="#bbbbbb", alpha=0.5, linewidth=0, label="90 % of classes")
    axes.plot(
        curves.GRID, heights.mean(axis=0), color="black", linewidth=2.2, label=f"mean of {len(found)} ({area:.2f})"
    )


def calibration_picture(judged: Judged) -> Any:
    """Draw how often the class that was said is right against how probable it was held, and how many items say so."""
    from matplotlib.figure import Figure

    found = curves.reliability(judged.label, judged.probability)
    error = float(calibration_error(judged.label, judged.probability))
    figure = Figure(figsize=(4.6, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="as sure as right")
    known = found.items > 0
    above.vlines(
        found.probability[known], found.probability[known], found.accuracy[known], color=COLOURS[1], linewidth=2
    )
    above.plot(found.probability[known], found.accuracy[known], "o-", color=COLOURS[0], markersize=4, linewidth=1)
    above.set(ylabel="share that is right", ylim=(-0.02, 1.02), xlim=(0, 1))
    above.set_title(f"expected calibration error {error:.3f}", fontsize=9)
    above.legend(loc="upper left", frameon=False, fontsize=8)
    below.bar(
        (found.low + found.high) / 2, found.items, width=found.high - found.low, color=COLOURS[4], edgecolor="white"
    )
    below.set(xlabel="probability of the predicted class", ylabel="items")
    return figure


def dots(judged: Judged) -> int:
    """Return the dots per inch of a confusion matrix: fewer where it is large."""
    return DPI if len(judged.classes) <= 100 else 100  # noqa: PLR2004 - six points are eight dots then
