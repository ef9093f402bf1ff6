"""The chapter of scores: all of them beside their floors, by group, by member, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.card_facts import Column, Margin
from zoo.contestant import MODEL
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.report import rivals, trainings
from zoo.report.facts import RunFacts, inside
from zoo.report.words import counted, cut, known, number, plural

MOST_ROWS = 5_000
"""Rows of a listing; what is beyond them stands in the files of the run."""


def of(facts: RunFacts) -> list[Section]:
    """Return the sections; of a run without scores those of the members that are scored."""
    if not facts.table.scores:
        return list(_so_far(facts))
    found = [_all(facts), _by_group(facts), _members(facts), _counts(facts)]
    return [section for section in found if section is not None]


def _all(facts: RunFacts) -> Section:
    table, ways = facts.table, trainings.directions(facts)
    unit = plural(facts.unit)
    over = f"the items of all test {unit} together" if table.pooled else f"the test {unit}, the mean of one value each"
    words = (
        f"Each score is over {over}; its interval comes from drawing {unit} anew. A floor is a trivial rival. The "
        "distance to the best floor is paired and positive where the model is better, whichever way the score goes."
    )
    parts: list[Figure | Listing] = [Listing("scores-table", "Scores", _score_table(facts))]
    others = list(table.scores)[1:]
    figure = rivals.several(table, others, "scores-rivals") if others else None
    parts += [figure] if figure else []
    led = _led(facts)
    parts += [led] if led else []
    meanings = [[score, _better(ways.get(score)), facts.work.scores.get(score, "")] for score in table.scores]
    known_ones = any(row[1] or row[2] for row in meanings)
    columns = ["score", "better is", "meaning"]
    parts += [Listing("scores-meaning", "What they mean", Table(columns, meanings))] if known_ones else []
    return Section("scores-all", "All scores", parts, words)


def _score_table(facts: RunFacts) -> Table:
    """Return model and floors in one table."""
    table = facts.table
    several = any(column.seed_sd is not None for column in table.scores.values())
    rows = []
    for score, column in table.scores.items():
        margin = table.above_floor.get(score, Margin())
        rows.append(
            [
                score,
                column.mean,
                *_bounds(column),
                *([column.seed_sd] if several else []),
                *(columns[score].mean if score in columns else None for columns in table.floors.values()),
                margin.mean,
                *_bounds(margin),
            ]
        )
    columns = ["score", "model", "95% from", "95% to", *(["sd of seeds"] if several else [])]
    columns += [f"floor: {name}" for name in table.floors]
    return Table([*columns, "above best floor", "above, 95% from", "above, 95% to"], rows)


def _better(way: bool | None) -> str:
    return "" if way is None else "higher" if way else "lower"


def _bounds(column: Column | Margin) -> tuple[float | None, float | None]:
    return column.interval if known(column.interval) and column.interval else (None, None)


def _led(facts: RunFacts) -> Listing | None:
    """Return what led to the model beside it: members of an ensemble, models of earlier stages."""
    led = {**facts.table.stages, **facts.table.ensemble}
    if not led:
        return None
    rows = [
        [name, *(columns[score].mean if score in columns else None for score in facts.table.scores)]
        for name, columns in {**led, "the model": facts.table.scores}.items()
    ]
    caption = "Members vote under the model; models of stages lead up to it."
    return Listing("scores-led", "What led to the model", Table(["who", *facts.table.scores], rows), caption)


def _by_group(facts: RunFacts) -> Section | None:
    table = facts.table
    valued = [s for s, c in table.scores.items() if any(value is not None for value in c.by_group.values())]
    if not valued:
        words = (
            f"No score has a value in a single {facts.unit}: each is of the items of all {plural(facts.unit)} together."
        )
        return Section("scores-groups", f"By {facts.unit}", [], words) if table.pooled else None
    rows = []
    for score in valued:
        floors = {name: columns[score].by_group for name, columns in table.floors.items() if score in columns}
        best = table.above_floor.get(score, Margin()).floor
        for group, value in table.scores[score].by_group.items():
            beside = [floors.get(name, {}).get(group) for name in table.floors]
            rows.append(
                [score, group, value, *beside, _above(value, floors.get(best or "", {}).get(group), facts, score)]
            )
    columns = ["score", facts.unit, "model", *(f"floor: {name}" for name in table.floors), "above best floor"]
    figure = rivals.by_group(table, valued[0], "scores-by-group", facts.unit)
    listing = Listing("scores-groups-table", f"Scores by {facts.unit}", Table(columns, rows[:MOST_ROWS]), _cut(rows))
    return Section(
        "scores-groups", f"By {facts.unit}", [*([figure] if figure else []), listing], _won(facts, valued[0])
    )


def _above(value: float | None, floor: float | None, facts: RunFacts, score: str) -> float | None:
    way = trainings.directions(facts).get(score)
    if value is None or floor is None or way is None:
        return None
    return value - floor if way else floor - value


def _won(facts: RunFacts, score: str) -> str:
    """Return in how many groups the model beats its best floor."""
    table = facts.table
    floor = table.floors.get(table.above_floor.get(score, Margin()).floor or "", {}).get(score, Column(mean=None))
    above = [_above(value, floor.by_group.get(g), facts, score) for g, value in table.scores[score].by_group.items()]
    told = [value for value in above if value is not None]
    won = sum(value > 0 for value in told)
    return f"In {score}, the model beats its best floor in {won} of {counted(len(told), facts.unit)}." if told else ""


def _members(facts: RunFacts) -> Section | None:
    if not facts.members:
        return None
    scores = list(facts.table.scores)
    rows = [
        [one.member, one.seed, len(one.fold.test) or None, *(one.alone.get(score) for score in scores)]
        for one in facts.members
    ]
    table = Table(["member", "seed", f"test {plural(facts.unit)}", *scores], rows[:MOST_ROWS])
    words = (
        "A member is the model of one fold and one seed, scored on the groups of its test side. How far the seeds of "
        "a fold are apart is what chance in training does; folds differ in their groups, too."
    )
    return Section("scores-members", "By fold and seed", [Listing("scores-members-table", "Members", table)], words)


def _counts(facts: RunFacts) -> Section | None:
    """Return what the task counted in each group."""
    counts = inside(facts.metrics, "counts")
    found = {str(g): told for g, told in counts.items() if isinstance(told, dict)} if isinstance(counts, dict) else {}
    names = list(dict.fromkeys(str(name) for told in found.values() for name in told))[:20]
    if not names:
        return None
    rows = [[group, *(_count(told.get(name)) for name in names)] for group, told in found.items()]
    listing = Listing("scores-counts-table", "Counted", Table([facts.unit, *names], rows[:MOST_ROWS]), _cut(rows))
    words = f"What was counted in each test {facts.unit} while it was scored."
    return Section("scores-counts", "What was counted", [listing], words)


def _count(told: Any) -> float | int | None:
    value = number(told)
    return int(value) if value is not None and value.is_integer() else value


def _so_far(facts: RunFacts) -> Iterator[Section]:
    """Give the scores of the members of a run that has not come to its end."""
    rows: list[list[Any]] = []
    scores = list(dict.fromkeys(s for one in facts.members for v in one.scores.get(MODEL, {}).values() for s in v))
    for one in facts.members:
        for group, values in one.scores.get(MODEL, {}).items():
            rows.append([one.member, group, *(values.get(score) for score in scores)])
    if rows:
        listing = Listing("scores-so-far", "Scores so far", Table(["member", facts.unit, *scores], rows[:MOST_ROWS]))
        words = (
            "The run has not come to its end: these are the scores of the members that are done, without intervals and "
            f"not joined ({cut(len(facts.members))} of {cut(len(facts.planned) or '?')} members)."
        )
        yield Section("scores-members", "So far", [listing], words)


def _cut(rows: list[Any]) -> str:
    return f"The first {MOST_ROWS:,} of {len(rows):,} rows; metrics.json has all." if len(rows) > MOST_ROWS else ""
