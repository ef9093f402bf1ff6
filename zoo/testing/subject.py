"""A part inside a recipe, so that all it is handed is real: the data, their facts, and what other parts give it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from zoo.batches import to_device, transformed
from zoo.document import KeyPath
from zoo.errors import DataError, UsageError
from zoo.experiment import fit_dataset, folds_of
from zoo.filled import Filled
from zoo.registry import Entry
from zoo.schema import SLOTS, SplitSettings
from zoo.testing import standing
from zoo.testing.standing import SETTINGS

if TYPE_CHECKING:
    from zoo.contracts import Batch, Dataset, Indices, Outputs
    from zoo.splits import Split

OWN_RECIPE = "ship a recipe that names it, or give one by recipe=PATH"


@dataclass
class Subject:
    """A part, and the recipe that it stands in.

    Attributes
    ----------
    kind, name, target
        What is looked at; ``target`` is the loaded class or function.
    filled, path
        The recipe, and where the part stands in it; it may stand inside another one.
    """

    kind: str
    name: str
    target: Any
    filled: Filled
    path: KeyPath

    @property
    def borrowed(self) -> bool:
        """Whether the recipe is one of these checks, and so may not be what the part was made for."""
        return any(Path(file).parent == SETTINGS for file in self.filled.recipe.files)

    @cached_property
    def fold(self) -> Split:
        """The first fold of the recipe; where the data under test have other groups, one of their first unit."""
        try:
            return folds_of(self.filled, self._unfitted)[0]
        except DataError:
            if self.path != ("data",):
                raise
            return self._some_fold()

    def _some_fold(self) -> Split:
        """Return a fold over data that the recipe knows nothing of, by the unit of most groups that can be split."""
        groups = self._unfitted.groups
        for unit in sorted(groups, key=lambda unit: -len(set(groups[unit]))):
            for stratify in (None, True):
                split = SplitSettings(unit=unit, test=0.3, stratify=stratify)
                with suppress(DataError):
                    return folds_of(replace(self.filled, split=split), self._unfitted)[0]
        return folds_of(replace(self.filled, split=SplitSettings(unit=next(iter(groups)), test=0.3)), self._unfitted)[0]

    @cached_property
    def _unfitted(self) -> Dataset:
        dataset: Dataset = self.filled.build_data()
        return dataset

    @cached_property
    def dataset(self) -> Dataset:
        """The data, fitted to the training items as zoo does it."""
        fit_dataset(self.filled, self._unfitted, self.fold)
        return self._unfitted

    def items(self, side: str = "train") -> Indices:
        """Return the items of ``train``, ``val`` or ``test``."""
        return np.asarray(self.fold.items(self.dataset.groups[self.fold.unit], side), dtype=np.int64)

    def batch(self, number: int = 4) -> dict[str, Any]:
        """Return a batch of training items as a model sees it, on the CPU."""
        read = to_device(self.dataset.batch(self.items()[:number]), torch.device("cpu"))
        views = self.filled.build_transforms("eval", self.dataset.facts)
        return dict(transformed(read, views, 0))

    @cached_property
    def facts(self) -> dict[str, int]:
        """What the part is told of others: of the data, and where it stands behind the encoder, of that."""
        return self._facts(str(self.path[0]))

    def _facts(self, slot: str) -> dict[str, int]:
        if slot in {"data", "stages"}:
            return {}
        behind = {"in_features": int(self.encoder.out_features)} if slot in {"head", "loss"} else {}
        return {**self.dataset.facts, **behind}

    def make(self, seed: int = 0) -> Any:
        """Return the part, built anew from a seed, and fitted where it is a loss that is fitted."""
        return self._fitted(self._seeded(self.filled, self.path, seed))

    def _fitted(self, part: Any) -> Any:
        if self.path[0] == "loss" and self.path == ("loss",) and hasattr(part, "fit"):
            part.fit(self.dataset, self.items())
        return part

    def _seeded(self, filled: Filled, path: KeyPath, seed: int) -> Any:
        facts = self._facts(str(path[0]))  # before the seed: what it needs is built from one as well
        kind = self.kind if path == self.path else SLOTS[str(path[0])]
        torch.manual_seed(seed)
        return filled.build_block(kind, path, facts)

    @cached_property
    def encoder(self) -> Any:
        """The encoder of the recipe."""
        facts = dict(self.dataset.facts)
        torch.manual_seed(0)
        return self.filled.build("encoder", facts)

    @cached_property
    def head(self) -> Any:
        """The head of the recipe."""
        return self._seeded(self.filled, ("head",), 0)

    def features(self, batch: Batch) -> torch.Tensor:
        """Return the features of a batch, in evaluation mode and without a gradient."""
        with torch.no_grad():
            found: torch.Tensor = self.encoder.eval()(batch)
        return found

    def outputs(self, batch: Batch) -> Outputs:
        """Return the head's outputs for a batch, in evaluation mode and without a gradient."""
        with torch.no_grad():
            found: Outputs = self.head.eval()(self.features(batch), batch)
        return found

    def arguments(self, number: int = 4) -> tuple[Any, ...]:
        """Return what the part is called with for a batch of training items: what the model up to it makes of them.

        Raises
        ------
        UsageError
            The part stands inside another one, which never calls it.
        """
        batch = self.batch(number)
        first: dict[str, Callable[[], tuple[Any, ...]]] = {
            "encoder": lambda: (batch,),
            "head": lambda: (self.features(batch), batch),
            "loss": lambda: ({name: value.float() for name, value in self.outputs(batch).items()}, batch),
        }
        given = first[str(self.path[0])]()
        return given if len(self.path) == 1 else self._heard(given)

    def _heard(self, given: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what a part inside another one is called with when the outer one is."""
        recorder = _Recorder(self.target)
        key = self.kind, self.name
        listening = replace(self.filled, entries={**self.filled.entries, key: recorder})
        outer = self._seeded(listening, self.path[:1], 0)
        heard: list[tuple[Any, ...]] = []
        for part in (part for part in recorder.made if isinstance(part, nn.Module)):
            part.register_forward_pre_hook(lambda _, arguments: heard.append(arguments))
        with torch.no_grad():
            outer.eval()(*given)
        if not heard:
            raise UsageError(f"{standing.at(self.filled.data, self.path[:1])['use']} never calls the part inside it")
        return heard[0]


class _Recorder(Entry):
    """Stands for an entry, and keeps what is built of it."""

    __slots__ = ("made", "part")
    made: list[Any]
    part: Any

    def __init__(self, part: Any) -> None:
        object.__setattr__(self, "part", part)
        object.__setattr__(self, "made", [])

    def load(self) -> Any:
        def build(**values: Any) -> Any:
            made = self.part(**values)
            self.made.append(made)
            return made

        return build
