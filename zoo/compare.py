"""Paired differences between finished runs over the test groups that they share, with intervals and floors.

A group's value is the mean over the seeds that tested it, and a difference is taken within each group before groups are
drawn anew, the same ones for every run: what makes a group hard for all takes no part in it. Pooled scores
(:class:`zoo.contracts.Task`) are computed anew in every drawing of groups, for each run, and subtracted then. The
interval is the 95 % percentile bootstrap over groups (Efron 1979, doi:10.1214/aos/1176344552); seeds are not drawn.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from zoo import bounded, compare_notes, evaluate
from zoo.compare_runs import Scored, read
from zoo.contestant import MODEL
from zoo.errors import MissingError, UsageError
from zoo.intervals import drawn_groups, of_draws, over_groups
from zoo.scores import pooling


@dataclass(frozen=True, slots=True)
class _Side:
    """One run: what it is called, its scores over the shared groups, and where they are pooled, those of drawings.

    ``truth`` is what a pooled run was held against in each group.
    """

    label: str
    run: Scored
    found: Mapping[str, Any]
    drawn: pooling.Found | None = None
    truth: Mapping[str, Any] = field(default_factory=dict)


def compare(named: Sequence[str], scores: Sequence[str] = ()) -> dict[str, Any]:
    """Compare runs over the test groups that all of them share; the first is the reference.

    Parameters
    ----------
    named
        Run folders, package folders, names of the catalogue or addresses of the Hub; two or more.
    scores
        Which scores; all that the runs share if none is named.

    Returns
    -------
    ``reference`` and ``unit``; the shared ``groups``; ``higher_is_better`` by score; ``runs``, each with ``scores`` and
    ``floors`` over these groups and ``above_floor``, as in ``metrics.json``; ``differences`` of every pair, positive
    where ``run`` is better than ``against``, with the number of ``groups`` they come from and of those in which it is
    better (None where a group has no value of its own); and ``notes``, what a reader must not overlook.

    Raises
    ------
    UsageError
        Fewer than two runs, one named twice, runs without a score or a group in common, or a score that is not known.
    MissingError
        A run has no scores yet, or no predictions to score the shared groups by.
    IntegrityError
        A file of a run is damaged.
    """
    runs = _read(named)
    directions = _directions(runs, scores)
    groups = _shared(runs)
    sides = [_side(label, run, groups, directions) for label, run in runs.items()]
    differences = [
        _difference(side, against, score, up, groups)
        for against, side in combinations(sides, 2)
        for score, up in directions.items()
    ]
    found: dict[str, Any] = _plain(
        {
            "reference": sides[0].label,
            "unit": sides[0].run.metrics.split.unit,
            "groups": groups,
            "higher_is_better": dict(directions),
            "runs": [_told(side, directions) for side in sides],
            "differences": differences,
        }
    )
    unpaired = [side.label for side in sides if side.run.metrics.pooled and side.drawn is None]
    own = {side.label: [*_other_truth(side, sides[0]), *side.found["notes"]] for side in sides}
    return {**found, "notes": compare_notes.notes(runs, groups, own, unpaired, found["differences"])}


def _read(named: Sequence[str]) -> dict[str, Scored]:
    """Return the runs by what they are called: the recipe, and as much more as tells one from the other."""
    if len(named) < 2:  # noqa: PLR2004 - a comparison
        raise UsageError(f"{len(named)} run to compare; name two or more ('zoo ls runs' lists them)")
    runs: list[Scored] = []
    for text in named:
        run = read(text)
        if any(run.folder.resolve() == other.folder.resolve() for other in runs):
            raise UsageError(f"{bounded.shown(text)}: is named twice; a run is compared with others")
        runs.append(run)
    labels = [run.metrics.recipe for run in runs]
    longer = (
        [f"{run.metrics.recipe} ({run.metrics.protocol})" for run in runs],
        [f"{run.metrics.recipe} {run.folder.absolute().name}" for run in runs],
        [str(run.folder.resolve()) for run in runs],
    )
    for names in longer:
        labels = [name if labels.count(old) > 1 else old for old, name in zip(labels, names, strict=True)]
    return dict(zip(labels, runs, strict=True))


def _shared(runs: Mapping[str, Scored]) -> list[str]:
    """Return the groups that all runs tested, sorted, so that drawings do not depend on who is named first."""
    (first, reference), *others = runs.items()
    shared = set(reference.groups)
    for label, run in others:
        if not shared & set(run.groups):
            one, other = (compare_notes.listed(sorted(groups)) for groups in (shared, run.groups))
            unit = reference.metrics.split.unit
            what = f"{first} and {label} share no test group ({unit} {one}; {run.metrics.split.unit} {other})"
            raise UsageError(f"{what}; compare runs that were tested on the same data")
        shared &= set(run.groups)
    return sorted(shared)


def _directions(runs: Mapping[str, Scored], wanted: Sequence[str]) -> dict[str, bool]:
    """Return the shared scores, and of each whether higher is better."""
    (first, reference), *others = runs.items()
    known = reference.directions()
    found = {score: known[score] for score in reference.metrics.scores if score in known}
    for label, run in others:
        theirs = run.directions()
        shared = {s: up for s, up in found.items() if s in run.metrics.scores and theirs.get(s) is up}
        if not shared or run.metrics.pooled is not reference.metrics.pooled:
            tasks = f"tasks {reference.task_name} and {run.task_name}"
            why = "score by group and all groups together" if shared else "have no score in common"
            raise UsageError(f"{first} and {label} {why} ({tasks}); compare runs of the same task")
        found = shared
    for score in wanted:
        if score not in found:
            near = difflib.get_close_matches(score, found, n=1)
            way = f", did you mean {near[0]}?" if near else f"; they share: {', '.join(found)}"
            raise UsageError(f"--score {bounded.shown(score)}: is no score that all these runs have{way}")
    return {score: up for score, up in found.items() if not wanted or score in wanted}


def _side(label: str, run: Scored, groups: Sequence[str], directions: Mapping[str, bool]) -> _Side:
    if not run.metrics.pooled:
        members = _within(run.members(), groups)
        return _Side(label, run, evaluate.summarise(members, directions, run.metrics.protocol))
    kept = run.kept()
    if kept is None:
        if set(groups) != set(run.groups):
            what = f"keeps no predictions, so that its pooled scores over {compare_notes.listed(groups)} are not known"
            raise MissingError(f"{run.folder}: {what}; name the run folder that it comes from")
        whole = run.metrics.model_dump(include={"scores", "floors", "above_floor", "notes"})
        return _Side(label, run, whole)
    task, members = run.task(), _within(kept, groups)
    found = evaluate.summarise(members, directions, run.metrics.protocol, task)
    truth = {group: values for member in members for group, values in member["pooled"]["truth"].items()}
    return _Side(label, run, found, _drawn(task, members, groups), truth)


def _within(members: Sequence[dict[str, Any]], groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return members with nothing but these groups, without those that tested none of them."""

    def only(found: Mapping[str, Any]) -> dict[str, Any]:
        return {group: values for group, values in found.items() if group in groups}

    within = []
    for member in members:
        scores = {rival: only(found) for rival, found in member["scores"].items()}
        cut = {**member, "scores": scores, "counts": only(member["counts"])}
        if "pooled" in member:
            predicted = {rival: only(found) for rival, found in member["pooled"]["predicted"].items()}
            cut["pooled"] = {"predicted": predicted, "truth": only(member["pooled"]["truth"])}
        within.extend([cut] if scores[MODEL] else [])
    return within


