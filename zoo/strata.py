"""Groups dealt out class by class, so that a rare class is learnt and tested like the others."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from zoo.errors import DataError

Strata = Mapping[str, frozenset[str]]
"""Group -> the classes of its items."""

SHOWN = 6


def of_groups(groups: Sequence[str], labels: Sequence[str]) -> Strata:
    """Return the classes that each group holds; an item without a label (empty) counts for none."""
    found: dict[str, set[str]] = {group: set() for group in groups}
    for group, label in zip(groups, labels, strict=True):
        if label:
            found[group].add(label)
    return {group: frozenset(classes) for group, classes in found.items()}


def all_learnt(unit: str, test: Sequence[str], train: Sequence[str], strata: Strata) -> None:
    """Refuse a division in which a class is tested that no training group has.

    Raises
    ------
    DataError
        There is one; the sentence names it, and its groups.
    """
    learnt = {label for group in train for label in strata.get(group, ())}
    lacking = sorted({label for group in test for label in strata.get(group, ())} - learnt)
    if lacking:
        first = lacking[0]
        having = sorted(group for group, classes in strata.items() if first in classes)
        more = f" (as are {_some(lacking[1:])})" if lacking[1:] else ""
        raise DataError(
            f"class '{first}' would be tested and never learnt{more}: its {unit}s are {_some(having)}; bring more of "
            "them, leave the class out, deal by class with data.split.stratify: true, or split by another unit"
        )


def drawn(strata: Strata, names: Sequence[str], share: float, seed: int, *, every: bool = True) -> list[str]:
    """Return a share of the groups of each class, one at least.

    Raises
    ------
    DataError
        A class has one group among these, and ``every`` class has to be among those drawn.
    """
    chosen: list[str] = []
    for label, groups in _by_class(strata, names).items():
        if len(groups) < 2:  # noqa: PLR2004 - one to learn from, one to be held out
            if every and label:
                raise DataError(_too_few(label, groups))
            continue
        count = min(max(1, round(share * len(groups))), len(groups) - 1)
        chosen.extend(_shuffled(groups, seed, label)[:count])
    return sorted(chosen)


def dealt(strata: Strata, names: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return the groups in so many folds, those of each class spread as evenly as they go.

    Raises
    ------
    DataError
        A class has one group: the fold that tests it could not learn it.
    """
    parts: list[list[str]] = [[] for _ in range(folds)]
    for label, groups in _by_class(strata, names).items():
        if len(groups) < 2 and label:  # noqa: PLR2004 - as above
            raise DataError(_too_few(label, groups))
        # the fold with the fewest groups comes first, so that rare classes do not all end in the first folds
        order = sorted(range(folds), key=lambda fold: (len(parts[fold]), fold))
        for number, group in enumerate(_shuffled(groups, seed, label)):
            parts[order[number % folds]].append(group)
    return [sorted(part) for part in parts]


def _by_class(strata: Strata, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the groups of each class; a group of several classes goes with the rarest of them, one of none apart."""
    counts: dict[str, int] = {}
    for name in names:
        for label in strata[name]:
            counts[label] = counts.get(label, 0) + 1
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        label = min(strata[name], key=lambda label: (counts[label], label), default="")
        found.setdefault(label, []).append(name)
    return dict(sorted(found.items()))


def _shuffled(groups: Sequence[str], seed: int, label: str) -> list[str]:
    shuffled = list(groups)
    random.Random(f"{seed} {label}").shuffle(shuffled)  # noqa: S311 - a seeded deal, not a secret
    return shuffled


def _too_few(label: str, groups: Sequence[str]) -> str:
    return (
        f"class '{label}' has one group, {groups[0]}, and needs two to be both learnt and tested; bring more of it, "
        "leave the class out, or split by another data.split.unit"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
