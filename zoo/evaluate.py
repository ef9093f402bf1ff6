"""Scores of a model on test groups, with its floors beside them, and the interval of both.

A task with ``pooled = True`` is scored over the items of all test groups together (:class:`zoo.contracts.Task`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contestant import MEMBER, MODEL, STAGE, Contestant
from zoo.errors import RunError
from zoo.intervals import FEW_GROUPS, drawn_groups, of_draws, over_groups
from zoo.progress import track
from zoo.scores import pooling

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset, Indices, Task

MANY = 0.05
"""Share of drawings without a value above which a reader is told of them."""


def by_group(
    contestant: Contestant,
    dataset: Dataset,
    items: Mapping[str, Indices],
    keep: Callable[[str, Indices, Arrays, Arrays], None] | None = None,
) -> dict[str, Any]:
    """Score the model and every floor on each group.

    Parameters
    ----------
    contestant
        The model with its floors.
    dataset
        Where the items are.
    items
        Group -> its items.
    keep
        Is given each group, its items, what the model predicted for them and what was measured.

    Returns
    -------
    ``{"model" or floor: {group: {score: value}}}`` under ``scores``, and under ``counts`` what the task counted. Of a
    pooled task, a score that a group cannot have is None, and ``pooled`` keeps what all groups together are scored by:
    ``predicted`` (``{"model" or floor: {group: {name: values}}}``) and ``truth`` (``{group: {name: values}}``).

    Raises
    ------
    RunError
        The model's predictions are not finite.
    """
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    counts: dict[str, dict[str, float]] = {}
    predicted: dict[str, dict[str, Any]] = {}
    truths: dict[str, Any] = {}
    task, together = contestant.task, getattr(contestant.task, "pooled", False)
    for group, chosen in track(items.items(), "scoring", unit="test groups"):
        truth = task.truth(dataset, chosen)
        for name, values in _rivals(contestant, dataset, chosen, group):
            if keep and name == MODEL:
                keep(group, chosen, values, truth)
            said, known = _brief(task, values, truth) if together else (values, truth)
            found, counted = task.score(said, known)
            scores.setdefault(name, {})[group] = _none_for_nan(found) if together else found
            counts.setdefault(group, counted)
            if together:
                predicted.setdefault(name, {})[group] = pooling.plain(said)
                truths.setdefault(group, pooling.plain(known))
    kept = {"pooled": {"predicted": predicted, "truth": truths}} if together else {}
    return {"scores": scores, "counts": counts, **kept}


def _rivals(contestant: Contestant, dataset: Dataset, items: Indices, group: str) -> Iterator[tuple[str, Arrays]]:
    """Give what the model predicts for items, what each member or stage does, then what each floor does."""
    for who, predicted in contestant.rivals(dataset, items):
        for name, values in predicted.items():
            if not np.isfinite(values).all():
                raise RunError(f"the {who} predicts values that are not finite ({name} of {group}); train it anew")
        yield who, predicted
    for name, state in contestant.floors.items():
        yield name, contestant.task.predict_floor(name, state, dataset, items)


def _brief(task: Task, predicted: Arrays, truth: Arrays) -> tuple[Arrays, Arrays]:
    shorten = getattr(task, "brief", None)
    found: tuple[Arrays, Arrays] = shorten(predicted, truth) if shorten else (predicted, truth)
    return found


def _none_for_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def summarise(
    members: Sequence[Mapping[str, Any]], directions: Mapping[str, bool], protocol: str, task: Task | None = None
) -> dict[str, Any]:
    """Join the members of a run (folds x seeds) into one table.

    A group's value is the mean over the seeds that tested it; the score is the mean over groups, its interval a
    bootstrap over groups. ``above_floor`` is the paired difference to the best ``floor``, positive where the model is
    better, with its own interval. ``counts`` is what the task counted in each group.

    A pooled ``task`` scores the items of all groups and folds together: the score is the mean over seeds of that, and
    its interval holds 95 % of what comes of it when groups are drawn anew, the same ones for all seeds and floors. The
    models of folds differ in level (one that has seen fewer items of a class calls it rarer), so that a ranking of all
    their items comes out too low: an AUC below one half for a model that knows nothing, and of 0 for class frequencies
    where a fold leaves out items of one class (Airola et al. 2011, doi:10.1016/j.csda.2010.11.018).

    Raises
    ------
    ValueError
        The members come from a pooled task, and it was not given.
    """
    if any("pooled" in member for member in members):
        if task is None:
            raise ValueError("the members are to be scored together; give summarise the task that does it")
        table, margins, more = _together(members, directions, task)
    else:
        table, margins, more = *_apart(members, directions), []
    model = table.pop(MODEL)
    parts = {name: table.pop(name) for name in list(table) if name.startswith(MEMBER)}
    stages = {name: table.pop(name) for name in list(table) if name.startswith(STAGE)}
    if parts:
        more = [*more, f"the score is that of the vote of {len(parts)} members, each of which is scored beside it"]
    return {
        "pooled": any("pooled" in member for member in members),
        "scores": model,
        "floors": table,
        **({"ensemble": parts} if parts else {}),
        **({"stages": stages} if stages else {}),
        "counts": {group: found for member in members for group, found in member["counts"].items()},
        "above_floor": margins,
        "notes": [*_notes(model, margins, protocol), *more],
    }


def _apart(
    members: Sequence[Mapping[str, Any]], directions: Mapping[str, bool]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns by contestant and score, and the margins, where each group is scored for itself."""
    table = {name: _column(members, name, directions) for name in members[0]["scores"]}
    return table, {score: _margin(*_rows(table, score), up) for score, up in directions.items()}


