"""Pictures of what was said of bags: each class against its control, how sure of each bag, where attention found it.

Every function returns a figure of matplotlib, made without its global state (:mod:`zoo.figures.style`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.style import COLOURS, DASHES, GREY, INK, MANY, MARKERS, figure, short, tidy
from zoo.scores import curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo.scores.bag_tables import Bags, MeanCurve

    Floats = NDArray[np.float64]

NARROW, WIDE = 4.7, 9.6
ROOM = 0.75
"""Share of the room of a column of marks that they fill."""
UPRIGHT = 8
"""Columns up to which their names stand upright; more lie on their side."""
RIGHT, WRONG = (COLOURS[0], MARKERS[0]), (COLOURS[1], MARKERS[2])
KINDS = {
    "precision_recall": ("share of the true instances found (recall)", "share that is true (precision)"),
    "roc": ("share of the other instances attended", "share of the true instances attended"),
}


def control_picture(bags: Bags, shown: Mapping[int, curves.Curve]) -> Any:
    """Draw the ROC curves of classes against the control, with the area under each and its interval."""
    drawing = figure(NARROW, 4.2)
    axes = tidy(drawing.subplots())
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="chance 0.50")
    for number, (k, curve) in enumerate(shown.items()):
        name = f"{short(bags.classes[k], 18)} {with_interval(bags, k)}"
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        axes.plot(curve.x, curve.y, color=colour, linestyle=dash, linewidth=1.6, label=name)
    control = short(bags.classes[bags.control], 18)
    axes.set(xlabel=f"share of {control} bags called so", ylabel=f"share of the {bags.noun}'s bags called so")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
    title = "area under the curve (95 % interval)"
    drawing.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=8, title=title, title_fontsize=8)
    return drawing


def with_interval(bags: Bags, k: int) -> str:
    """Return the area under the curve of a class against the control as text."""
    bounds = bags.intervals[k]
    told = f" ({bounds[0]:.2f} to {bounds[1]:.2f})" if bounds else ""
    return f"{bags.against_control[k]:.2f}{told}"


def strip_picture(bags: Bags, value: Floats, columns: Sequence[int], meaning: str, cut: float | None) -> Any:
    """Draw a mark for each bag, a column a class; bags that were called wrongly have another colour and form.

    Parameters
    ----------
    bags
        What was said.
    value
        Of each bag that is known [known].
    columns
        The classes that have a column, by their numbers.
    meaning
        Of the value, beside its axis.
    cut
        Where a line is drawn across; None for none.
    """
    drawing = figure(NARROW, 4.2)
    axes = tidy(drawing.subplots())
    label, right = bags.judged.label, bags.judged.said == bags.judged.label
    x = np.zeros(len(label))
    for place, k in enumerate(columns):
        own = label == k
        x[own] = place + beside(value[own])
        if own.any():
            middle = float(np.median(value[own]))
            axes.plot([place - 0.42, place + 0.42], [middle, middle], color=INK, linewidth=1.2, solid_capstyle="butt")
    drawn = np.isin(label, columns)
    for (colour, marker), which, name in ((RIGHT, right, "called right"), (WRONG, ~right, "called wrong")):
        chosen = which & drawn
        marks = axes.scatter(x[chosen], value[chosen], s=22, color=colour, marker=marker, alpha=0.85, linewidths=0)
        marks.set(rasterized=len(x) > MANY, label=f"{name} ({chosen.sum()})")
    if cut is not None:
        axes.axhline(cut, color=GREY, linewidth=0.8, linestyle=":")
    _names(axes, [bags.classes[k] for k in columns], f"{bags.noun} of the bag")
    axes.set(ylabel=meaning, ylim=(-0.03, 1.03))
    drawing.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return drawing


def _names(axes: Axes, names: Sequence[str], across: str) -> None:
    turned = len(names) > UPRIGHT
    longest = 28 if turned else max(8, 56 // max(1, len(names)))
    axes.set_xticks(range(len(names)), [short(name, longest) for name in names], rotation=90 if turned else 0)
    spare = max(0.0, 1 - len(names) / 3)  # a few columns do not spread over the whole width
    axes.set(xlim=(-0.6 - spare, len(names) - 0.4 + spare), xlabel=across)


def beside(values: Floats) -> Floats:
    """Return how far marks of one column move sideways [n], so that those of like height stand beside each other."""
    moved, level = np.zeros(len(values)), np.round(values * 40)
    widest = max((int((level == one).sum()) for one in np.unique(level)), default=1)
    step = min(0.11, ROOM / max(1, widest - 1))
    for one in np.unique(level):
        here = np.flatnonzero(level == one)
        here = here[np.argsort(values[here], kind="stable")]
        here = np.concatenate([here[::2], here[1::2][::-1]])  # the highest in the middle, and no slant
        moved[here] = step * (np.arange(len(here)) - (len(here) - 1) / 2)
    return moved


def attention_picture(found: Mapping[str, MeanCurve], prevalence: float) -> Any:
    """Draw the mean curves of attention over bags, the middle half of the bags, and what even attention reaches."""
    drawing = figure(WIDE, 3.9)
    for axes, (kind, curve) in zip(drawing.subplots(1, 2), found.items(), strict=True):
        tidy(axes)
        across, up = KINDS[kind]
        floor = [prevalence, prevalence] if kind == "precision_recall" else [0, 1]
        name = f"share of true instances ({prevalence:.2f})" if kind == "precision_recall" else "by chance"
        axes.fill_between(curves.GRID, curve.low, curve.high, color=COLOURS[0], alpha=0.25, linewidth=0)
        axes.plot(curves.GRID, curve.mean, color=COLOURS[0], linewidth=1.8, label="mean over bags")
        axes.plot([0, 1], floor, color=GREY, linestyle=":", linewidth=1.2, label=name)
        axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8)
    return drawing


def localised_picture(bags: Bags, columns: Sequence[int]) -> Any:
    """Draw how well attention found what there was in each bag, a column a class, beside the share that was there."""
    drawing = figure(WIDE, 3.6)
    left, right = drawing.subplots(1, 2)
    label = bags.label[bags.localised]
    value, floor = (bags.found[name][bags.localised] for name in ("auprc", "prevalence"))
    tidy(left)
    for place, k in enumerate(columns):
        own = label == k
        many = len(label) > MANY
        left.scatter(place + beside(value[own]), value[own], s=20, color=COLOURS[0], linewidths=0, rasterized=many)
        _line(left, place, value[own].mean(), "mean" if not place else "", floor=False)
        _line(left, place, floor[own].mean(), "even attention" if not place else "", floor=True)
    _names(left, [bags.classes[k] for k in columns], f"{bags.noun} of the bag")
    left.set(ylabel="average precision of attention", ylim=(-0.03, 1.03))
    _pointing(tidy(right), bags, columns)
    for axes in (left, right):
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8)
    return drawing


def _line(axes: Axes, place: float, height: float, name: str, *, floor: bool) -> None:
    colour, dash = (GREY, ":") if floor else (INK, "-")
    axes.plot([place - 0.4, place + 0.4], [height] * 2, color=colour, linestyle=dash, linewidth=1.8, label=name or None)


def _pointing(axes: Axes, bags: Bags, columns: Sequence[int]) -> None:
    label = bags.label[bags.localised]
    hits, floor = (bags.found[name][bags.localised] for name in ("pointing", "prevalence"))
    for place, k in enumerate(columns):
        own = label == k
        share = float(hits[own].mean())
        axes.bar(place, share, width=0.55, color=COLOURS[2], label="most attended is true" if not place else None)
        told = f"{hits[own].sum():.3g} of {own.sum()}"
        axes.annotate(told, (place, share), (0, 3), textcoords="offset points", ha="center", fontsize=8)
        _line(axes, place, floor[own].mean(), "by chance" if not place else "", floor=True)
    _names(axes, [bags.classes[k] for k in columns], f"{bags.noun} of the bag")
    axes.set(ylabel="share of the bags", ylim=(0, 1.1))
