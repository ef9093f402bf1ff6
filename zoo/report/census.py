"""What is counted of the data before a training, so that the page of a run can tell it where the data no longer are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.contracts import Dataset
    from zoo.splits import Split

FORMAT = 1
FILE = "data.json"
SIDES = ("train", "val", "test")
MANY_CLASSES, MANY_UNITS, NAMED = 500, 8, 5


def of(dataset: Dataset, folds: Sequence[Split], labels: Sequence[str | Sequence[str]] | None) -> dict[str, Any]:
    """Count the items of each group, and of each class in it; nothing of them is read.

    Parameters
    ----------
    dataset
        The data as no stage has touched them.
    folds
        Of the run; all of one unit.
    labels
        The class of each item, or its classes; None where the data have neither.

    Returns
    -------
    Plain values for ``data.json``: ``items``, ``groups`` (group -> items), ``classes`` (class -> group -> items),
    ``units`` (other unit -> how many of it each group has), ``copies`` (fold -> two sides -> how many originals stand
    on both, and the first few), ``notes`` and ``provenance`` of the dataset.
    """
    unit = folds[0].unit
    everyone = [str(group) for group in dataset.groups[unit]]
    identity = getattr(dataset, "identity", None)
    provenance = getattr(dataset, "provenance", None)
    return {
        "format": FORMAT,
        "items": len(everyone),
        "unit": unit,
        "groups": dict(sorted(Counter(everyone).items())),
        "classes": _classes(everyone, labels) if labels is not None else {},
        "units": _units(dataset.groups, unit, everyone),
        "copies": {} if identity is None else {fold.name: _copies(fold, everyone, identity) for fold in folds},
        "notes": [str(note) for note in getattr(dataset, "notes", ())],
        "provenance": [dict(provenance)] if isinstance(provenance, Mapping) and provenance else [],
    }


def _classes(everyone: Sequence[str], labels: Sequence[str | Sequence[str]]) -> dict[str, dict[str, int]]:
    """Return class -> group -> its items; an item of several classes counts in each."""
    found: dict[str, Counter[str]] = {}
    for group, label in zip(everyone, labels, strict=True):
        for name in [label] if isinstance(label, str) else label:
            if name:
                found.setdefault(name, Counter())[group] += 1
    most = sorted(found.items(), key=lambda pair: -pair[1].total())[:MANY_CLASSES]
    return {name: dict(sorted(counts.items())) for name, counts in most}


def _units(groups: Mapping[str, Iterable[str]], unit: str, everyone: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return other unit -> group -> how many of it stand in the group."""
    found = {}
    for other in [name for name in groups if name != unit][:MANY_UNITS]:
        pairs = {(group, str(name)) for group, name in zip(everyone, groups[other], strict=True)}
        found[other] = dict(sorted(Counter(group for group, _ in pairs).items()))
    return found


def _copies(fold: Split, everyone: Sequence[str], identity: Sequence[str]) -> dict[str, Any]:
    """Return which originals have copies on two sides of a fold."""
    sides = {side: {str(identity[i]) for i in fold.items(everyone, side)} for side in SIDES}
    pairs = (("train", "val"), ("train", "test"), ("val", "test"))
    both = {f"{one} and {other}": sorted(sides[one] & sides[other]) for one, other in pairs}
    return {pair: {"count": len(names), "first": names[:NAMED]} for pair, names in both.items() if names}