def _together(
    members: Sequence[Mapping[str, Any]], directions: Mapping[str, bool], task: Task
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the columns by contestant and score, the margins and notes, where all groups are scored together."""
    groups = list(dict.fromkeys(group for member in members for group in member["pooled"]["truth"]))
    draws = drawn_groups(len(groups))
    found = pooling.score(task, members, dict(zip(groups, draws.T, strict=True)))
    table = {
        name: {score: _pooled_column(values, score, _by_group(members, name, score)) for score in directions}
        for name, values in found.items()
    }
    margins = {s: _pooled_margin(found, s, _best(*_rows(table, s), up), up) for s, up in directions.items()}
    folds = max(len({id(member) for member in pool.values()}) for pool in pooling.pools_of(members))
    return table, margins, _pooled_notes(table[MODEL], found[MODEL], len(groups), folds)


def _rows(table: Mapping[str, Any], score: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return one score of the model, and of each floor."""
    floors = {
        name: columns[score]
        for name, columns in table.items()
        if name != MODEL and not name.startswith((MEMBER, STAGE))
    }
    return table[MODEL][score], floors


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
    name = _best(model, floors, up)
    if name is None:
        return {"floor": None, "mean": None, "interval": None}
    sign, best = 1 if up else -1, floors[name]
    shared = [group for group in model["by_group"] if group in best["by_group"]]
    values = np.array([sign * (model["by_group"][group] - best["by_group"][group]) for group in shared])
    interval = over_groups(values)
    return {"floor": name, "mean": float(values.mean()), "interval": list(interval) if interval else None}


def _best(model: Mapping[str, Any], floors: Mapping[str, Mapping[str, Any]], up: bool) -> str | None:
    """Return the best floor, None where the model or every floor has no value."""
    known = {name: column["mean"] for name, column in floors.items() if column["mean"] is not None}
    if not known or model["mean"] is None:
        return None
    return max(known, key=lambda name: known[name] if up else -known[name])


def _by_group(members: Sequence[Mapping[str, Any]], name: str, score: str) -> dict[str, float | None]:
    """Return the mean over seeds of a score in each group, None where a group has none."""
    seeds: dict[str, list[float]] = {}
    for member in members:
        for group, found in member["scores"][name].items():
            seeds.setdefault(group, []).append(np.nan if found[score] is None else found[score])
    return {group: _number(float(np.mean(found))) for group, found in seeds.items()}


def _pooled_column(found: pooling.Found, score: str, by_group: dict[str, float | None]) -> dict[str, Any]:
    points, interval = found.points[score], of_draws(found.drawn[score])
    return {
        "mean": _number(float(points.mean())),
        "interval": list(interval) if interval else None,
        "seed_sd": _number(float(np.std(points, ddof=1))) if len(points) > 1 else None,
        "by_group": by_group,
    }


def _pooled_margin(found: Mapping[str, pooling.Found], score: str, floor: str | None, up: bool) -> dict[str, Any]:
    if floor is None:
        return {"floor": None, "mean": None, "interval": None}
    sign, model, best = 1 if up else -1, found[MODEL], found[floor]
    interval = of_draws(sign * (model.drawn[score] - best.drawn[score]))
    mean = sign * (model.points[score].mean() - best.points[score].mean())
    return {"floor": floor, "mean": float(mean), "interval": list(interval) if interval else None}


def _pooled_notes(model: Mapping[str, Any], found: pooling.Found, groups: int, folds: int) -> list[str]:
    """Return what pooling changes for the reader of the table, and where drawings of groups had no value."""
    notes = []
    if groups > 1:
        notes.append(
            f"scored over the items of all {groups} test groups together; for intervals, groups are drawn anew"
        )
    if folds > 1:
        notes.append(
            f"the {folds} models of a seed differ in level, so that a score of their joint ranking is rather too low"
        )
    shares = {score: float(np.isnan(found.drawn[score]).mean()) for score in model if len(found.drawn[score])}
    many = {s: share for s, share in shares.items() if share > MANY and model[s]["mean"] is not None}
    for given, what in ((True, "intervals leave out drawings of groups"), (False, "no interval, because of drawings")):
        told = [f"{s} ({share:.0%})" for s, share in many.items() if bool(model[s]["interval"]) is given]
        notes.extend([f"{what} without a value: {', '.join(told)}"] if told else [])
    return notes
