"""The model beside its rivals as figures: a dot for each score, a whisker for its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.card_facts import Column, Table
from zoo.figures import style
from zoo.figures.files import Table as Numbers
from zoo.figures.parts import Figure
from zoo.report.words import between, counted, known, listed, rounded

MODEL = "the model"
PANELS = 6
"""Scores that are drawn beside each other."""
GROUPS = 60
"""Test groups that are drawn one by one."""
_NOTHING = Column(mean=None)
_LOOKS = {"model": ("o", style.COLOURS[0], 7), "floor": ("s", style.COLOURS[1], 6), "part": ("D", style.GREY, 5)}


@dataclass(frozen=True, slots=True)
class Rival:
    """Who is scored: what it is (``model``, ``floor``, ``part`` of an ensemble or stage) and its columns by score."""

    what: str
    name: str
    columns: dict[str, Column]

    @property
    def label(self) -> str:
        """How it is called on the page."""
        return MODEL if self.what == "model" else f"floor: {self.name}" if self.what == "floor" else self.name


def of(table: Table) -> list[Rival]:
    """Return the model, what led to it, and its floors."""
    parts = {**table.ensemble, **table.stages}
    return [
        Rival("model", MODEL, table.scores),
        *(Rival("part", name, columns) for name, columns in parts.items()),
        *(Rival("floor", name, columns) for name, columns in table.floors.items()),
    ]


def one(table: Table, score: str, key: str, meaning: str = "") -> Figure | None:
    """Return the figure of one score, None where nobody has a value."""
    rivals = [(rival, rival.columns[score]) for rival in of(table) if score in rival.columns]
    valued = [(rival, column) for rival, column in rivals if column.mean is not None]
    if not valued:
        return None
    drawing = style.figure(7.6, 0.75 + 0.34 * len(valued))
    axes = style.tidy(drawing.subplots())
    _dots(axes, valued, words=True)
    axes.set_xlabel(style.short(score, 40))
    _line_of_best(axes, table, score)
    whiskers = "the whisker its 95 % interval over test groups" if any(known(c.interval) for _, c in valued) else ""
    caption = f"{meaning[:1].upper() + meaning[1:]}. " if meaning else ""
    caption += f"A dot is the score{', ' + whiskers if whiskers else '; no interval can be given'}."
    caption += " A floor is a trivial rival; the dashed line is the best of them." if table.best_floor(score) else ""
    return Figure(key, f"{score} beside its rivals", _alt(score, valued), drawing, _numbers({score: rivals}), caption)


def several(table: Table, scores: Sequence[str], key: str) -> Figure | None:
    """Return a figure with a panel for each of several scores, None where nobody has a value."""
    drawable = {}
    for score in scores:
        rivals = [(rival, rival.columns.get(score, _NOTHING)) for rival in of(table)]
        if any(column.mean is not None for _, column in rivals):
            drawable[score] = rivals
    shown = dict(list(drawable.items())[:PANELS])
    if not shown:
        return None
    from matplotlib.ticker import MaxNLocator

    wide = min(3, len(shown))
    tall = -(-len(shown) // wide)
    most = max(len(rivals) for rivals in shown.values())
    drawing = style.figure(3.2 * wide, tall * (0.7 + 0.24 * most))
    panels = drawing.subplots(tall, wide, squeeze=False).ravel()
    for axes, (score, rivals) in zip(panels, shown.items(), strict=False):
        style.tidy(axes)
        _dots(axes, rivals, words=False)
        axes.set_title(style.short(score, 36), fontsize=9)
        _line_of_best(axes, table, score)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for number, axes in enumerate(panels[: len(shown)]):
        if number % wide and most:
            axes.set_yticklabels([])
    alt = " ".join(_alt(score, [pair for pair in found if pair[1].mean is not None]) for score, found in shown.items())
    more = (
        f" The first {PANELS} of {len(drawable)} scores are drawn; the table has all." if len(drawable) > PANELS else ""
    )
    caption = f"Read as the picture of the verdict, each score with an axis of its own.{more}"
    return Figure(key, "All scores beside their rivals", alt[:2000], drawing, _numbers(shown), caption)


def by_group(table: Table, score: str, key: str, unit: str) -> Figure | None:
    """Return the figure of a score in each test group; None where groups have no values, or are too many."""
    ours = {group: value for group, value in table.scores[score].by_group.items() if value is not None}
    if not 1 < len(ours) <= GROUPS:
        return None
    order = sorted(ours, key=lambda group: ours[group])
    tall = len(order) <= 24  # noqa: PLR2004 - names stand beside a figure up to here, under it beyond
    drawing = style.figure(7.6, 0.9 + 0.22 * len(order)) if tall else style.figure(9.6, 3.4)
    axes = style.tidy(drawing.subplots())
    rivals = [rival for rival in of(table) if rival.what != "part" and score in rival.columns]
    rows = []
    for number, rival in enumerate(rivals):
        marker, colour, size = _LOOKS[rival.what]
        values = [rival.columns[score].by_group.get(group) for group in order]
        places = [n for n, value in enumerate(values) if value is not None]
        known_values = [value for value in values if value is not None]
        marker = marker if rival.what == "model" else style.MARKERS[1 + (number - 1) % (len(style.MARKERS) - 1)]
        colour = colour if rival.what == "model" else style.COLOURS[1 + (number - 1) % (len(style.COLOURS) - 1)]
        x, y = (known_values, places) if tall else (places, known_values)
        axes.plot(x, y, marker, color=colour, markersize=size - 1, linestyle="none", label=style.short(rival.label))
        rows += [[group, rival.label, value] for group, value in zip(order, values, strict=True)]
    _name_groups(axes, order, score, tall=tall)
    drawing.legend(loc="outside upper center", ncols=min(4, len(rivals)), fontsize=8, frameon=False)
    low, high = order[0], order[-1]
    alt = (
        f"{score} of the model in {counted(len(order), unit)}, from {rounded(ours[low])} in {low} to "
        f"{rounded(ours[high])} in {high}, beside its floors."
    )
    caption = f"One {unit} after the other, sorted by the model, which has to stand beyond its floors in each."
    return Figure(key, f"{score} by {unit}", alt, drawing, Numbers([unit, "who", score], rows), caption)


def _name_groups(axes: Any, order: Sequence[str], score: str, *, tall: bool) -> None:
    names = [style.short(group, 24) for group in order]
    if tall:
        axes.set_yticks(range(len(order)), names)
        axes.set_xlabel(style.short(score, 40))
        axes.grid(axis="y", color=style.PALE, linewidth=0.5, alpha=0.6)
    else:
        axes.set_xticks(range(len(order)), names, rotation=90, fontsize=7)
        axes.set_ylabel(style.short(score, 40))
        axes.grid(axis="x", color=style.PALE, linewidth=0.5, alpha=0.6)


def _dots(axes: Any, valued: Sequence[tuple[Rival, Column]], *, words: bool) -> None:
    for place, (rival, column) in enumerate(reversed(valued)):
        marker, colour, size = _LOOKS[rival.what]
        if column.mean is None:
            continue
        if known(column.interval) and column.interval:
            axes.plot(column.interval, [place, place], "-", color=colour, linewidth=2 if rival.what == "model" else 1.4)
        axes.plot([column.mean], [place], marker, color=colour, markersize=size)
        if words:
            text = rounded(column.mean)
            axes.annotate(
                text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, annotation_clip=False
            )
    axes.set_yticks(range(len(valued)), [style.short(rival.label, 30) for rival, _ in reversed(valued)])
    axes.set_ylim(-0.6, len(valued) - 0.4)


def _line_of_best(axes: Any, table: Table, score: str) -> None:
    best = table.best_floor(score)
    if best:
        axes.axvline(best[1], color=style.GREY, linestyle="--", linewidth=1)


def _alt(score: str, valued: Sequence[tuple[Rival, Column]]) -> str:
    told = [
        f"{rival.label} {rounded(column.mean)}"
        + (f" ({between(column.interval)})" if known(column.interval) and column.interval else "")
        for rival, column in valued
    ]
    return f"{score}: {listed(told, 12)}."


def _numbers(found: dict[str, list[tuple[Rival, Column]]]) -> Numbers:
    rows = []
    for score, rivals in found.items():
        for rival, column in rivals:
            low, high = column.interval if known(column.interval) and column.interval else (None, None)
            rows.append([score, rival.label, column.mean, low, high])
    return Numbers(["score", "who", "value", "95% from", "95% to"], rows)
