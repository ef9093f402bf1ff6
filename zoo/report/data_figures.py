"""Figures of how many items there are: of each group by its side, of each class by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure
from zoo.report.census import SIDES
from zoo.report.words import counted

WORDS = {"train": "train", "val": "validation", "test": "test"}
BARS, LEVEL = 40, 12
"""Bars that are drawn, and up to how many of them have names that lie level."""
_LOOKS = {"train": (style.COLOURS[0], ""), "validation": (style.COLOURS[2], ".."), "test": (style.COLOURS[1], "//")}


def sizes(items: Mapping[str, int], sides: Mapping[str, str], unit: str) -> Figure | None:
    """Return the figure of the items of each group; None where there are none, or too many to be drawn.

    Parameters
    ----------
    items
        Group -> its items.
    sides
        Group -> its side in words; empty where there are several folds.
    unit
        Of the groups.
    """
    if not 0 < len(items) <= BARS:
        return None
    from matplotlib.ticker import MaxNLocator

    drawing = style.figure(9.6, 2.8)
    axes = style.tidy(drawing.subplots())
    order = list(_LOOKS)
    groups = sorted(items, key=lambda g: (order.index(sides[g]) if sides.get(g) in order else len(order), g))
    for side in dict.fromkeys(sides.get(group, "") for group in groups):
        chosen = [n for n, group in enumerate(groups) if sides.get(group, "") == side]
        colour, hatch = _LOOKS.get(side, (style.GREY if sides else style.COLOURS[0], ""))
        heights = [items[groups[n]] for n in chosen]
        axes.bar(chosen, heights, color=colour, hatch=hatch, edgecolor="white", linewidth=0.3, label=side or "left out")
    turned = 90 if len(groups) > LEVEL else 0
    axes.set_xticks(range(len(groups)), [style.short(group, 16) for group in groups], rotation=turned)
    axes.set_ylabel("items")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if sides:
        drawing.legend(loc="outside upper right", ncols=4, fontsize=8, frameon=False)
    alt = f"{counted(len(items), unit)} with {min(items.values()):,} to {max(items.values()):,} items each."
    caption = "How many items each group brings" + ("; coloured by the side that it stands on." if sides else ".")
    rows = [[group, items[group], sides.get(group, "")] for group in groups]
    return Figure("data-sizes", f"Items by {unit}", alt, drawing, Table([unit, "items", "side"], rows), caption)


def classes(counts: Mapping[str, Mapping[str, Sequence[int]]]) -> Figure:
    """Return the figure of the items of each class by side; ``counts`` are class -> side -> items of each group."""
    from matplotlib.ticker import MaxNLocator

    many = len(counts)
    drawing = style.figure(7.6, 0.9 + 0.24 * many)
    axes = style.tidy(drawing.subplots())
    names, left = list(counts)[::-1], [0] * many
    for side in SIDES:
        values = [sum(counts[name][side]) for name in names]
        colour, hatch = _LOOKS[WORDS[side]]
        label = WORDS[side] if any(values) else ""
        axes.barh(
            range(many), values, left=left, color=colour, hatch=hatch, edgecolor="white", linewidth=0.3, label=label
        )
        left = [one + other for one, other in zip(left, values, strict=True)]
    axes.set_yticks(range(many), [style.short(name) for name in names])
    axes.set_xlabel("items")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawing.legend(loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    sums = dict(zip(names, left, strict=True))
    most, least = max(names, key=sums.__getitem__), min(names, key=sums.__getitem__)
    alt = f"{counted(many, 'class')} by side, from {sums[least]:,} items ({least}) to {sums[most]:,} ({most})."
    rows = [[name, *(sum(counts[name][side]) for side in SIDES)] for name in counts]
    numbers = Table(["class", *(WORDS[side] for side in SIDES)], rows)
    caption = "Where an item may be of several classes, it counts in each."
    return Figure("data-class-sizes", "Items by class and side", alt, drawing, numbers, caption)
