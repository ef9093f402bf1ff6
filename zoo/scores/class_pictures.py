"""Pictures of what a classifier said: who was taken for whom, curves of classes, how far probabilities can be believed.

Every function returns a figure of matplotlib, made without its global state; how it looks is :mod:`zoo.figures.style`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import DPI
from zoo.figures.style import COLOURS, DASHES, GREY, INK, ON_PALE, PALE, figure, short, tidy
from zoo.scores import confusion, curves
from zoo.scores.class_curves import KINDS, shown
from zoo.scores.classification import calibration_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo.scores.class_curves import Shown
    from zoo.scores.class_tables import Judged
    from zoo.scores.curves import Curve

DARK = 0.6
"""Share from which on the colour of a cell is a dark one."""
NUMBERED, LABELLED = 15, 400
"""Classes up to which the cells of a confusion matrix hold numbers, and its sides names."""
CELL, PITCH, WIDEST = 0.62, 0.115, 40.0
"""Inches of a cell with a number and without, and of a picture at most."""


def confusion_picture(
    judged: Judged, *, among: Sequence[int] | None = None, widest: float = WIDEST, labelled: int = LABELLED
) -> Any:
    """Draw the confusion matrix: a row a true class, the share of its items that were called each class.

    Parameters
    ----------
    judged
        What was said of items.
    among
        Classes in the order in which they are drawn; all as they come where not given.
    widest
        Inches of the picture at most.
    labelled
        Classes up to which its sides hold names.
    """
    from matplotlib.colors import Normalize, PowerNorm

    order = list(range(len(judged.classes)) if among is None else among)
    count, counted = len(order), judged.confused[np.ix_(order, order)]
    share = confusion.shares(judged.confused)[np.ix_(order, order)]
    names = [short(judged.classes[k]) for k in order]
    beside = 0.075 * max(map(len, names)) + 0.8 if count <= labelled else 1.0
    cell = CELL if count <= NUMBERED else max(PITCH, 0.2 - 0.001 * count)
    side = min(max(count * cell, 2.0), widest - beside - 1.0)
    drawing = figure(side + beside + 1.0, side + beside + 0.3)
    axes = drawing.subplots()
    # of many classes a few per cent are a finding: their colours are spread
    norm = Normalize(0, 1) if count <= NUMBERED else PowerNorm(0.5, 0, 1)
    drawn = axes.imshow(share, cmap=_colours(), norm=norm, interpolation="nearest", aspect="equal")
    axes.set_xticks([])
    axes.set_yticks([])
    if count <= labelled:
        size = 9 if count <= NUMBERED else 6
        axes.set_xticks(range(count), names, rotation=90, fontsize=size)
        axes.set_yticks(range(count), names, fontsize=size)
    axes.set_xlabel("predicted", fontsize=10)
    axes.set_ylabel("true", fontsize=10)
    axes.tick_params(length=2, pad=2)
    if count <= NUMBERED:
        _numbers(axes, share, counted, size=7 if side / count >= 0.4 else 5)  # noqa: PLR2004 - inches of a cell
    bar = drawing.colorbar(drawn, ax=axes, shrink=min(1.0, 6 / side), aspect=25, pad=0.02)
    bar.set_label("share of the true class", fontsize=9)
    return drawing


def _colours() -> Any:
    from matplotlib import colormaps

    return colormaps["Blues"].with_extremes(bad="#dddddd")  # a class without items


def _numbers(axes: Axes, share: NDArray[Any], counted: NDArray[Any], *, size: float) -> None:
    for (row, column), value in np.ndenumerate(share):
        if counted[row, column]:
            text, colour = f"{value:.2f}\n({counted[row, column]})", "white" if value > DARK else ON_PALE
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def curves_picture(judged: Judged, kind: str, *, found: Shown | None = None, wide: bool = True) -> Any:
    """Draw the ``roc`` or ``precision_recall`` curves of classes that :func:`zoo.scores.class_curves.shown` chooses.

    ``found`` are these, where they are known already. Names stand beside the axes, below them where the picture is not
    to be ``wide``.
    """
    across, up, _, called = KINDS[kind]
    found = found or shown(judged, kind)
    rows = (len(found.named) + 3) // 2
    drawing = figure(7.0, 4.2) if wide else figure(4.7, 3.9 + 0.17 * rows)
    axes = drawing.subplots()
    if kind == "roc":
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="chance")
    if found.spread:
        _summary(axes, *found.spread, label=f"mean of {found.count} ({found.area:.2f})")
    for number, (k, curve) in enumerate(found.named):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        label = f"{short(judged.classes[k], 28 if wide else 20)} ({found.areas[k]:.2f})"
        _line(axes, curve, steps=kind == "precision_recall", color=colour, linestyle=dash, linewidth=1.8, label=label)
    axes.grid(color=PALE, linewidth=0.5, alpha=0.6)
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    tidy(axes)
    frame = {"frameon": False, "fontsize": 8, "title": f"class ({called})", "title_fontsize": 8}
    if wide:
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), **frame)
    elif axes.get_legend_handles_labels()[0]:
        drawing.legend(loc="outside lower center", ncols=2, **frame)
    return drawing


def _line(axes: Axes, curve: Curve, *, steps: bool, **style: Any) -> None:
    if steps:  # each height holds from the recall before it
        axes.plot([0, *curve.x], [curve.y[0], *curve.y], drawstyle="steps-pre", **style)
    else:
        axes.plot(curve.x, curve.y, **style)


def _summary(axes: Axes, mean: NDArray[Any], low: NDArray[Any], high: NDArray[Any], *, label: str) -> None:
    axes.fill_between(curves.GRID, low, high, color=PALE, alpha=0.4, linewidth=0, label="90 % of classes")
    axes.plot(curves.GRID, mean, color=INK, linewidth=2.2, label=label)


def calibration_picture(judged: Judged) -> Any:
    """Draw how often the class that was said is right against how probable it was held, and how many items say so."""
    found = curves.reliability(judged.label, judged.probability)
    error = float(calibration_error(judged.label, judged.probability))
    drawing = figure(4.6, 5.4)
    above, below = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="as sure as right")
    known = found.items > 0
    sure, right = found.probability[known], found.accuracy[known]
    above.vlines(sure, sure, right, color=COLOURS[1], linewidth=2, label="distance from it")
    above.plot(sure, right, "o-", color=COLOURS[0], markersize=4, linewidth=1, label="this model")
    above.set(ylabel="share that is right", ylim=(-0.02, 1.02), xlim=(0, 1))
    above.set_title(f"expected calibration error {error:.3f}")
    below.bar((found.low + found.high) / 2, found.items, width=0.9 * (found.high - found.low), color=COLOURS[0])
    below.set(xlabel="probability of the predicted class", ylabel="items")
    for axes in (above, below):
        tidy(axes)
    above.legend(loc="upper left", frameon=False, fontsize=8)
    return drawing


def recall_picture(
    names: Sequence[str], recall: NDArray[Any], low: NDArray[Any], high: NDArray[Any], items: Sequence[int]
) -> Any:
    """Draw the recall of classes as points, one under the other, with an interval where there is one (not NaN)."""
    drawing = figure(6.4, 0.19 * len(names) + 0.9)
    axes, place = drawing.subplots(), np.arange(len(names))[::-1]
    has = ~np.isnan(low)
    mean = float(np.nanmean(recall))
    axes.axvline(mean, color=GREY, linewidth=0.8, linestyle=":", label=f"mean of these classes ({mean:.2f})")
    axes.hlines(place[has], low[has], high[has], color=COLOURS[0], linewidth=1.5, label="95 % interval")
    axes.plot(recall[has], place[has], "o", color=COLOURS[0], markersize=5, linestyle="none", label="recall")
    alone = {"markerfacecolor": "none", "markeredgecolor": COLOURS[1], "linestyle": "none", "markersize": 5}
    axes.plot(recall[~has], place[~has], "s", label="recall, no interval", **alone)
    told = [f"{short(name)} ({count})" for name, count in zip(names, items, strict=True)]
    axes.set_yticks(place, told)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.7, len(names) - 0.3), xlabel="recall: share of its items that were called so")
    tidy(axes)
    axes.tick_params(axis="y", length=0)
    handles = [
        h
        for h, drawn in zip(axes.get_legend_handles_labels()[0], (1, has.any(), has.any(), not has.all()), strict=True)
        if drawn
    ]
    drawing.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return drawing


def dots(judged: Judged) -> int:
    """Return the dots per inch of a confusion matrix: fewer where it is large."""
    return DPI if len(judged.classes) <= 100 else 100  # noqa: PLR2004 - six points are eight dots then
