"""Several runs as figures: how far each is from the reference, where each stands beside its floors, group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure
from zoo.report.words import between, counted, cut, listed, rounded

PANELS, GROUPS = 12, 60
"""Scores that are drawn beside each other, and groups that are drawn one by one."""

Found = Mapping[str, Any]


def forest(found: Found, wanted: Sequence[str], key: str) -> Figure | None:
    """Return how much better each run is than the reference, a panel a score; None where nothing can be said."""
    pairs = [pair for pair in found["differences"] if pair["against"] == found["reference"]]
    known = {s: [p for p in pairs if p["score"] == s and p["mean"] is not None] for s in wanted}
    shown = {score: rows for score, rows in known.items() if rows}
    panels = dict(list(shown.items())[:PANELS])
    if not panels:
        return None
    most = max(map(len, panels.values()))
    drawing, axes_of = _panels(list(panels), 0.85 + 0.3 * most)
    for score, rows in panels.items():
        axes = axes_of[score]
        for place, pair in enumerate(reversed(rows)):
            interval = pair["interval"]
            sure = bool(interval) and (interval[0] > 0 or interval[1] < 0)
            if interval:
                axes.plot(interval, [place, place], "-", color=style.COLOURS[0], linewidth=2)
            face = style.COLOURS[0] if sure else "none"
            axes.plot([pair["mean"]], [place], "o", color=style.COLOURS[0], markersize=6, markerfacecolor=face)
        axes.axvline(0, color=style.GREY, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(rows)), [style.short(pair["run"], 24) for pair in reversed(rows)])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_title(style.short(score, 36), fontsize=9)
        axes.margins(x=0.12)
        axes.set_xlabel("better →", loc="right")
    alt = " ".join(
        f"{score}: {pair['run']} {pair['mean']:+.3f}{_sure(pair['interval'])}."
        for score, rows in panels.items()
        for pair in rows
    )
    caption = (
        f"Difference to {cut(found['reference'], 60)}, right of the dashed line where the run is better; the whisker "
        "is its 95 % interval. A filled dot: the interval leaves out 0. An open one: it does not, or there is none."
    )
    rows = [
        [score, pair["run"], pair["mean"], *(pair["interval"] or (None, None))]
        for score, some in panels.items()
        for pair in some
    ]
    numbers = Table(["score", "run", "better by", "95% from", "95% to"], rows)
    title = f"How much better than {cut(found['reference'], 60)}"
    return Figure(key, title, alt[:2000], drawing, numbers, caption + _left_out(shown, panels))


def scores(found: Found, key: str) -> Figure | None:
    """Return each run beside its best floor, a panel a score; None where nobody has a value."""
    runs = found["runs"]
    shown = [s for s in found["higher_is_better"] if any(r["scores"][s]["mean"] is not None for r in runs)]
    if not shown:
        return None
    panels = shown[:PANELS]
    drawing, axes_of = _panels(panels, 0.75 + 0.34 * len(runs))
    rows, told = [], []
    for score in panels:
        axes = axes_of[score]
        for place, run in enumerate(reversed(runs)):
            column, margin = run["scores"][score], run["above_floor"][score]
            floor = run["floors"].get(margin["floor"] or "", {}).get(score, {}).get("mean")
            if column["interval"]:
                axes.plot(column["interval"], [place, place], "-", color=style.COLOURS[0], linewidth=2)
            if column["mean"] is not None:
                axes.plot([column["mean"]], [place], "o", color=style.COLOURS[0], markersize=6)
            if floor is not None:
                axes.plot([floor], [place], "s", color=style.COLOURS[1], markersize=5)
            rows.append([score, run["run"], column["mean"], *(column["interval"] or (None, None)), floor])
            told.append(f"{score} of {run['run']} {rounded(column['mean'])}, best floor {rounded(floor)}.")
        axes.set_yticks(range(len(runs)), [style.short(run["run"], 24) for run in reversed(runs)])
        axes.set_ylim(-0.6, len(runs) - 0.4)
        axes.set_title(style.short(score, 36), fontsize=9)
        axes.margins(x=0.12)
    caption = "A dot is the run with its 95 % interval over the shared groups, a square its best floor."
    lower = [score for score in panels if not found["higher_is_better"][score]]
    caption += f" Lower is better: {listed(lower)}." if lower else ""
    numbers = Table(["score", "run", "value", "95% from", "95% to", "best floor"], rows)
    return Figure(key, "Runs beside their floors", " ".join(told)[:2000], drawing, numbers, caption)


def by_group(found: Found, score: str, key: str) -> Figure | None:
    """Return a score of each run in each group, joined where they are of one group; None of too many or no groups."""
    runs, unit = found["runs"], found["unit"]
    values = {run["run"]: run["scores"][score]["by_group"] for run in runs}
    first = values[found["reference"]]
    groups = [group for group in found["groups"] if any(own.get(group) is not None for own in values.values())]
    if not 1 < len(groups) <= GROUPS:
        return None
    order = sorted(groups, key=lambda group: (first.get(group) is None, first.get(group) or 0))
    drawing = style.figure(7.6, 1.0 + 0.24 * len(order))
    axes = style.tidy(drawing.subplots())
    for place, group in enumerate(order):
        there = [own[group] for own in values.values() if own.get(group) is not None]
        axes.plot([min(there), max(there)], [place, place], "-", color=style.PALE, linewidth=1.5, zorder=1)
    for number, (name, own) in enumerate(values.items()):
        some = [(own[group], place) for place, group in enumerate(order) if own.get(group) is not None]
        marker = style.MARKERS[number % len(style.MARKERS)]
        colour = style.COLOURS[number % len(style.COLOURS)]
        x, y = zip(*some, strict=True) if some else ((), ())
        axes.plot(x, y, marker, color=colour, markersize=6, linestyle="none", label=style.short(name, 40))
    axes.set_yticks(range(len(order)), [style.short(group, 24) for group in order])
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel(style.short(score, 40))
    drawing.legend(loc="outside upper center", ncols=min(4, len(runs)), fontsize=8, frameon=False)
    means = [f"{run['run']} {rounded(run['scores'][score]['mean'])}" for run in runs]
    alt = f"{score} in {counted(len(order), unit)}; over all of them {listed(means, 12)}."
    better = "right" if found["higher_is_better"][score] else "left"
    caption = f"One {unit} a row, sorted by the reference; further to the {better} is better."
    rows = [[group, *(own.get(group) for own in values.values())] for group in order]
    return Figure(key, f"{score} by {unit}", alt, drawing, Table([unit, *values], rows), caption)


def _panels(names: Sequence[str], height: float) -> tuple[Any, dict[str, Any]]:
    """Return a figure with an axes for each name."""
    wide = min(3, len(names))
    tall = -(-len(names) // wide)
    drawing = style.figure(6.4 if len(names) == 1 else 3.2 * wide, height * tall)
    grid = drawing.subplots(tall, wide, squeeze=False).ravel()
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return drawing, {name: style.tidy(axes) for name, axes in zip(names, grid, strict=False)}


def _sure(interval: Sequence[float] | None) -> str:
    return f" ({between(interval)})" if interval else ""


def _left_out(shown: Mapping[str, Any], panels: Mapping[str, Any]) -> str:
    more = len(shown) - len(panels)
    return f" The first {len(panels)} of {len(shown)} scores are drawn; the table has all." if more else ""
