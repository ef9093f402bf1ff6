"""A model with all that it is scored with: its task, what prediction remembers, and its rivals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset, Indices, Task, Transform
    from zoo.model import Ensemble, Model

MODEL = "model"
MEMBER = "member "
"""How the names of the members of an ensemble begin, which are scored beside it and are no floors."""
STAGE = "stage "
"""How the names of the models of earlier stages begin; neither are these floors."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model and its floors, ready to be scored on any items; ``stages`` are models that led to it."""

    model: Model | Ensemble
    task: Task
    bank: Arrays
    floors: dict[str, Arrays]
    batch: int
    transforms: Sequence[Transform] = ()
    stages: dict[str, Contestant] = field(default_factory=dict)

    def predict(self, dataset: Dataset, items: Indices) -> Arrays:
        """Return the model's predictions for items."""
        return self.predict_each(dataset, items)[MODEL]

    def predict_each(self, dataset: Dataset, items: Indices) -> dict[str, Arrays]:
        """Return the model's predictions for items, and those of each member of an ensemble."""
        from zoo import infer  # torch, which joining scores does without

        return self.predicted(infer.outputs(self.model, dataset, items, batch=self.batch, transforms=self.transforms))

    def rivals(self, dataset: Dataset, items: Indices) -> Iterator[tuple[str, Arrays]]:
        """Give what the model predicts for items, then what each member of an ensemble and each earlier stage does."""
        yield from self.predict_each(dataset, items).items()
        for name, stage in self.stages.items():
            yield f"{STAGE}{name}", stage.predict(dataset, items)

    def predicted(self, outputs: Arrays) -> dict[str, Arrays]:
        """Return what a task makes of the outputs of the model, or of each member and, voted, of the ensemble."""
        members = len(getattr(self.model, "members", ()))
        if not members:
            return {MODEL: self.task.predict(outputs, self.bank)}
        each = {}
        for number in range(members):
            begins = f"{number}/"
            own = {name.removeprefix(begins): value for name, value in outputs.items() if name.startswith(begins)}
            each[f"{MEMBER}{number + 1}"] = self.task.predict(own, self.bank)
        return {MODEL: _voted(list(each.values())), **each}

    def scores(self, dataset: Dataset, items: Indices) -> dict[str, float]:
        """Return the model's scores on items taken together."""
        return self.task.score(self.predict(dataset, items), self.task.truth(dataset, items))[0]


def prepare(
    model: Model | Ensemble,
    task: Task,
    dataset: Dataset,
    items: Indices,
    *,
    batch: int,
    transforms: Sequence[Transform] = (),
) -> Contestant:
    """Remember of the training items what prediction needs; floors are left out."""
    from zoo import infer

    bank: Arrays = {}
    if task.needs_bank:
        outputs = infer.outputs(model, dataset, items, batch=batch, transforms=transforms)
        bank = task.bank(outputs, dataset, items)
    return Contestant(model, task, bank, {}, batch, transforms)


def _voted(each: Sequence[Arrays]) -> Arrays:
    """Return the mean of what members predict; what counts items is the same for all of them."""
    first = each[0]
    return {
        name: np.mean([one[name] for one in each], axis=0).astype(value.dtype) if value.dtype.kind == "f" else value
        for name, value in first.items()
    }
