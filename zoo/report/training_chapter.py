"""The chapter of training: loss, validation scores, learning rate, speed and memory, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.report import trainings
from zoo.report.facts import RunFacts, inside
from zoo.report.trainings import LOSS, VAL_LOSS, Training
from zoo.report.words import counted, cut, listed, number, rounded, seconds

PANELS, POINTS, MOST_ROWS = 6, 300, 5_000
"""Trainings of different parts that are drawn; epochs of a line; rows of a listing."""
TICKS = 5
"""Of an axis at most; each costs time."""
MANY = 12
"""Lines from which on they are thin and have no names."""
Curve = list[tuple[int, float]]


def of(facts: RunFacts) -> list[Section]:
    """Return the sections; of a package, which has no log, none."""
    every, ways = trainings.of(facts), trainings.directions(facts)
    found = [*(_curves(every, ways) if every else ()), *_stages(facts)]
    return [*([_summary(every, ways)] if every else []), *found]


def _summary(every: Sequence[Training], ways: Mapping[str, bool]) -> Section:
    rows = [_row(training, ways) for training in every[:MOST_ROWS]]
    columns = [
        "training",
        "epochs",
        "best epoch",
        "chosen by",
        "remarks",
        "first loss",
        "last loss",
        "lowest val. loss",
    ]
    columns += ["highest rate", "seconds", "items/s", "GPU MB", "process MB"]
    used = [n for n in range(len(columns)) if n < 2 or any(row[n] not in {None, ""} for row in rows)]  # noqa: PLR2004
    table = Table([columns[n] for n in used], [[row[n] for n in used] for row in rows])
    told = len(trainings.troubled(every, ways))
    troubled = f"{told} of {counted(len(every), 'training')} {'has' if told == 1 else 'have'} a remark." if told else ""
    took = sum(value for training in every for _, value in training.values("seconds"))
    whole = f"{counted(len(every), 'training')}, {seconds(took)} in all, validation not counted. " if took else ""
    words = f"{whole}{trainings.RULE} {troubled or 'None of the trainings here is either.'}"
    caption = "Memory is the most that was held at once up to then; that of the process counts all it did before."
    return Section(
        "training-summary", "Every training", [Listing("training-table", "Trainings", table, caption)], words
    )


def _row(training: Training, ways: Mapping[str, bool]) -> list[Any]:
    losses, validated = training.values(LOSS), training.values(VAL_LOSS)
    took = sum(value for _, value in training.values("seconds"))
    speeds = sorted(value for _, value in training.values("items_per_second"))
    best = training.best(ways)
    return [
        training.name,
        len(training.lines),
        best,
        _called(training.metric) if best else "",
        training.trouble(ways),
        losses[0][1] if losses else None,
        losses[-1][1] if losses else None,
        min((value for _, value in validated), default=None),
        max((rate for line in training.rates.values() for _, rate in line), default=None),
        round(took, 1) if took else None,
        speeds[len(speeds) // 2] if speeds else None,
        max((value for _, value in training.values("memory_mb")), default=None),
        max((value for _, value in training.values("resident_mb")), default=None),
    ]


def _called(metric: str) -> str:
    return "weighted sum" if metric == trainings.SUM else metric.removeprefix("val_")


def _curves(every: Sequence[Training], ways: Mapping[str, bool]) -> Iterator[Section]:
    parts: dict[str, list[Training]] = {}
    for training in every:
        parts.setdefault(training.part, []).append(training)
    more = f" The first {PANELS} of {len(parts)} parts of a training are drawn." if len(parts) > PANELS else ""
    shown = dict(list(parts.items())[:PANELS])
    figures = [_losses(shown, ways), _validation(shown, ways), _rates(shown)]
    drawn = [figure for figure in figures if figure is not None]
    if drawn:
        yield Section("training-curves", "Epoch by epoch", drawn, more.strip())


def _losses(parts: Mapping[str, Sequence[Training]], ways: Mapping[str, bool]) -> Figure | None:
    def curves(training: Training) -> dict[str, Curve]:
        return {"training": training.values(LOSS), "validation": training.values(VAL_LOSS)}

    caption = "Solid: loss of the training items. Dashed: loss of the validation groups. A ring marks the best epoch."
    return _panels("training-loss", "Loss", parts, curves, caption, best=lambda one: (VAL_LOSS, one.best(ways)))


def _validation(parts: Mapping[str, Sequence[Training]], ways: Mapping[str, bool]) -> Figure | None:
    """Return the figure of what the best epoch is chosen by, where that is not the loss alone."""
    scored = {part: [t for t in found if t.metric not in {"", VAL_LOSS}] for part, found in parts.items()}
    chosen = {part: found for part, found in scored.items() if found}
    if not chosen:
        return None
    names = sorted({_called(one.metric) for found in chosen.values() for one in found})

    def curves(training: Training) -> dict[str, Curve]:
        return {"validation": training.values(training.metric)}

    caption = f"What the best epoch is chosen by ({listed(names)}), on the validation groups. A ring marks that epoch."
    title = "Score of the validation groups"
    return _panels("training-validation", title, chosen, curves, caption, best=lambda one: (one.metric, one.best(ways)))


def _rates(parts: Mapping[str, Sequence[Training]]) -> Figure | None:
    """Return the figure of the learning rates that change; one that stays stands in the table."""
    longest = {part: max(found, key=lambda one: len(one.lines)) for part, found in parts.items()}
    changing = {part: [one] for part, one in longest.items() if any(_changes(line) for line in one.rates.values())}
    caption = "Learning rate at the end of each epoch, on a logarithmic axis, of the longest training of its kind."
    return _panels("training-rate", "Learning rate", changing, lambda one: one.rates, caption, log=True)


def _changes(line: Curve) -> bool:
    values = [value for _, value in line]
    return bool(values) and max(values) > 1.001 * min(values)  # rates are printed with fewer digits than that


def _panels(
    key: str,
    title: str,
    parts: Mapping[str, Sequence[Training]],
    curves: Callable[[Training], Mapping[str, Curve]],
    caption: str,
    *,
    best: Callable[[Training], tuple[str, int | None]] | None = None,
    log: bool = False,
) -> Figure | None:
    """Return a figure with a panel for each part of a training, in it a line for each training and what it has."""
    drawn = {part: [(one, curves(one)) for one in found] for part, found in parts.items()}
    drawn = {part: [pair for pair in found if any(pair[1].values())] for part, found in drawn.items()}
    drawn = {part: found for part, found in drawn.items() if found}
    if not drawn:
        return None
    wide = min(3, len(drawn))
    tall = -(-len(drawn) // wide)
    from matplotlib.ticker import MaxNLocator

    drawing = style.figure(4.7 if wide == 1 else 3.2 * wide, 3.0 if tall == wide == 1 else 2.4 * tall + 0.3)
    panels = drawing.subplots(tall, wide, squeeze=False).ravel()
    rows: list[list[Any]] = []
    for axes, (part, found) in zip(panels, drawn.items(), strict=False):
        style.tidy(axes)
        for place, (training, lines) in enumerate(found):
            marked = best(training) if best else ("", None)
            _draw(axes, lines, place, few=len(found) <= MANY, rates=log)
            _mark(axes, training, marked, place)
            rows += [[training.name, name, *point] for name, line in lines.items() for point in _thin(line)]
        if len(found) > 1 and not log:
            _mean(axes, [lines for _, lines in found])
        axes.set_title(style.short(part or ("all trainings" if len(found) > 1 else found[0][0].name), 40), fontsize=9)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
        if log:
            axes.set_yscale("log")
            axes.minorticks_off()
        else:
            axes.yaxis.set_major_locator(MaxNLocator(TICKS))
        _legend(axes, found, log=log)
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    numbers = Table(["training", "what", "epoch", "value"], rows)
    return Figure(key, title, _alt(title, drawn), drawing, numbers, caption + _many(drawn))


def _draw(axes: Any, lines: Mapping[str, Curve], place: int, *, few: bool, rates: bool) -> None:
    for number_of, (name, line) in enumerate(lines.items()):
        thin = _thin(line)
        colour = style.COLOURS[(number_of if rates else place) % len(style.COLOURS)] if few or rates else style.GREY
        dashes = style.DASHES[number_of % len(style.DASHES)]
        marker = "." if len(thin) == 1 else ""
        width, label = (1.4, style.short(name)) if few else (0.5, "")
        axes.plot(
            *zip(*thin, strict=True), dashes, color=colour, linewidth=width, marker=marker, label=label
        ) if thin else None


def _mark(axes: Any, training: Training, best: tuple[str, int | None], place: int) -> None:
    key, epoch = best
    value = dict(training.values(key)).get(epoch) if epoch is not None else None
    if value is not None:
        colour = style.COLOURS[place % len(style.COLOURS)]
        axes.plot(
            [epoch], [value], "o", markerfacecolor="none", markeredgecolor=colour, markersize=8, markeredgewidth=1.5
        )


def _mean(axes: Any, found: Sequence[Mapping[str, Curve]]) -> None:
    """Draw the mean over trainings of the epochs that all of them have."""
    for number_of, name in enumerate(found[0]):
        values = [dict(lines[name]) for lines in found if lines.get(name)]
        shared = sorted(set.intersection(*map(set, values))) if len(values) > 1 else []
        line = _thin([(epoch, sum(one[epoch] for one in values) / len(values)) for epoch in shared])
        if len(line) > 1:
            dashes = style.DASHES[number_of % len(style.DASHES)]
            axes.plot(*zip(*line, strict=True), dashes, color=style.INK, linewidth=2.2)


def _legend(axes: Any, found: Sequence[tuple[Training, Mapping[str, Curve]]], *, log: bool) -> None:
    """Name what dashes mean, in the axes' own colour; trainings are too many to be named and stand in the table."""
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(name for _, lines in found for name, line in lines.items() if line))
    if len(names) < 2 and not log:  # noqa: PLR2004 - one needs no name
        return
    order = list(found[0][1])
    marks = [
        Line2D([], [], color=style.COLOURS[n % len(style.COLOURS)] if log else style.INK, linestyle=style.DASHES[n % 4])
        for n in (order.index(name) if name in order else 0 for name in names)
    ]
    axes.legend(marks, [style.short(name) for name in names], fontsize=8, frameon=False)


