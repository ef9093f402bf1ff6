"""A recipe that has been checked and filled, and what is built of it.

Filling (:mod:`zoo.resolve`) needs no data; building makes objects, and is handed the facts (channels, genes, features)
that the parts before it declare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.document import KeyPath, dotted
from zoo.errors import Problem, RecipeError, ZooError
from zoo.recipe import Recipe, digest
from zoo.registry import Entry, Registry
from zoo.schema import APART, SLOTS, Frame, SplitSettings, TrainSettings
from zoo.signature import Signature, Slot
from zoo.stage_contract import Block


@dataclass(slots=True)
class Filled:
    """A recipe that has been checked: every default is written out and every value has its origin.

    ``members`` are those of an ensemble, each a whole recipe; its ``entries`` are among the ensemble's. ``notes`` tell
    of names that are called otherwise now, or that go.
    """

    recipe: Recipe
    registry: Registry
    frame: Frame
    split: SplitSettings
    origins: dict[KeyPath, str]
    entries: dict[tuple[str, str], Entry]
    dropped: list[str] = field(default_factory=list)
    members: list[Filled] = field(default_factory=list)
    signatures: dict[tuple[str, str], Signature] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> dict[str, Any]:
        """The filled recipe as plain values."""
        return self.recipe.data

    @property
    def digest(self) -> str:
        """The sha256 of everything that decides the result; the recipe's name and what is published of it do not.

        What is null is left out: a setting that a later zoo adds, and that nobody uses, changes no digest.
        """
        return digest(_said({key: value for key, value in self.data.items() if key not in {"name", "publish"}}))

    def build(self, slot: str, facts: Mapping[str, int]) -> Any:
        """Build the component of a top-level slot (``data``, ``encoder``, ``head``, ``loss``, ``task``)."""
        return self.build_block(SLOTS[slot], (slot,), facts)

    def build_sampler(self, facts: Mapping[str, int]) -> Any:
        """Build the sampler, None where there is none."""
        return self.build_block("samplers", ("sampler",), facts) if self.data["sampler"] else None

    def build_transforms(self, phase: str, facts: Mapping[str, int]) -> list[Any]:
        """Build the transforms of ``train`` or ``eval``."""
        blocks = self.data["transforms"][phase]
        return [self.build_block("transforms", ("transforms", phase, i), facts) for i in range(len(blocks))]

    def build_stage(self, number: int, facts: Mapping[str, int]) -> Any:
        """Build a stage."""
        return self.build_block("stages", ("stages", number), facts)

    def views(self, dataset: Any) -> list[Any]:
        """Return the data as they are behind each stage; the last are what is evaluated and predicted on."""
        found = []
        for number, block in enumerate(self.data.get("stages") or ()):
            if hasattr(self.entries["stages", block["use"]].load(), "over"):
                dataset = self.build_stage(number, {}).over(dataset)
            found.append(dataset)
        return found

    def build_data(self) -> Any:
        """Build the dataset, as the stages leave it."""
        dataset = self.build("data", {})
        return [dataset, *self.views(dataset)][-1]

    def of_training(
        self,
        train: Mapping[str, Any],
        blocks: Mapping[str, Block[Any] | None],
        transforms: Sequence[Block[Any]] = (),
    ) -> Filled:
        """Return the recipe of one training within a stage: this one, with blocks of the stage in their places.

        Parameters
        ----------
        train
            The settings of the training.
        blocks
            Top-level slot -> what stands there; None leaves what the recipe has.
        transforms
            Those of the training items.
        """
        own: dict[KeyPath, Block[Any]] = {(slot,): block for slot, block in blocks.items() if block is not None}
        whole = {str(slot): dict(block.values) for (slot,), block in own.items()}
        settings = TrainSettings.model_validate({**self.data["train"], **train})
        data = {**self.data, "stages": None, **whole, "train": settings.model_dump(mode="json")}
        data["transforms"] = {**data["transforms"], "train": [dict(block.values) for block in transforms]}
        own |= {("transforms", "train", number): block for number, block in enumerate(transforms)}
        places = dict(self.recipe.places)
        for into, block in own.items():
            places |= {
                (*into, *path[len(block.path) :]): place
                for path, place in self.recipe.places.items()
                if path[: len(block.path)] == block.path
            }
        recipe = Recipe(data, places, files=self.recipe.files, overrides=self.recipe.overrides)
        return replace(self, recipe=recipe, frame=self.frame.model_copy(update={"train": settings}))

    def build_block(self, kind: str, path: KeyPath, facts: Mapping[str, int]) -> Any:
        """Build one block and the blocks nested in it.

        Raises
        ------
        RecipeError
            The component refuses its parameters, or a stated value disagrees with what another part declares.
        """
        block: Any = self.data
        for key in path:
            block = block[key]
        name = block["use"]
        signature = self.signatures[kind, name]
        stated = {key: value for key, value in block.items() if key not in {"use", *APART.get(kind, ())}}
        values, _ = signature.check({**stated, **dict.fromkeys(signature.slots)})
        for key in signature.slots:
            values[key] = self._build_slot(signature, key, stated.get(key), (*path, key), facts)
        for fact, default in signature.facts.items():
            known = facts.get(fact, None if default is ... else default)
            values[fact] = self._fact(fact, stated.get(fact), known, path)
        try:
            return self.entries[kind, name].load()(**values)
        except ZooError:
            raise
        except (ValueError, TypeError) as error:
            raise RecipeError([Problem(self.recipe.place(path), dotted(path), f"{name}: {error}")]) from error

    def _build_slot(self, signature: Signature, key: str, value: Any, path: KeyPath, facts: Mapping[str, int]) -> Any:
        slot = signature.slots[key]
        if value is None:
            return None
        if slot.many:
            return [self._build_one(slot, child, (*path, index), facts) for index, child in enumerate(value)]
        return self._build_one(slot, value, path, facts)

    def _build_one(self, slot: Slot, value: Any, path: KeyPath, facts: Mapping[str, int]) -> Any:
        return Block(value, path) if slot.later else self.build_block(slot.kind, path, facts)

    def _fact(self, fact: str, stated: int | None, known: int | None, path: KeyPath) -> int | None:
        here = (*path, fact)
        if known is None and stated is None:
            what = "is needed here, and neither the dataset nor the encoder declares it; state it"
            raise RecipeError([Problem(self.recipe.place(path), dotted(here), what)])
        if known is not None and stated is not None and known != stated:
            what = f"the recipe states {stated}, but the data and the parts before it give {known}; remove it"
            raise RecipeError([Problem(self.recipe.place(here), dotted(here), what)])
        return stated if known is None else known


def _said(value: Any) -> Any:
    """Return plain values without what is null in blocks."""
    if isinstance(value, dict):
        return {key: _said(child) for key, child in value.items() if child is not None}
    return [_said(child) for child in value] if isinstance(value, list) else value
