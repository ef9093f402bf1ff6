"""Groups dealt out class by class, so that a rare class is learnt and tested like the others."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence

from zoo.errors import DataError

Strata = Mapping[str, frozenset[str]]
"""Group -> the classes of its items."""

SHOWN = 6
TRIES = 20


def of_groups(groups: Sequence[str], labels: Sequence[str | Collection[str]]) -> Strata:
    """Return the classes that each group holds.

    An item has one label or a collection of them; one without a label (empty) counts for none.
    """
    found: dict[str, set[str]] = {group: set() for group in groups}
    for group, label in zip(groups, labels, strict=True):
        found[group].update([label] if isinstance(label, str) else label)
    return {group: frozenset(classes - {""}) for group, classes in found.items()}


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
    """Return a share of the groups of each class, one at least, and leave one of each at least.

    The rarest class draws first, and a group of several classes counts for all of them. So that none is drawn dry, a
    group stays that is the last one left of any of its classes.

    Raises
    ------
    DataError
        A class has one group among these, and ``every`` class has to be among those drawn.
    """
    classes = _by_class(strata, names)
    left = {label: len(groups) for label, groups in classes.items()}
    chosen: set[str] = set()
    for label, groups, undecided in _in_turn(classes, seed):
        if len(groups) < 2 and label:  # noqa: PLR2004 - one to learn from, one to be held out
            if every:
                raise DataError(_too_few(label, groups))
            continue
        wanted = min(max(1, round(share * len(groups))), len(groups) - 1) - len(chosen.intersection(groups))
        for group in undecided:
            own = strata[group] or {label}
            if wanted > 0 and all(left[one] > 1 for one in own):
                chosen.add(group)
                wanted -= 1
                left.update({one: left[one] - 1 for one in own})
    return sorted(chosen)


def dealt(strata: Strata, names: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return the groups in so many folds, those of each class spread as evenly as they go.

    The rarest class is dealt first, each group to the fold that has the fewest of the class, then of the group's other
    classes, then of all. The last group of a class does not join a fold that has all others, where another fold can
    take it.

    Raises
    ------
    DataError
        A class has one group: the fold that tests it could not learn it.

    References
    ----------
    The order is that of Sechidis, Tsoumakas, Vlahavas, ECML PKDD 2011, doi:10.1007/978-3-642-23808-6_10, who count anew
    after every item which class is the rarest.
    """
    classes = _by_class(strata, names)
    for label, groups in classes.items():
        if len(groups) < 2 and label:  # noqa: PLR2004 - as above
            raise DataError(_too_few(label, groups))
    # where groups share classes, a deal can come to a group that no fold can take without having a class alone
    tries = (_dealt_once(strata, classes, folds, seed if again == 0 else f"{seed} {again}") for again in range(TRIES))
    for parts in tries:
        if not any(set(groups) <= set(part) for label, groups in classes.items() if label for part in parts):
            break
    return [sorted(part) for part in parts]


def _dealt_once(strata: Strata, classes: Mapping[str, list[str]], folds: int, seed: int | str) -> list[list[str]]:
    parts: list[list[str]] = [[] for _ in range(folds)]
    have: list[dict[str, int]] = [dict.fromkeys(classes, 0) for _ in range(folds)]

    def cost(fold: int, group: str, label: str) -> tuple[int, int, int, int, int]:
        has, own = have[fold], strata[group]
        alone = sum(has[one] == len(classes[one]) - 1 for one in own)
        return alone, has[label], sum(has[one] for one in own), len(parts[fold]), fold

    for label, _, undecided in _in_turn(classes, seed):
        for group in undecided:
            best = min(range(folds), key=lambda fold: cost(fold, group, label))
            parts[best].append(group)
            for one in strata[group] or {label}:
                have[best][one] += 1
    return parts


def _by_class(strata: Strata, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the groups of each class, those of none under an empty name: the rarest first where groups share classes.

    Where each group has one class no order is better than another, and it is that of the names.
    """
    shared = any(len(strata[name]) > 1 for name in names)
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        for label in strata[name] or {""}:
            found.setdefault(label, []).append(name)
    return dict(sorted(found.items(), key=lambda one: (shared * len(one[1]), one[0])))


def _in_turn(classes: Mapping[str, list[str]], seed: int | str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Give each class, its groups, and of these in random order those that no class before had."""
    seen: set[str] = set()
    for label, groups in classes.items():
        yield label, groups, _shuffled([group for group in groups if group not in seen], seed, label)
        seen.update(groups)


def _shuffled(groups: Sequence[str], seed: int | str, label: str) -> list[str]:
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
