"""The chapter of data: where they come from, who stood on which side, how many of each class, what was fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.report import cautions, data_figures
from zoo.report.census import SIDES
from zoo.report.data_figures import WORDS
from zoo.report.facts import RunFacts, Sides, inside
from zoo.report.words import counted, cut, listed, number, plural, sentence

MOST_ROWS, MOST_FOLDS, DEEP = 5_000, 30, 6
"""Rows of a listing; folds that have a column; steps into what was fitted."""
_ABOUT = ("kind", "modality", "assay", "stain", "tissue", "species", "licence", "source", "citation")
_FIRST, _PAIR = 6, 3


def of(facts: RunFacts) -> list[Section]:
    """Return the sections."""
    found = [_origins(facts), _groups(facts), _classes(facts), _fitted(facts)]
    return [section for section in found if section is not None]


def _origins(facts: RunFacts) -> Section | None:
    notes = inside(facts.census, "notes")
    told = " ".join(cut(note, 300) for note in notes[:10]) if isinstance(notes, list) else ""
    rows = [
        [origin.name, key, cut(getattr(origin, key), 300)]
        for origin in facts.origins
        for key in _ABOUT
        if getattr(origin, key)
    ]
    rows += [["", f"{plural(one)} in all", f"{sum(counts.values()):,}"] for one, counts in _other_units(facts).items()]
    items = number(facts.census.get("items"))
    rows += [["", "items in all", f"{int(items):,}"]] if items else []
    if not rows:
        return None
    listing = Listing("data-origin-table", "Data", Table(["data", "what", "value"], rows))
    return Section("data-origin", "What they are", [listing], told)


def _other_units(facts: RunFacts) -> dict[str, dict[str, int]]:
    found = inside(facts.census, "units")
    units = {str(name): _counts(told) for name, told in found.items()} if isinstance(found, dict) else {}
    return {name: counts for name, counts in units.items() if counts}


def _counts(told: Any) -> dict[str, int]:
    """Return name -> how many, of what a file says."""
    pairs = told.items() if isinstance(told, Mapping) else ()
    return {str(name): int(value) for name, value in pairs if number(value) is not None}


def items_of(facts: RunFacts) -> dict[str, int]:
    """Return the items of each group; empty of runs that did not count them."""
    return _counts(inside(facts.census, "groups"))


def _groups(facts: RunFacts) -> Section | None:
    """Return the table of groups and folds, the sentence that follows from it, and how large each group is."""
    if not facts.folds:
        return None
    items, units = items_of(facts), _other_units(facts)
    everyone = list(
        dict.fromkeys([*items, *(g for fold in facts.folds for side in SIDES for g in getattr(fold, side))])
    )
    shown = facts.folds[:MOST_FOLDS]
    sides = [_side_of(fold) for fold in shown]
    rows = [
        [
            group,
            *([items.get(group)] if items else []),
            *(counts.get(group) for counts in units.values()),
            *(side.get(group, "left out") for side in sides),
        ]
        for group in everyone[:MOST_ROWS]
    ]
    named = ["side"] if len(shown) == 1 else [fold.name for fold in shown]
    columns = [facts.unit, *(["items"] if items else []), *(plural(unit) for unit in units), *named]
    parts: list[Figure | Listing] = []
    figure = data_figures.sizes(items, _side_of(facts.folds[0]) if len(facts.folds) == 1 else {}, facts.unit)
    parts += [figure] if figure else []
    captions = [f"The first {MOST_ROWS:,} of {len(everyone):,} groups."] if len(everyone) > MOST_ROWS else []
    captions += [f"The first {MOST_FOLDS} of {len(facts.folds)} folds."] if len(facts.folds) > MOST_FOLDS else []
    title = f"{sentence(plural(facts.unit)).rstrip('.')} and their sides"
    parts.append(Listing("data-groups-table", title, Table(columns, rows), " ".join(captions), facts.unit))
    return Section("data-groups", f"Which {facts.unit} stood where", parts, apart(facts))


def _side_of(fold: Sides) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for side in SIDES:
        for group in getattr(fold, side):
            found.setdefault(group, []).append(WORDS[side])
    return {group: " and ".join(sides) for group, sides in found.items()}


def apart(facts: RunFacts) -> str:
    """Return whether any group stands on two sides, as counted in the splits."""
    told, folds = [], counted(len(facts.folds), "fold")
    for fold in facts.folds:
        both = [f"{group} ({side})" for group, side in _side_of(fold).items() if " and " in side]
        if both:
            told.append(f"in {fold.name} {counted(len(both), facts.unit)}, {listed(both, 3)}")
    where = f"in any of the {folds}" if len(facts.folds) > 1 else "of the split"
    first = (
        f"Checked in splits.json: {plural(facts.unit)} stand on two sides in {len(told)} of {folds}, "
        f"{'; '.join(told[:3])}."
        if told
        else f"Checked in splits.json: no {facts.unit} stands on two sides {where}."
    )
    return f"{first} {_sizes_in_words(facts)}{_copies(facts)}"


def _sizes_in_words(facts: RunFacts) -> str:
    if len(facts.folds) > 1:
        return f"Each {facts.unit} is tested in a fold that was not trained on it. " if _tested_once(facts) else ""
    fold = facts.folds[0]
    uses = {"train": "to train on", "val": "for validation", "test": "to test"}
    sizes = {side: counted(len(getattr(fold, side)), facts.unit) if getattr(fold, side) else "none" for side in SIDES}
    return f"{sentence(', '.join(f'{size} {uses[side]}' for side, size in sizes.items()))} "


def _tested_once(facts: RunFacts) -> bool:
    tested = [group for fold in facts.folds for group in fold.test]
    clean = not any(set(fold.train) & set(fold.test) for fold in facts.folds)
    return clean and len(tested) == len(set(tested)) and {g for fold in facts.folds for g in fold.train} <= set(tested)


def _copies(facts: RunFacts) -> str:
    """Return which originals have copies on two sides, where the data tell what is a copy of what."""
    stated = inside(facts.census, "copies")
    if not isinstance(stated, dict) or not stated:
        return ""
    told = [f"{counted(most, 'original')} in {pair}" for pair, most in cautions.copied(facts).items()]
    firsts = [
        inside(found, "first") for pairs in stated.values() if isinstance(pairs, dict) for found in pairs.values()
    ]
    names = [name for first in firsts if isinstance(first, list) for name in first]
    among = f", {listed(dict.fromkeys(names), 3)} among them" if names else ""
    return f"Copies on two sides: {', '.join(told)}{among}." if told else "No copy of an item does either."


def _classes(facts: RunFacts) -> Section | None:
    found = inside(facts.census, "classes")
    classes = {str(name): _counts(told) for name, told in found.items()} if isinstance(found, dict) else {}
    if not classes or not facts.folds:
        return None
    fold = facts.folds[0]
    counts = {
        name: {side: [groups[g] for g in getattr(fold, side) if g in groups] for side in SIDES}
        for name, groups in classes.items()
    }
    used = [side for side in SIDES if getattr(fold, side)]
    rows = [
        [name, sum(classes[name].values()), *(value for side in used for value in (sum(told[side]), len(told[side])))]
        for name, told in counts.items()
    ]
    columns = ["class", "items", *(f"{WORDS[side]}{what}" for side in used for what in ("", f" {plural(facts.unit)}"))]
    parts: list[Figure | Listing] = [data_figures.classes(counts)] if len(classes) <= data_figures.BARS else []
    parts.append(Listing("data-classes-table", "Items by class", Table(columns, rows[:MOST_ROWS])))
    where = f" of {fold.name}, the first of {len(facts.folds)} folds" if len(facts.folds) > 1 else ""
    rare = [name for name, told in counts.items() if len(told["test"]) < 2]  # noqa: PLR2004 - one says nothing of the next
    words = f"Items of each class on each side{where}."
    words += f" Tested on fewer than two {plural(facts.unit)}: {listed(rare)}." if rare else ""
    words += " One class alone: there is nothing to tell apart." if len(classes) == 1 else ""
    return Section("data-classes", "How many of each class", parts, words)


def _fitted(facts: RunFacts) -> Section | None:
    """Return what was fitted to data, on which groups, and whether it differs between folds."""
    models = {name: told for name, told in facts.configs.items() if isinstance(inside(told, "fitted"), dict)}
    first = next(iter(models.values()), None)
    if first is None:
        return None
    strict = facts.protocol == "strict"
    train = inside(first, "fold", "train")
    groups = (
        counted(len(train), f"training {facts.unit}") if isinstance(train, list) else f"training {plural(facts.unit)}"
    )
    on = groups if strict else f"all {plural(facts.unit)}, those of the test among them"
    rows = []
    for name, value in _leaves(first["fitted"], ()):
        if value is None:
            continue
        others = [inside(told, "fitted", *name) for told in models.values()]
        same = "yes" if all(other == value for other in others) else "no"
        rows.append([".".join(map(str, name)), _shown(value), on, same])
    floors = inside(first, "floors")
    if isinstance(floors, list) and floors:
        rows.append(["floors", listed(floors), groups, ""])
    columns = ["what", "value", "fitted on", "same in all"]
    used = range(4 if len(models) > 1 else 3)
    table = Table([columns[n] for n in used], [[row[n] for n in used] for row in rows[:MOST_ROWS]])
    words = (
        "What the data handling remembers from what it was shown. "
        + ("Under the strict protocol" if strict else "Here")
        + f" that was {on}. Values that no data decide (a size, a list of names) stand among them."
    )
    where = f"Of {cut(next(iter(models)))}." if len(models) > 1 else ""
    return Section(
        "data-fitted", "What was fitted on what", [Listing("data-fitted-table", "Fitted", table, where)], words
    )


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Give what is fitted by name; a mapping of many is one value."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        small = len(child) <= _FIRST if isinstance(child, dict | list) else False
        deeper = small and (isinstance(child, dict) or any(isinstance(one, dict) for one in child))
        if deeper and child and len(path) < DEEP:
            yield from _leaves(child, (*path, key))
        else:
            yield (*path, key), child


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        first = list(value)[:_FIRST]
        more = ", ..." if len(value) > _FIRST else ""
        return f"{len(value):,}: {', '.join(_shown_one(one) for one in first)}{more}" if value else "none"
    return _shown_one(value)


def _shown_one(value: Any) -> str:
    if isinstance(value, dict | list):
        plain = isinstance(value, list) and len(value) <= _PAIR and not any(isinstance(v, dict | list) for v in value)
        return f"({', '.join(map(_shown_one, value))})" if plain else f"({len(value):,} values)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else cut(value, 60)
