"""Groups to train, validation and test; a group never stands on two sides.

A group is the unit within which items resemble each other for reasons a model should not live on: a donor, a section, a
plate, a well. Whole groups are dealt out, never items.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zoo import strata
from zoo.errors import DataError
from zoo.folders import PLAIN_NAME
from zoo.schema import SplitSettings
from zoo.strata import Strata


@dataclass(frozen=True, slots=True)
class Split:
    """One division of the groups of a unit; one fold of a scheme."""

    name: str
    unit: str
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a division in which a group stands on two sides, or a side that is needed is empty."""
        sides = {"train": set(self.train), "val": set(self.val), "test": set(self.test)}
        for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
            both = sorted(sides[one] & sides[other])
            if both and (one, sides[one]) != ("val", sides[other]):  # val: test, which is asked for by that name alone
                which = f"{self.unit} {', '.join(both)}"
                raise DataError(f"{which} stands in both {one} and {other}; give each to one side")
        for side in ("train", "test"):
            if not sides[side]:
                raise DataError(f"no {self.unit} is left for {side}; name fewer groups elsewhere or bring more data")

    def items(self, groups: Sequence[str], side: str) -> list[int]:
        """Return the indices of the items whose group is on a side (``train``, ``val`` or ``test``)."""
        members = set(getattr(self, side))
        return [index for index, group in enumerate(groups) if group in members]

    def as_dict(self) -> dict[str, Any]:
        """Return the division as plain values, for ``splits.json``."""
        return asdict(self)


def make(
    settings: SplitSettings,
    groups: Mapping[str, Sequence[str]],
    labels: Sequence[str | Collection[str]] | None = None,
) -> list[Split]:
    """Return the folds of a scheme over the groups that the data have.

    Parameters
    ----------
    settings
        The recipe's ``data.split``.
    groups
        Unit -> the group of each item.
    labels
        The class of each item, or its classes where it may have several; empty where it is not known, and none where
        the data have no classes.

    Raises
    ------
    DataError
        The unit or a named group does not exist, there are too few groups for the scheme, or a class would be tested
        and never learnt.
    """
    if settings.unit not in groups:
        raise DataError(f"data.split.unit '{settings.unit}' is not known to these data; they have: {_listed(groups)}")
    if settings.stratify and labels is None:
        raise DataError("data.split.stratify deals groups out by class, and these data have none; leave it out")
    names = sorted(set(groups[settings.unit]))
    _all_exist(settings, names)
    classes = strata.of_groups(groups[settings.unit], labels) if labels is not None else {}
    folds = _folds(settings, names, classes if settings.stratify else {})
    for fold in folds:
        strata.all_learnt(fold.unit, fold.test, fold.train, classes)
    return folds


def _folds(settings: SplitSettings, names: list[str], classes: Strata) -> list[Split]:
    if settings.scheme == "holdout":
        held = _held_out(settings, names, classes)
        rest = [name for name in names if name not in held]
        return [_fold("holdout", settings, rest, [n for n in names if n in held], classes)]
    parts = [[name] for name in names]
    if settings.scheme == "k-fold":
        parts = _deal(names, settings, classes)
    if len(parts) < 2:  # noqa: PLR2004 - a fold needs somebody to train on and somebody to test on
        raise DataError(f"{settings.scheme} needs at least two groups of {settings.unit}, these data have {len(names)}")
    # a fold of one group is called after it where that can be the name of a folder
    numbered = settings.scheme == "k-fold" or not all(re.fullmatch(PLAIN_NAME, name) for name in names)
    return [
        _fold(f"fold{number}" if numbered else part[0], settings, [n for n in names if n not in part], part, classes)
        for number, part in enumerate(parts)
    ]


def _held_out(settings: SplitSettings, names: list[str], classes: Strata) -> set[str]:
    if not isinstance(settings.test, float):
        return set(settings.test or ())
    if len(names) < 2:  # noqa: PLR2004 - one to train on, one to test on
        raise DataError(
            f"a share of {settings.unit} cannot be held out: these data have one, {names[0]}; bring more, or split by "
            "another data.split.unit"
        )
    if classes:
        return set(strata.drawn(classes, names, settings.test, settings.seed))
    count = min(max(1, round(settings.test * len(names))), len(names) - 1)
    return set(random.Random(settings.seed).sample(names, count))  # noqa: S311 - a seeded draw, not a secret


def _deal(names: list[str], settings: SplitSettings, classes: Strata) -> list[list[str]]:
    folds = settings.folds or 0
    if folds > len(names):
        have = f"these data have {len(names)}; lower data.split.folds"
        raise DataError(f"k-fold with {folds} folds needs as many groups of {settings.unit}, {have}")
    if classes:
        return strata.dealt(classes, names, folds, settings.seed)
    shuffled = list(names)
    random.Random(settings.seed).shuffle(shuffled)  # noqa: S311 - a seeded deal, not a secret
    return [sorted(shuffled[start::folds]) for start in range(folds)]


def _fold(name: str, settings: SplitSettings, rest: list[str], test: list[str], classes: Strata) -> Split:
    val = _validation(settings, rest, test, classes)
    both = sorted(set(val) & set(test))
    if both and settings.val != "test":
        raise DataError(f"{settings.unit} {', '.join(both)} stands in both val and test; give each to one side")
    train = [group for group in rest if group not in val]
    return Split(name, settings.unit, tuple(train), tuple(val), tuple(test))


def _validation(settings: SplitSettings, rest: list[str], test: list[str], classes: Strata) -> list[str]:
    if settings.val is None:
        return []
    if settings.val == "test":
        return test
    if isinstance(settings.val, float):
        if classes:
            return strata.drawn(classes, rest, settings.val, settings.seed, every=False)
        count = max(1, round(settings.val * len(rest)))
        return sorted(random.Random(settings.seed).sample(rest, min(count, len(rest))))  # noqa: S311 - as above
    if settings.scheme == "holdout":
        return sorted(set(settings.val))
    return sorted(set(settings.val) - set(test))


def _all_exist(settings: SplitSettings, names: list[str]) -> None:
    for side, groups in (("test", settings.test), ("val", settings.val)):
        if not isinstance(groups, list):
            continue
        unknown = [group for group in groups if group not in names]
        if unknown:
            raise DataError(
                f"data.split.{side} names {settings.unit} {', '.join(unknown)}, which these data do not have; "
                f"they have: {_listed(names)}"
            )


def _listed(names: Mapping[str, Any] | Sequence[str]) -> str:
    shown = [str(name) for name in names][:12]
    return ", ".join(shown) + (" ..." if len(names) > len(shown) else "")


def refuse_copies(folds: Sequence[Split], groups: Mapping[str, Sequence[str]], identity: Sequence[str]) -> None:
    """Refuse folds in which copies of one item stand on two sides.

    Parameters
    ----------
    folds, groups
        As :func:`make` has them.
    identity
        What each item is a copy of.

    Raises
    ------
    DataError
        They do; the sentence names one, and how many there are.
    """
    for fold in folds:
        everyone = groups[fold.unit]
        sides = {side: {identity[i] for i in fold.items(everyone, side)} for side in ("train", "val", "test")}
        for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
            both = sorted(sides[one] & sides[other])
            if both:
                more = f" and {len(both) - 1} more" if len(both) > 1 else ""
                raise DataError(
                    f"{both[0]}{more} would stand in both {one} and {other}, as copies; split by another "
                    f"data.split.unit than {fold.unit}, or say protocol: published to see how much that flatters"
                )
