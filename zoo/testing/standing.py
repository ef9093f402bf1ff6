"""Where a part stands in a recipe, and how it is put into one that does not name it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from zoo import recipe as recipes
from zoo.document import KeyPath, text_of
from zoo.errors import ZooError
from zoo.filled import Filled
from zoo.recipe import Recipe
from zoo.registry import MODELS, OWN_DISTRIBUTION, Entry, Registry
from zoo.schema import OF_STAGES, SHARED, SLOTS
from zoo.signature import Signature, signature_of
from zoo.stage_contract import Block

SETTINGS = Path(__file__).with_name("settings")
GIVEN = SimpleNamespace()
"""Parts that are registered nowhere, by the name that they are given here; a registry entry points into it."""
TOP = {kind: slot for slot, kind in SLOTS.items()}
"""Kind -> the top-level slot of a recipe that is for it alone."""


def mentions(data: Any, name: str) -> bool:
    """Return whether any block of a recipe names a part so."""
    if isinstance(data, dict):
        return data.get("use") == name or any(mentions(child, name) for child in data.values())
    return isinstance(data, list) and any(mentions(child, name) for child in data)


def blocks(filled: Filled) -> Iterator[tuple[str, KeyPath, dict[str, Any]]]:
    """Give kind, path and values of every block of a filled recipe, each before those inside it."""
    tops: list[tuple[str, KeyPath]] = [(kind, (slot,)) for slot, kind in SLOTS.items()]
    tops += [("samplers", ("sampler",))]
    tops += [
        ("transforms", ("transforms", phase, place))
        for phase, listed in filled.data["transforms"].items()
        for place in range(len(listed))
    ]
    tops += [("stages", ("stages", place)) for place in range(len(filled.data.get("stages") or ()))]
    for kind, path in tops:
        yield from _below(filled, kind, path)


def _below(filled: Filled, kind: str, path: KeyPath) -> Iterator[tuple[str, KeyPath, dict[str, Any]]]:
    block = at(filled.data, path)
    if not isinstance(block, dict) or "use" not in block:
        return
    yield kind, path, block
    for key, slot in filled.signatures[kind, block["use"]].slots.items():
        inside = block.get(key)
        if isinstance(inside, list):
            for place in range(len(inside)):
                yield from _below(filled, slot.kind, (*path, key, place))
        elif inside is not None:
            yield from _below(filled, slot.kind, (*path, key))


def at(data: Any, path: KeyPath) -> Any:
    """Return what stands at a path."""
    for key in path:
        data = data[key]
    return data


def put(recipe: Recipe, kind: str, block: dict[str, Any], registry: Registry) -> tuple[Recipe, KeyPath] | None:
    """Return a recipe with a block in the slot of its kind, and where that is; None where there is no such slot."""
    data = copy.deepcopy(recipe.data)
    if kind in TOP:
        kept = {"split": data["data"].get("split")} if kind == "datasets" else {}
        data[TOP[kind]] = {**block, **kept}
        return _of(recipe, data), (TOP[kind],)
    if kind == "samplers":
        return _of(recipe, {**data, "sampler": block}), ("sampler",)
    if kind == "transforms":
        return _of(recipe, {**data, "transforms": {"train": [block]}}), ("transforms", "train", 0)
    data = {key: value for key, value in data.items() if key not in OF_STAGES}
    data["train"] = {key: value for key, value in data.get("train", {}).items() if key in SHARED}
    data["transforms"] = {key: value for key, value in (data.get("transforms") or {}).items() if key != "train"}
    if kind == "stages":  # a class that is registered nowhere has a name that no stage may have
        return _of(recipe, {**data, "stages": [{"name": "check", **block}]}), ("stages", 0)
    for entry in registry.entries("stages"):  # a kind that has no slot of its own stands in some stage's
        slots = _signature(registry, "stages", entry.name).slots
        key = next((key for key, slot in slots.items() if slot.kind == kind), None)
        if key:
            return _of(recipe, {**data, "stages": [{"use": entry.name, key: block}]}), ("stages", 0, key)
    return None


def _of(recipe: Recipe, data: dict[str, Any]) -> Recipe:
    return Recipe(data, dict(recipe.places), set(recipe.soft), list(recipe.files), list(recipe.overrides))


def _signature(registry: Registry, kind: str, name: str) -> Signature:
    try:
        return signature_of(registry.find(kind, name).load(), name)
    except ZooError:  # a stage that is broken is not the part that is looked at
        return signature_of(dict, name)


def _lent(data: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """Return blocks of a recipe for the slots that have no default."""
    needed = {key: slot for key, slot in signature.slots.items() if key in required(signature) and not slot.many}
    found = {key: copy.deepcopy(data.get(TOP.get(slot.kind, ""))) for key, slot in needed.items()}
    return {key: block for key, block in found.items() if isinstance(block, dict)}


def required(signature: Signature) -> list[str]:
    """Return the parameters that have no default and do not follow from other parts."""
    fields = signature.model.model_fields.values()
    names = [str(field.alias) for field in fields if field.is_required()]
    return [name for name in names if name not in signature.facts]


def to_the_top(filled: Filled, kind: str, path: KeyPath) -> tuple[Filled, KeyPath]:
    """Return the recipe of the one training that a part of a stage belongs to, and where the part stands in it.

    A part that stands elsewhere, or is no encoder, head or loss of a stage, is left where it is.
    """
    if path[0] != "stages" or len(path) < 3 or kind not in {"encoders", "heads", "losses"}:  # noqa: PLR2004
        return filled, path
    stage, key = path[:2], str(path[2])
    values = at(filled.data, stage)
    signature = filled.signatures["stages", values["use"]]
    outer = signature.slots[key].kind
    own = {TOP[slot.kind]: name for name, slot in signature.slots.items() if name == TOP.get(slot.kind)}
    own = {slot: name for slot, name in own.items() if isinstance(values.get(name), dict)} | {TOP[outer]: key}
    if "loss" not in own:
        own |= {"loss": next(name for name, slot in signature.slots.items() if slot.kind == "losses")}
    overlay: dict[str, Block[Any] | None] = {slot: Block(values[name], (*stage, name)) for slot, name in own.items()}
    return filled.of_training({}, overlay), (TOP[outer], *path[3:])


def place_of(filled: Filled, entry: Entry) -> KeyPath | None:
    """Return where a recipe names a part, the place nearest to the top; None where it names one of another kind so."""
    paths = [path for kind, path, block in blocks(filled) if (kind, block["use"]) == (entry.kind, entry.name)]
    return min(paths, key=len, default=None)


def entry_of(kind: str, component: Any, registry: Registry) -> tuple[Entry, Registry]:
    """Return the entry of a name or of a class, and a registry that has it."""
    if isinstance(component, str):
        return registry.find(kind, component), registry
    target = f"{component.__module__}:{component.__qualname__}"
    for entry in registry.entries(kind):
        if entry.target == target:
            return entry, registry
    name = component.__name__
    setattr(GIVEN, name, component)
    entry = Entry(kind, name, f"{__name__}:GIVEN.{name}", "", "")
    return entry, Registry([*registry.entries(), *registry.entries(MODELS), entry])


def candidates(
    entry: Entry, recipe: Any, registry: Registry, parameters: Mapping[str, Any]
) -> Iterator[tuple[Recipe, KeyPath | None]]:
    """Give recipes to try, and where in them the part was put; None where they name it themselves."""
    if recipe is not None:
        loaded = recipe if isinstance(recipe, Recipe) else recipes.load(recipe)
        yield from _standing(loaded, entry, parameters, registry, lend=True)
        return
    settings = [recipes.load(path) for path in sorted(SETTINGS.glob("*.yaml"), reverse=True)]
    settings.sort(key=lambda loaded: not mentions(loaded.data, entry.name))
    # a generator, because to read all recipes takes longer than to check a part
    own = _naming(lambda: recipes.shipped_by(entry.distribution) if entry.distribution else {}, entry.name)
    # the settings are this distribution's own recipes, made for its own parts
    first = chain(settings, own) if entry.distribution == OWN_DISTRIBUTION else chain(own, settings)
    for loaded in chain(first, _naming(recipes.shipped, entry.name)):
        yield from _standing(loaded, entry, parameters, registry, lend=False)
    for loaded in settings:
        yield from _standing(loaded, entry, parameters, registry, lend=True)


def _standing(
    loaded: Recipe, entry: Entry, parameters: Mapping[str, Any], registry: Registry, *, lend: bool
) -> Iterator[tuple[Recipe, KeyPath | None]]:
    if mentions(loaded.data, entry.name) and not parameters:
        yield loaded, None
        return
    signature = signature_of(entry.load(), entry.name)
    block = {**(_lent(loaded.data, signature) if lend else {}), **parameters, "use": entry.name}
    if all(name in block for name in required(signature)):
        placed = put(loaded, entry.kind, block, registry)
        yield from [placed] if placed else []


def _naming(listed: Callable[[], Mapping[str, Path]], name: str) -> Iterator[Recipe]:
    """Give the recipes that name a part, those of one training first."""
    found = []
    for path in listed().values():
        try:
            text = text_of(path)
            if name in text or "extends" in text:
                found.append(recipes.load(path))
        except ZooError:  # a broken recipe is told of where recipes are checked
            continue
    naming = [loaded for loaded in found if mentions(loaded.data, name)]
    yield from sorted(naming, key=lambda loaded: bool(loaded.data.get("stages")))