def _alt(title: str, drawn: Mapping[str, Sequence[tuple[Training, Mapping[str, Curve]]]]) -> str:
    told = []
    for part, found in drawn.items():
        training, lines = found[0]
        name, line = next((name, line) for name, line in lines.items() if line)
        more = f", the first of {len(found)} trainings" if len(found) > 1 else ""
        told.append(
            f"{part or training.name}{more}: {name} from {_short(line[0][1])} in epoch {line[0][0]} to "
            f"{_short(line[-1][1])} in epoch {line[-1][0]}"
        )
    return f"{title} by epoch. {'; '.join(told)}."


def _short(value: float) -> str:
    return rounded(value) if 0.01 <= abs(value) < 1e4 else f"{value:.2g}"  # noqa: PLR2004 - three decimals say enough


def _many(drawn: Mapping[str, Sequence[Any]]) -> str:
    most = max(len(found) for found in drawn.values())
    if most > MANY:
        return f" Thin lines are the {most} trainings, the thick ones their mean."
    return " Each colour is one fold and seed; the thick lines are their mean." if most > 1 else ""


def _thin(line: Curve) -> Curve:
    """Return at most :data:`POINTS` points of a line, its ends among them."""
    if len(line) <= POINTS:
        return line
    step = (len(line) - 1) / (POINTS - 1)
    return [line[round(n * step)] for n in range(POINTS)]


def _stages(facts: RunFacts) -> Iterator[Section]:
    """Give what stages told of themselves."""
    rows, told = [], inside(facts.metrics, "members") or []
    stated = told if isinstance(told, list) else []
    for member in [*stated, *({"member": name, **found} for name, found in facts.results.items())]:
        steps = inside(member, "steps")
        for step in steps if isinstance(steps, list) else ():
            summary = inside(step, "summary")
            said = (
                ", ".join(f"{name} {_said(value)}" for name, value in summary.items())
                if isinstance(summary, dict)
                else ""
            )
            took = number(inside(step, "seconds"))
            rows.append(
                [
                    cut(inside(member, "member")),
                    cut(inside(step, "name")),
                    cut(inside(step, "use")),
                    took,
                    cut(said, 300),
                ]
            )
    if rows:
        table = Table(["member", "stage", "what", "seconds", "it tells"], rows[:MOST_ROWS])
        words = (
            "Stages come one after the other; what one made is kept, so that seconds may be those of an earlier run."
        )
        yield Section("training-stages", "Stages", [Listing("training-stages-table", "Stages", table)], words)


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"of {len(value)}" if isinstance(value, dict | list) else cut(value, 60)