def _drawn(task: Any, members: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> pooling.Found:
    """Return the scores of the model, floors aside, in the drawings that all runs have in common."""
    alone = [{**m, "pooled": {**m["pooled"], "predicted": {MODEL: m["pooled"]["predicted"][MODEL]}}} for m in members]
    return pooling.score(task, alone, dict(zip(groups, drawn_groups(len(groups)).T, strict=True)))[MODEL]


def _difference(side: _Side, against: _Side, score: str, up: bool, groups: Sequence[str]) -> dict[str, Any]:
    """Return how much better a run is than another in one score."""
    better, worse = (side, against) if up else (against, side)
    one, other = better.found["scores"][score], worse.found["scores"][score]
    values = _values(one, groups) - _values(other, groups)
    known = values[~np.isnan(values)]
    won: int | None = int((known > 0).sum())
    told = {"run": side.label, "against": against.label, "score": score}
    if not side.run.metrics.pooled:
        found = {"mean": float(known.mean()) if len(known) else None, "interval": over_groups(values)}
        return {**told, **found, "better_groups": won, "groups": len(known)}
    mean = None if None in (one["mean"], other["mean"]) else one["mean"] - other["mean"]
    interval = None
    if better.drawn and worse.drawn:
        interval = of_draws(better.drawn.drawn[score] - worse.drawn.drawn[score])
    won = won if len(known) == len(groups) else None
    return {**told, "mean": mean, "interval": interval, "better_groups": won, "groups": len(groups)}


def _values(column: Mapping[str, Any], groups: Sequence[str]) -> Any:
    """Return a score of each group, NaN where it has none."""
    found = (column["by_group"].get(group) for group in groups)
    return np.array([math.nan if value is None else value for value in found], dtype=np.float64)


def _other_truth(side: _Side, reference: _Side) -> list[str]:
    shared = side.truth.keys() & reference.truth.keys()
    apart = sorted(group for group in shared if side.truth[group] != reference.truth[group])
    return [f"was held against another truth than {reference.label} in {compare_notes.listed(apart)}"] if apart else []


def _told(side: _Side, directions: Mapping[str, bool]) -> dict[str, Any]:
    metrics, found = side.run.metrics, side.found
    return {
        "run": side.label,
        "folder": str(side.run.folder),
        "recipe": metrics.recipe,
        "protocol": metrics.protocol,
        "seeds": metrics.seeds,
        "scores": {score: found["scores"][score] for score in directions},
        "floors": {name: {s: columns[s] for s in directions} for name, columns in found["floors"].items()},
        "above_floor": {score: found["above_floor"][score] for score in directions},
    }


def _plain(value: Any) -> Any:
    """Return values as JSON has them: lists, and None for what is not a number."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
