"""The members of an ensemble as recipes of their own: what all share, with what each has to itself laid over it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zoo.document import KeyPath
from zoo.errors import Problem
from zoo.recipe import Recipe, overlaid

OWN = ("encoder", "head", "loss", "train")
SEED = "seed"
PATH: KeyPath = ("ensemble", "members")


@dataclass(frozen=True, slots=True)
class Variant:
    """One member: its recipe, what is added to the seed of the run, and what the recipe of the ensemble says of it."""

    path: KeyPath
    recipe: Recipe
    seed: int
    stated: dict[str, Any]


def variants(recipe: Recipe) -> Iterator[Variant]:
    """Give the recipe of each member; there is none without an ensemble."""
    stated = (recipe.data.get("ensemble") or {}).get("members", [])
    for number, own in enumerate(stated):
        path = (*PATH, number)
        alone = {key: value for key, value in own.items() if key != SEED}
        yield Variant(path, overlaid(recipe, alone, path, without=("ensemble",)), own.get(SEED, number), alone)


def mistakes(recipe: Recipe) -> list[Problem]:
    """Return what is wrong with the list of members itself."""
    found = []
    stated = (recipe.data.get("ensemble") or {}).get("members", [])
    for number, own in enumerate(stated):
        for key, value in own.items():
            message = _mistake(key, value)
            if message:
                path = (*PATH, number, key)
                found.append(Problem(recipe.place(path), ".".join(map(str, path)), message))
    return found


def _mistake(key: str, value: Any) -> str:
    if key == SEED:
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
        return "" if whole else f"is a whole number from 0, not {str(value)[:80]!r}"
    if key not in OWN:
        near = difflib.get_close_matches(key, [*OWN, SEED], n=1)
        way = f", did you mean {near[0]}?" if near else f"; it has {', '.join(OWN)} and {SEED}"
        return f"is nothing that a member has to itself{way}"
    if not isinstance(value, dict):
        return f"takes a block, not {str(value)[:80]!r}"
    return "the seeds are those of the run; a member has one 'seed'" if key == "train" and "seeds" in value else ""
