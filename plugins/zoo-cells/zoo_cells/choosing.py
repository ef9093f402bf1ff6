"""Which fields and classes become items: classes left out, and every class brought to one number of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from zoo.errors import DataError
from zoo_cells.field import Field

CLASSES = 2
SHOWN = 6


def listed(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def chosen(
    fields: Sequence[Field],
    wanted: Sequence[str] | None,
    units: Mapping[str, Sequence[str]],
    least: Mapping[str, int],
    notes: list[str],
) -> tuple[list[Field], list[str]]:
    """Return the fields of the classes that are used, and the classes in order; what is left out is noted.

    Raises
    ------
    DataError
        A named class or unit does not exist, or fewer than two classes are left.
    """
    known = sorted({one.label for one in fields if one.label})
    for name in wanted or ():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f" among {listed(known) or 'none'}"
            raise DataError(f"data.classes names {name}, which no field has{hint}")
    classes = list(dict.fromkeys(wanted)) if wanted else known
    classes = _with_groups(fields, classes, units, least, notes)
    if len(classes) < CLASSES:
        raise DataError(f"a model needs two classes at least, these data have {listed(classes) or 'none'}")
    return of_classes(fields, classes, notes), classes


def of_classes(fields: Sequence[Field], classes: Sequence[str], notes: list[str]) -> list[Field]:
    """Return the fields of these classes, and note what is left out."""
    held = set(classes)
    kept = [one for one in fields if one.label in held]
    others = sorted({one.label or "none" for one in fields} - held)
    if others:
        notes.append(f"{len(fields) - len(kept)} fields of other classes ({listed(others)}) are left out")
    return kept


def _with_groups(
    fields: Sequence[Field],
    classes: list[str],
    units: Mapping[str, Sequence[str]],
    least: Mapping[str, int],
    notes: list[str],
) -> list[str]:
    """Return the classes that have enough groups of every unit that is named."""
    for unit, count in least.items():
        if unit not in units:
            raise DataError(f"data.least_groups names the unit {unit}, these data have {', '.join(units)}")
        held: dict[str, set[str]] = {name: set() for name in classes}
        for one, group in zip(fields, units[unit], strict=True):
            held.get(one.label, set()).add(group)
        few = [name for name in classes if len(held[name]) < count]
        if few:
            notes.append(f"{len(few)} classes with fewer than {count} groups of {unit} are left out: {listed(few)}")
        classes = [name for name in classes if name not in few]
    return classes


def balanced(labels: Sequence[str], copies: int) -> list[int]:
    """Return the numbers of items that bring every class to ``copies``: some left out, or all repeated.

    Drawn without replacement, by a generator of its own that always begins alike: whole rounds of a class that has too
    few, and the rest of the last round by lot.
    """
    rng = np.random.default_rng(0)
    of_class: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        of_class.setdefault(label, []).append(number)
    items: list[int] = []
    for label in sorted(of_class):
        held = of_class[label]
        rounds, rest = divmod(copies, len(held))
        items += sorted(held * rounds + rng.permutation(held)[:rest].tolist())
    return items
