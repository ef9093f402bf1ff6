"""What the site shows: the parts, recipes and models of this repository, and which recipe names which part."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from places import ROOT

from zoo import recipe
from zoo.kinds import KINDS
from zoo.registry import Entry, Registry
from zoo.schema import SLOTS


@dataclass(slots=True)
class Inventory:
    """The parts and recipes of this repository.

    Attributes
    ----------
    entries
        The parts of the core and of the plugins that lie beside it; what else is installed where the site is built
        is not on it.
    recipes
        Name -> file.
    named
        Kind and name of a part -> the recipes that name it, theirs by ``extends`` included.
    """

    entries: list[Entry] = field(default_factory=list)
    recipes: dict[str, Path] = field(default_factory=dict)
    named: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Entry]:
        """Return the parts of a kind, sorted by name."""
        return [entry for entry in self.entries if entry.kind == kind]

    def uses(self, entry: Entry) -> list[str]:
        """Return the recipes that name a part."""
        return self.named.get((entry.kind, entry.name), [])


def read() -> Inventory:
    """Read the registry and the recipes; no part is imported."""
    ours = distributions()
    found = Inventory([entry for entry in Registry().entries() if entry.distribution in ours])
    folders = [ROOT / "recipes", *sorted(ROOT.glob("plugins/*/recipes"))]
    found.recipes = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
    kinds: dict[str, list[str]] = {}
    for entry in found.entries:
        kinds.setdefault(entry.name, []).append(entry.kind)
    for name, path in found.recipes.items():
        for slot, part in blocks(recipe.load(path).data):
            for kind in _meant(slot, kinds.get(part, [])):
                into = found.named.setdefault((kind, part), [])
                if name not in into:
                    into.append(name)
    return found


def distributions() -> set[str]:
    """Return the names of the distributions of this repository."""
    files = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    return {tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"] for file in files}


def blocks(value: Any, slot: str = "") -> Iterator[tuple[str, str]]:
    """Yield (key it stands under, name) of every block in a recipe's values."""
    if isinstance(value, dict):
        if isinstance(value.get("use"), str):
            yield slot, value["use"]
        for key, child in value.items():
            yield from blocks(child, str(key))
    elif isinstance(value, list):
        for child in value:
            yield from blocks(child, slot)


def _meant(slot: str, kinds: list[str]) -> list[str]:
    """Return the kind of a block; a name that several kinds have is told by the key it stands under."""
    stated = SLOTS.get(slot) or next((kind for kind in KINDS if kind == slot), None)
    return [stated] if stated in kinds and len(kinds) > 1 else kinds
