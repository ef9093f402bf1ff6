"""Recipe and registry to a filled recipe: check every block, fill every default, say where each value comes from.

This is the one place that loads components, and it knows none of them by name. *Filling* and *building* are two verbs:
what is built of a filled recipe is :mod:`zoo.filled`'s.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from typing import Any

from zoo import members, staged
from zoo.document import KeyPath, dotted
from zoo.errors import MissingError, Problem, RecipeError, UsageError
from zoo.filled import Filled
from zoo.recipe import Recipe
from zoo.registry import Entry, Registry
from zoo.schema import (
    APART,
    FORMAT,
    SHARED,
    SLOTS,
    Augmentation,
    EnsembleSettings,
    Frame,
    PublishSettings,
    SplitSettings,
    TrainSettings,
)
from zoo.signature import Mistake, Signature, Slot, check_values, plain, short, signature_of


def fill(recipe: Recipe, registry: Registry | None = None) -> Filled:
    """Check a recipe against the installed components and write out its defaults.

    Raises
    ------
    RecipeError
        Every mistake found, in one pass.
    MissingError
        Nothing is wrong with the recipe but that a component or plugin is not installed.
    """
    registry = registry or Registry()
    wrong = members.mistakes(recipe) if _lists_members(recipe) else []
    found = _Filler(recipe, registry, wrong).run()
    for variant in members.variants(recipe):
        try:
            member = _Filler(variant.recipe, registry).run()
        except RecipeError as error:
            where = dotted(variant.path)
            raise RecipeError([Problem(p.place, f"{where}.{p.path}", p.message) for p in error.problems]) from error
        found.members.append(member)
        found.entries.update(member.entries)
        found.notes.extend(note for note in member.notes if note not in found.notes)
        found.data["ensemble"]["members"][len(found.members) - 1] = _own(member, variant)
        found.origins.update(_origins_of_own(member, variant, recipe))
    return found


def _lists_members(recipe: Recipe) -> bool:
    """Return whether there is a list of blocks where members stand; the frame tells of anything else."""
    block = recipe.data.get("ensemble")
    stated = block.get("members") if isinstance(block, dict) else None
    return isinstance(stated, list) and all(isinstance(own, dict) for own in stated)


def _own(member: Filled, variant: members.Variant) -> dict[str, Any]:
    """Return what a member has to itself with every default, so that it is the same when it is read again."""
    stated = variant.stated
    blocks = {key: member.data[key] for key in members.OWN if key in stated and key != "train"}
    train = {key: member.data["train"][key] for key in stated.get("train", {})}
    return {**blocks, **({"train": train} if train else {}), members.SEED: variant.seed}


def _origins_of_own(member: Filled, variant: members.Variant, recipe: Recipe) -> dict[KeyPath, str]:
    """Return where what a member has to itself comes from."""
    settings = variant.stated.get("train", {})
    own = [
        path
        for path in member.origins
        if (path[1] in settings if path[0] == "train" and len(path) > 1 else path[0] in variant.stated)
    ]
    seed = (*variant.path, members.SEED)
    found = {(*variant.path, *path): member.origins[path] for path in own if path != ("train",)}
    return {**found, seed: str(recipe.places.get(seed, "its place in the list"))}


class _Filler:
    """Walks the recipe once, collecting mistakes instead of stopping at the first."""

    def __init__(self, recipe: Recipe, registry: Registry, problems: Sequence[Problem] = ()) -> None:
        self.recipe = recipe
        self.registry = registry
        self.problems: list[Problem] = list(problems)
        self.missing: list[Problem] = []
        self.reported: set[KeyPath] = set()
        self.origins: dict[KeyPath, str] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        self.signatures: dict[tuple[str, str], Signature] = {}
        self.dropped: list[str] = []
        self.notes = list(recipe.notes)

    def run(self) -> Filled:
        self._refuse_newer_format()
        data = dict(self.recipe.data)
        in_stages = data.get("stages") is not None
        if in_stages:
            data.setdefault("loss", None)
        _, mistakes = check_values(Frame, data)
        self._report((), mistakes)
        filled: dict[str, Any] = {"zoo": data.get("zoo"), "name": self.recipe.name}
        filled["protocol"] = data.get("protocol", "strict")
        split = self._split(data.get("data"))
        for slot, kind in SLOTS.items():
            apart = in_stages and slot == "loss"
            filled[slot] = None if apart else self._block(kind, (slot,), data.get(slot))
        if not in_stages and data.get("loss", ...) is None:
            self._say((), "loss", "should be a block {key: value, ...}, not null")
        filled["transforms"] = self._transforms(data.get("transforms"))
        sampler = data.get("sampler")
        filled["sampler"] = None if sampler is None else self._block("samplers", ("sampler",), sampler)
        filled["ensemble"] = self._ensemble(data.get("ensemble"))
        filled["stages"] = self._stages(data)
        filled["train"] = self._plain(TrainSettings, data.get("train"))
        if in_stages:  # what belongs to a training stands in its stage
            filled["train"] = {key: value for key, value in filled["train"].items() if key in SHARED}
        filled["publish"] = self._plain(PublishSettings, data.get("publish"))
        if self.problems or self.missing:
            self._raise()
        filled["data"] = {**filled["data"], "split": self._plain(SplitSettings, split)}
        self._origins_of(filled, ())
        recipe = Recipe(filled, self.recipe.places, files=self.recipe.files, overrides=self.recipe.overrides)
        frame, _ = check_values(Frame, filled)
        return Filled(
            recipe=recipe,
            registry=self.registry,
            frame=Frame.model_construct(**frame),
            split=SplitSettings.model_validate(filled["data"]["split"]),
            origins=self.origins,
            entries=self.entries,
            dropped=self.dropped,
            signatures=self.signatures,
            notes=self.notes,
        )

    def _raise(self) -> None:
        problems = sorted([*self.problems, *self.missing], key=_by_place)
        if not self.problems:
            raise MissingError("\n".join(str(problem) for problem in problems))
        raise RecipeError(problems)

    def _refuse_newer_format(self) -> None:
        stated = self.recipe.data.get("zoo")
        if isinstance(stated, int) and stated != FORMAT:
            way = "upgrade with: pip install -U microscopy-zoo" if stated > FORMAT else f"write zoo: {FORMAT}"
            what = f"the recipe is of format {stated}, this zoo reads format {FORMAT}; {way}"
            raise RecipeError([Problem(self.recipe.place(("zoo",)), "zoo", what)])

    def _split(self, block: Any) -> dict[str, Any]:
        if not isinstance(block, dict):
            return {}  # the frame has told of it
        split = block.get("split")
        if not isinstance(split, dict):
            said = "is missing" if split is None else f"is {short(split)}"
            self._say(("data",), "split", f"{said}: name the unit and the test groups (unit: donor, test: [NAME])")
            return {}
        _, mistakes = check_values(SplitSettings, split)
        self._report(("data", "split"), mistakes)
        if split.get("val") == "test" and self.recipe.data.get("protocol", "strict") == "strict":
            what = (
                "validates on the test groups, which the strict protocol does not; name others, or protocol: published"
            )
            self._say(("data", "split"), "val", what)
        return split

    def _ensemble(self, stated: Any) -> dict[str, Any] | None:
        return None if stated is None else copy.deepcopy(self._plain(EnsembleSettings, stated))

    def _stages(self, data: dict[str, Any]) -> list[dict[str, Any]] | None:
        stated = data.get("stages")
        if not isinstance(stated, list) or not all(isinstance(block, dict) for block in stated):
            return None  # the frame has told of it
        filled = [staged.named(block, self._block("stages", ("stages", i), block)) for i, block in enumerate(stated)]
        for path, message in staged.mistakes(data, filled, self.signatures):
            self._add(path, message)
        return filled

    def _transforms(self, block: Any) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for phase in Augmentation.model_fields:
            blocks = block.get(phase, []) if isinstance(block, dict) else []
            blocks = blocks if isinstance(blocks, list) else []
            filled[phase] = [
                self._block("transforms", ("transforms", phase, index), child) for index, child in enumerate(blocks)
            ]
        return filled

    def _plain(self, model: Any, values: Any) -> dict[str, Any]:
        stated = {} if values is None else values
        if not isinstance(stated, dict) or check_values(model, stated)[1]:
            return {}  # the frame has told of it
        return plain(model, stated)

    def _block(self, kind: str, path: KeyPath, block: Any) -> dict[str, Any]:
        """Check one block against the signature of what it names; return it with every default."""
        if not isinstance(block, dict):
            if len(path) > 1:  # of a top-level block the frame has told
                self._add(path, f"takes a block {{use: NAME, ...}}, not {short(block)}")
            return {}
        name, apart = block.get("use"), APART.get(kind, ())
        if not isinstance(name, str):
            said = f"is {short(name)}, not a name" if "use" in block else "is missing"
            self._say(path, "use", f"{said}: name one of the {kind} (see 'zoo ls {kind}')")
            return {}
        signature = self._signature(kind, name, path)
        if signature is None:
            return {}
        stated = {key: value for key, value in block.items() if key != "use" and key not in apart}
        stated = self._without_soft(signature, stated, path)
        slots = {key: value for key, value in stated.items() if key in signature.slots}
        _, mistakes = signature.check(stated)
        self._report(path, mistakes, known=("use", *apart))
        filled = {} if mistakes else plain(signature.model, {**stated, **dict.fromkeys(slots)})
        for key, slot in signature.slots.items():
            if key in slots or key in filled:
                filled[key] = self._slot(slot, (*path, key), slots.get(key, filled.get(key)))
        for fact in signature.facts:
            if filled.get(fact) is None:
                filled.pop(fact, None)
        return {"use": name, **filled}

    def _slot(self, slot: Slot, path: KeyPath, value: Any) -> Any:
        if value is None and slot.optional:
            return None
        if slot.many:
            if not isinstance(value, list):
                self._add(path, f"takes a list of blocks [{{use: NAME, ...}}, ...], not {short(value)}")
                return []
            return [self._block(slot.kind, (*path, index), child) for index, child in enumerate(value)]
        return self._block(slot.kind, path, value)

    def _signature(self, kind: str, name: str, path: KeyPath) -> Signature | None:
        try:
            if (kind, name) not in self.signatures:
                entry = self.registry.find(kind, name)
                self.signatures[kind, name] = signature_of(entry.load(), name)
                self.entries[kind, name] = entry
                note = self.registry.note(kind, name)
                self.notes.extend([note] if note else [])
        except (MissingError, UsageError) as error:
            use = (*path, "use")
            # what is missing can be installed; a name that two claim has to be settled by the user
            into = self.missing if isinstance(error, MissingError) else self.problems
            into.append(Problem(self.recipe.place(use), dotted(use), str(error)))
            return None
        return self.signatures[kind, name]

    def _without_soft(self, signature: Signature, stated: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        soft = {key for key in stated if (*path, key) in self.recipe.soft}
        # a name that both components have may mean a number in one and a table in the other
        other = {mistake.path for mistake in signature.check({key: stated[key] for key in soft})[1]} if soft else set()
        lost = [key for key in stated if key in soft and (key not in signature.parameters or (key,) in other)]
        self.dropped.extend(dotted((*path, key)) for key in lost)
        return {key: value for key, value in stated.items() if key not in lost}

    def _say(self, path: KeyPath, key: str, message: str) -> None:
        self._add((*path, key), message)

    def _add(self, path: KeyPath, message: str) -> None:
        if path not in self.reported:
            self.reported.add(path)
            self.problems.append(Problem(self.recipe.place(path), dotted(path), message))

    def _report(self, path: KeyPath, mistakes: list[Mistake], known: tuple[str, ...] = ()) -> None:
        for mistake in mistakes:
            message = mistake.message
            if mistake.unknown:
                names = [*mistake.candidates, *(known if len(mistake.path) == 1 else ())]
                near = difflib.get_close_matches(str(mistake.path[-1]), names, n=1)
                listed = ", ".join(sorted(names)) or "none"
                message += f", did you mean {near[0]}?" if near else f"; known here: {listed}"
            self._add((*path, *mistake.path), message)

    def _origins_of(self, value: Any, path: KeyPath, use: str = "zoo") -> None:
        """Say for every value where it came from."""
        blocks = isinstance(value, list) and any(isinstance(child, dict) for child in value)
        items = value.items() if isinstance(value, dict) else enumerate(value) if blocks else ()
        owner = value.get("use", use) if isinstance(value, dict) else use
        for key, child in items:
            below = (*path, key)
            self.origins[below] = str(self.recipe.places.get(below, f"default of {owner}"))
            self._origins_of(child, below, "zoo" if below == ("data", "split") else owner)


def _by_place(problem: Problem) -> tuple[str, int, int]:
    source, _, rest = problem.place.partition(":")
    line, _, column = rest.partition(":")
    return (source, int(line) if line.isdigit() else 0, int(column) if column.isdigit() else 0)
