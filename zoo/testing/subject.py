"""A part inside a recipe, so that all it is handed is real: the data, their facts, and what other parts give it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import torch
from torch import nn

from zoo import resolve
from zoo.batches import to_device, transformed
from zoo.document import KeyPath
from zoo.errors import DataError, UsageError, ZooError
from zoo.experiment import fit_dataset, folds_of
from zoo.filled import Filled
from zoo.recipe import Recipe
from zoo.registry import Entry, Registry, singular
from zoo.schema import SLOTS, SplitSettings
from zoo.signature import signature_of
from zoo.testing import samplers, standing, tasks, transforms
from zoo.testing.findings import Finding, failed, place_in, place_of, sentence, skipped
from zoo.testing.standing import SETTINGS

if TYPE_CHECKING:
    from zoo.contracts import Batch, Dataset, Indices, Outputs
    from zoo.splits import Split

MODEL_PARTS = ("encoders", "heads", "losses")
RUNS: dict[str, Callable[[Any], None]] = {
    "samplers": samplers.runs,
    "tasks": tasks.runs,
    "transforms": transforms.runs,
}
"""What shows that a part of a kind goes with a recipe."""


OWN_RECIPE = "ship a recipe that names it, or give one by recipe=PATH"


class UnsuitedError(Exception):
    """There is no recipe in which the part could be looked at; holds what is to be said of it."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


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


def subject_of(
    kind: str, component: Any, *, recipe: Any = None, registry: Registry | None = None, **parameters: Any
) -> Subject:
    """Return a part inside the first recipe in which it runs, or else inside that in which it came furthest.

    Parameters
    ----------
    kind
        One of the registry's kinds.
    component
        A registered name; or a class or function, which need not be registered.
    recipe
        Path or name of a recipe, or one that is loaded. Without it recipes of the part's own distribution that name it
        are tried, then the recipes of this package, then those of other distributions.
    registry
        That of what is installed where not given.
    parameters
        What a recipe would say of the part; they replace what the recipe says.

    Raises
    ------
    UnsuitedError
        There is no recipe for it; holds a SKIP, or a FAIL where that is the part's doing.
    MissingError, UsageError
        There is no such part, or several.
    """
    entry, registry = standing.entry_of(kind, component, registry or Registry())
    target = entry.load()
    best: tuple[int, Subject | None, BaseException | None] = (-1, None, None)
    for candidate, path in standing.candidates(entry, recipe, registry, parameters):
        found = _tried(entry, target, candidate, path, registry)
        if found[0] > best[0]:
            best = found
        if best[2] is None:
            break
    if best[1] is None:
        raise UnsuitedError(_nowhere(entry, target, best[2]))
    if best[1].borrowed and kind in MODEL_PARTS and _refused(best[2]):
        what = f"refuses the recipe '{best[1].filled.data['name']}' of these checks ({sentence(best[2])})"
        raise UnsuitedError(skipped("builds", f"{what}; {OWN_RECIPE}", place_in(best[2], target)))
    return best[1]


def _refused(error: BaseException | None) -> TypeGuard[ZooError]:
    """Return whether a part says in a sentence of its own that it does not belong there, and not that it is broken."""
    return isinstance(error, ZooError) and not isinstance(error.__cause__, TypeError)


def _tried(
    entry: Entry, target: Any, candidate: Recipe, path: KeyPath | None, registry: Registry
) -> tuple[int, Subject | None, BaseException | None]:
    """Return how far the part came in a recipe, and what stopped it."""
    step = 0
    subject: Subject | None = None
    try:
        filled = resolve.fill(candidate, registry)
        if path is None:
            path = standing.place_of(filled, entry)
            if path is None:  # a part of another kind has the same name
                return -1, None, None
        filled, path = standing.to_the_top(filled, entry.kind, path)
        subject = Subject(entry.kind, entry.name, target, filled, path)
        step = 1
        for step, run in enumerate(_steps(subject), start=1):  # noqa: B007 - how far it came
            run()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a part may raise anything; the caller tells of it
        return step, subject, error
    return step + 1, subject, None


def _steps(subject: Subject) -> list[Callable[[], Any]]:
    if subject.kind in {"datasets", "segmenters", "stages"}:  # asked for no item before they are looked at
        return [subject.make]
    steps: list[Callable[[], Any]] = [lambda: subject.dataset, lambda: subject.batch(1)]
    if subject.kind in RUNS:
        return [*steps, lambda: RUNS[subject.kind](subject)]
    if subject.kind not in MODEL_PARTS:
        return [*steps, subject.make]
    return [*steps, subject.make, lambda: _reads(subject), lambda: _runs(subject)]


def _reads(subject: Subject) -> None:
    lacking = set(getattr(subject.make(), "reads", ())) - set(subject.arguments(2)[-1])
    if lacking and subject.kind == "encoders":
        raise KeyError(*sorted(lacking))


def _runs(subject: Subject) -> None:
    part = subject.make()
    with torch.no_grad():
        (part.eval() if isinstance(part, nn.Module) else part)(*subject.arguments(2))


def _nowhere(entry: Entry, target: Any, error: BaseException | None) -> Finding:
    if error is not None:
        return failed("builds", sentence(error), place_in(error, target))
    lacking = standing.required(signature_of(target, entry.name))
    call = f"zoo.testing.check_{singular(entry.kind)}"
    if not lacking:
        what = f"no recipe has a place for it; ship one that names it, or call {call}(..., recipe=PATH)"
        return skipped("builds", what, place_of(target))
    which = ", ".join(f"'{name}'" for name in lacking)
    has = "has no default" if len(lacking) == 1 else "have no defaults"
    ways = f"ship a recipe that names it (zoo.recipes), or call {call}({entry.name!r}, {lacking[0]}=...)"
    return skipped(
        "builds", f"its parameter {which} {has}, and no recipe states it; {ways}", place_of(target, lacking[0])
    )
