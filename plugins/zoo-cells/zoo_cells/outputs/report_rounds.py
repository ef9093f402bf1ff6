"""How labels of images became labels of cells, on a page: what each round kept, dropped and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing

if TYPE_CHECKING:
    Round = Mapping[str, Any]

PARTS = {
    "chosen": ("kept", style.COLOURS[0], ""),
    "unknown": ("left open", style.PALE, ".."),
    "dropped": ("dropped", style.COLOURS[1], "//"),
    "added": ("added", style.COLOURS[2], "xx"),
}
"""What becomes of a label that a cell has from its field: word, colour and hatching."""
COUNTS = ("inherited", "chosen", "unknown", "dropped", "changed", "added")
DRAWN = ("image_map", "cell_map")
MOST = 40
LINE, AROUND = 0.19, 1.1
CAPTION = (
    "Each cell of the training fields starts with all labels of its field. A round keeps a label in the cells that "
    "speak for it most, drops it in those that speak for it least, and leaves it open in between, where the model is "
    "not told. Labels are added where a cell shows none of its field's and is taken to be empty."
)

BY_LOCATION = (
    "Labels of cells of the training fields. Changed are those that differ from the round before; added are those of a "
    "location that the field is not labelled with."
)


def rounds_of(steps: Sequence[Any]) -> tuple[str, list[Round]]:
    """Return the name of the first stage that tells of rounds of labels, and what it tells; nothing without one."""
    for step in steps:
        summary = step.get("summary") if isinstance(step, dict) else None
        found = summary.get("rounds") if isinstance(summary, dict) else None
        if isinstance(found, list) and found and all(isinstance(one, dict) and _is_whole(one) for one in found):
            return str(step.get("name", "")), found
    return "", []


def _is_whole(one: Round) -> bool:
    return all(isinstance(one.get(name), int) for name in ("round", "instances", *COUNTS[:-1]))


def parts(rounds: Sequence[Round]) -> Iterator[Figure | Listing]:
    """Give what became of the labels in each round, what that did to the scores, and which locations it struck."""
    told = all("by_class" in one for one in rounds)
    yield _history(rounds)
    if told:
        yield _by_location(rounds)
    yield Listing("rounds", "Rounds", _table(rounds), caption=_caption(rounds))
    if told:
        yield Listing("rounds-by-location", "Rounds by location", _by_location_table(rounds), caption=BY_LOCATION)


def _caption(rounds: Sequence[Round]) -> str:
    metric = rounds[-1].get("metric")
    judged = f" A round counts where {metric} of the validation fields rises." if metric else ""
    return f"Labels of cells of the training fields; scores are of the validation fields.{judged}"


def _scores(rounds: Sequence[Round]) -> dict[str, list[float]]:
    """Return each score that is drawn, before the first round and after each."""
    first, *_ = rounds
    found = {}
    for name in dict.fromkeys([*(one.get("metric") for one in rounds[-1:]), *DRAWN]):
        values = [first.get("before", {}).get(name), *(one.get("after", {}).get(name) for one in rounds)]
        if name and any(value is not None for value in values):
            found[name] = [np.nan if value is None else float(value) for value in values]
    return found


def _history(rounds: Sequence[Round]) -> Figure:
    scores = _scores(rounds)
    figure = style.figure(9.6 if scores else 4.8, 2.8)
    left, *right = figure.subplots(1, 2 if scores else 1, squeeze=False)[0]
    _stacks(style.tidy(left), rounds)
    if right:
        _lines(style.tidy(right[0]), scores)
    names = [name for name in COUNTS if all(name in one for one in rounds)]
    before = ["before", rounds[0]["inherited"], *[None] * (len(names) - 1), *(values[0] for values in scores.values())]
    behind = [
        [f"round {one['round']}", *(one[name] for name in names), *(values[n] for values in scores.values())]
        for n, one in enumerate(rounds, 1)
    ]
    table = Table(["round", *names, *scores], [before, *behind])
    return Figure("rounds-history", "What each round did", _alt(rounds, scores), figure, table, CAPTION)


def _stacks(axes: Any, rounds: Sequence[Round]) -> None:
    """Draw a bar a round: how many labels of cells it kept, left open, dropped and added."""
    start = np.zeros(len(rounds))
    for part, (word, colour, hatch) in PARTS.items():
        wide = np.array([one.get(part, 0) for one in rounds])
        look = {"color": colour, "hatch": hatch, "edgecolor": style.ON_PALE, "linewidth": 0.3}
        axes.barh(range(len(rounds)), wide, left=start, height=0.6, label=word, **look)
        start += wide
    axes.set_yticks(range(len(rounds)), [f"round {one['round']}" for one in rounds], fontsize=8)
    axes.set(xlabel="labels of cells of the training fields", ylim=(len(rounds) - 0.4, -0.6))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(PARTS), frameon=False, fontsize=8)


def _lines(axes: Any, scores: Mapping[str, Sequence[float]]) -> None:
    for number, (name, values) in enumerate(scores.items()):
        look = {"color": style.COLOURS[number], "marker": style.MARKERS[number], "linestyle": style.DASHES[number]}
        axes.plot(range(len(values)), values, label=name, markersize=5, linewidth=1.4, **look)
    count = len(next(iter(scores.values())))
    axes.set_xticks(range(count), ["before", *(f"round {n}" for n in range(1, count))], fontsize=8)
    axes.set(ylabel="score of validation fields", ylim=(0, 1.02), xlim=(-0.2, count - 0.8))
    axes.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.6)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(scores), frameon=False, fontsize=8)


def _by_location(rounds: Sequence[Round]) -> Figure:
    """Draw how many cells have each location by the labels of fields and by each round, and how many labels changed."""
    counted = [{name: np.asarray(one["by_class"][name]) for name in COUNTS} for one in rounds]
    inherited, names = counted[0]["inherited"], rounds[0]["classes"]
    have = [one["chosen"] + one["added"] for one in counted]
    changed = [one["changed"] / np.maximum(one["inherited"] + one["added"], 1) for one in counted]
    order = np.argsort(-np.maximum(inherited, have[-1]), kind="stable")[:MOST]
    rows = order[np.maximum(inherited, have[-1])[order] > 0]
    figure = style.figure(9.6, AROUND + LINE * max(len(rows), 3))
    left, right = figure.subplots(1, 2, sharey=True)
    line = np.arange(len(rows))
    left.plot(inherited[rows], line, "|", color=style.GREY, markersize=8, markeredgewidth=1.6, label="labels of fields")
    for number, (one, share) in enumerate(zip(have, changed, strict=True)):
        look = {"color": style.COLOURS[number % len(style.COLOURS)], "markersize": 4.5}
        mark, shift = style.MARKERS[number % len(style.MARKERS)], 0.5 * (number + 0.5) / len(rounds) - 0.25
        for axes, values in ((left, one), (right, share)):
            axes.plot(values[rows], line + shift, mark, label=f"round {rounds[number]['round']}", **look)
    for axes, label in ((left, "cells that have it"), (right, "share of its labels that changed")):
        style.tidy(axes).set(xlabel=label)
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.6)
    left.set_yticks(line, [style.short(names[k], 24) for k in rows.tolist()], fontsize=7)
    left.set_ylim(len(rows) - 0.4, -0.6)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False, fontsize=8)
    told = ", ".join(f"{names[k]} from {inherited[k]} to {have[-1][k]}" for k in rows[:4].tolist())
    return Figure(
        "rounds-locations",
        "Labels of each location",
        alt=f"How many cells have a location, by the labels of their fields and after the last round: {told}.",
        drawing=figure,
        numbers=_by_location_table(rounds),
        caption="Left, cells that are taught to show a location: all cells of the fields labelled with it (grey lines) "
        "and those left after each round. Right, the share of its labels that differ from those before the round; "
        "where it falls from round to round, the labels settle.",
    )


def _by_location_table(rounds: Sequence[Round]) -> Table:
    rows = [
        [one["round"], name, *(one["by_class"][what][k] for what in COUNTS)]
        for one in rounds
        for k, name in enumerate(one["classes"])
    ]
    return Table(["round", "location", *COUNTS], rows)


def _table(rounds: Sequence[Round]) -> Table:
    scores = list(dict.fromkeys(name for one in rounds for name in one.get("after", {}) if _some(rounds, name)))
    counts = [name for name in COUNTS if all(name in one for one in rounds)]
    kept = ["kept"] if all("kept" in one for one in rounds) else []
    rows = [
        [one["round"], one["instances"], *(one[name] for name in counts)]
        + [("yes" if one["kept"] else "no") for _ in kept]
        + [one.get(when, {}).get(name) for name in scores for when in ("before", "after")]
        for one in rounds
    ]
    columns = ["round", "cells", *counts, *("counts" for _ in kept)]
    return Table([*columns, *(f"{name}_{when}" for name in scores for when in ("before", "after"))], rows)


def _some(rounds: Sequence[Round], name: str) -> bool:
    return any(one.get("after", {}).get(name) is not None for one in rounds)


def _alt(rounds: Sequence[Round], scores: Mapping[str, Sequence[float]]) -> str:
    told = [
        f"Round {one['round']} kept {one['chosen']} of {one['inherited']} labels of cells, left {one['unknown']} open, "
        f"dropped {one['dropped']} and changed {one['changed']} in all."
        for one in rounds
    ]
    went = [
        f"{name} of the validation fields went from {values[0]:.2f} to {values[-1]:.2f}."
        for name, values in scores.items()
    ]
    return " ".join([*told, *went])
