"""Scores of a model on test groups, with its floors beside them, and the interval of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import infer
from zoo.errors import RunError
from zoo.intervals import FEW_GROUPS, over_groups

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset, Indices, Task, Transform
    from zoo.model import Model

MODEL = "model"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model and its floors, ready to be scored on any items."""

    model: Model
    task: Task
    bank: Arrays
    floors: dict[str, Arrays]
    batch: int
    transforms: Sequence[Transform] = ()

    def predict(self, dataset: Dataset, items: Indices) -> Arrays:
        """Return the model's predictions for items."""
        outputs = infer.outputs(self.model, dataset, items, batch=self.batch, transforms=self.transforms)
        return self.task.predict(outputs, self.bank)

    def scores(self, dataset: Dataset, items: Indices) -> dict[str, float]:
        """Return the model's scores on items taken together."""
        return self.task.score(self.predict(dataset, items), self.task.truth(dataset, items))[0]


def prepare(
    model: Model, task: Task, dataset: Dataset, items: Indices, *, batch: int, transforms: Sequence[Transform] = ()
) -> Contestant:
    """Remember of the training items what prediction needs; floors are left out."""
    bank: Arrays = {}
    if task.needs_bank:
        outputs = infer.outputs(model, dataset, items, batch=batch, transforms=transforms)
        bank = task.bank(outputs, dataset, items)
    return Contestant(model, task, bank, {}, batch, transforms)


def by_group(contestant: Contestant, dataset: Dataset, items: Mapping[str, Indices]) -> dict[str, Any]:
    """Score the model and every floor on each group.

    Parameters
    ----------
    contestant
        The model with its floors.
    dataset
        Where the items are.
    items
        Group -> its items.

    Returns
    -------
    ``{"model" or floor: {group: {score: value}}}`` under ``scores``, and under ``counts`` what the task counted.

    Raises
    ------
    RunError
        The model's predictions are not finite.
    """
    scores: dict[str, dict[str, dict[str, float]]] = {}
    counts: dict[str, dict[str, float]] = {}
    for group, chosen in items.items():
        truth = contestant.task.truth(dataset, chosen)
        predicted = contestant.predict(dataset, chosen)
        for name, values in predicted.items():
            if not np.isfinite(values).all():
                raise RunError(f"the model predicts values that are not finite ({name} of {group}); train it anew")
        found, counts[group] = contestant.task.score(predicted, truth)
        scores.setdefault(MODEL, {})[group] = found
        for name, state in contestant.floors.items():
            rival = contestant.task.predict_floor(name, state, dataset, chosen)
            scores.setdefault(name, {})[group] = contestant.task.score(rival, truth)[0]
    return {"scores": scores, "counts": counts}


def summarise(members: Sequence[Mapping[str, Any]], directions: Mapping[str, bool], protocol: str) -> dict[str, Any]:
    """Join the members of a run (folds x seeds) into one table.

    A group's value is the mean over the seeds that tested it; the score is the mean over groups, its interval a
    bootstrap over groups. ``above_floor`` is the paired difference to the best ``floor``, positive where the model is
    better, with its own interval. ``counts`` is what the task counted in each group.
    """
    table = {name: _column(members, name, directions) for name in members[0]["scores"]}
    model = table.pop(MODEL)
    margins = {s: _margin(model[s], {name: t[s] for name, t in table.items()}, up) for s, up in directions.items()}
    return {
        "scores": model,
        "floors": table,
        "counts": {group: found for member in members for group, found in member["counts"].items()},
        "above_floor": margins,
        "notes": _notes(model, margins, protocol),
    }


def _notes(model: Mapping[str, Any], margins: Mapping[str, Any], protocol: str) -> list[str]:
    """Return what a reader of the table must not overlook."""
    notes = []
    groups = max((len(column["by_group"]) for column in model.values()), default=0)
    if groups == 1:
        notes.append("1 test group: no interval can be given")
    elif groups < FEW_GROUPS:
        notes.append(f"{groups} test groups: the interval is a rough one")
    behind = [score for score, margin in margins.items() if margin["mean"] is not None and margin["mean"] <= 0]
    if behind:
        notes.append(f"the model does not beat its best floor in {', '.join(behind)}")
    if protocol == "published":
        notes.append("published protocol: what is fitted to data has seen the test groups; scores flatter")
    return notes


def _column(members: Sequence[Mapping[str, Any]], name: str, directions: Mapping[str, bool]) -> dict[str, Any]:
    column = {}
    for score in directions:
        seeds: dict[str, list[float]] = {}
        for member in members:
            for group, found in member["scores"].get(name, {}).items():
                seeds.setdefault(group, []).append(found[score])
        values = np.array([np.mean(found) for found in seeds.values()])
        interval = over_groups(values)
        column[score] = {
            "mean": float(np.nanmean(values)) if np.isfinite(values).any() else None,
            "interval": list(interval) if interval else None,
            "seed_sd": _seed_spread(seeds),
            "by_group": {group: float(np.mean(found)) for group, found in seeds.items()},
        }
    return column


def _seed_spread(seeds: Mapping[str, Sequence[float]]) -> float | None:
    """Return the standard deviation over seeds of the mean over groups."""
    lengths = {len(found) for found in seeds.values()}
    if len(lengths) != 1 or lengths == {1}:
        return None
    return float(np.std(np.mean([list(found) for found in seeds.values()], axis=0), ddof=1))


def _margin(model: Mapping[str, Any], floors: Mapping[str, Mapping[str, Any]], up: bool) -> dict[str, Any]:
    known = {name: column for name, column in floors.items() if column["mean"] is not None}
    if not known or model["mean"] is None:
        return {"floor": None, "mean": None, "interval": None}
    sign = 1 if up else -1
    name = max(known, key=lambda name: sign * known[name]["mean"])
    best = known[name]
    shared = [group for group in model["by_group"] if group in best["by_group"]]
    values = np.array([sign * (model["by_group"][group] - best["by_group"][group]) for group in shared])
    interval = over_groups(values)
    return {"floor": name, "mean": float(values.mean()), "interval": list(interval) if interval else None}
