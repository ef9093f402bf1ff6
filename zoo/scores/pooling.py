"""The items of all test groups scored together, and scored again with groups drawn anew.

What is scored is kept by group until all groups are there, as nested lists that a JSON file can hold. A *pool* is what
one seed has predicted of all groups (over all folds).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Part = tuple[Arrays, Arrays]
    Floats = NDArray[np.float64]

AT_ONCE = 4_000_000
"""Weights of items that are held in memory at once while drawings are scored."""


class Scorer(Protocol):
    """The part of a task that scores; it may have ``resampled``, see :class:`zoo.contracts.Task`."""

    scores: Mapping[str, bool]

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return scores, and counts."""


@dataclass(frozen=True, slots=True)
class Found:
    """Scores of one rival: name -> value in each pool [P], and mean over pools in each drawing of groups [R]."""

    points: dict[str, Floats]
    drawn: dict[str, Floats]


def plain(arrays: Arrays) -> dict[str, Any]:
    """Return arrays as nested lists, with None for what is not a number."""
    return {name: _listed(np.asarray(values)) for name, values in arrays.items()}


def _listed(values: NDArray[Any]) -> Any:
    if values.dtype.kind == "f" and np.isnan(values).any():
        lacking, values = np.isnan(values), values.astype(object)
        values[lacking] = None
    return values.tolist()


def arrays(values: Mapping[str, Any]) -> Arrays:
    """Return the arrays that :func:`plain` made lists of, numbers in 64 bits."""
    found = {name: np.asarray(nested) for name, nested in values.items()}
    return {name: array.astype(np.float64) if array.dtype == object else array for name, array in found.items()}


def pools_of(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Mapping[str, Any]]]:
    """Return group -> the member that tested it, for each seed; once more where a seed tested a group once more."""
    pools: list[tuple[Any, dict[str, Mapping[str, Any]]]] = []
    for member in members:
        tested = dict.fromkeys(member["pooled"]["truth"], member)
        free = (pool for seed, pool in pools if seed == member["seed"] and not pool.keys() & tested.keys())
        pool = next(free, None)
        if pool is None:
            pools.append((member["seed"], tested))
        else:
            pool.update(tested)
    return [pool for _, pool in pools]


def score(
    task: Scorer, members: Sequence[Mapping[str, Any]], draws: Mapping[str, NDArray[np.int64]]
) -> dict[str, Found]:
    """Score every rival in each pool, and in each drawing of groups; one that a member lacks is left out.

    Parameters
    ----------
    task
        Who scores.
    members
        As :func:`zoo.evaluate.by_group` returns them, each with its ``seed``.
    draws
        Group -> how often it comes up in each drawing [R].
    """
    pools = pools_of(members)
    names = [
        name for name in members[0]["pooled"]["predicted"] if all(name in m["pooled"]["predicted"] for m in members)
    ]
    return {name: _found(task, pools, name, draws) for name in names}


def _found(
    task: Scorer,
    pools: Sequence[Mapping[str, Mapping[str, Any]]],
    name: str,
    draws: Mapping[str, NDArray[np.int64]],
) -> Found:
    points, drawn = [], []
    for pool in pools:
        kept = ((group, member["pooled"]) for group, member in pool.items())
        parts = [(arrays(of["predicted"][name][group]), arrays(of["truth"][group])) for group, of in kept]
        points.append(task.score(*_joined(parts))[0])
        drawn.append(_drawn(task, parts, np.stack([draws[group] for group in pool], axis=1)))
    return Found(
        {score: np.array([point[score] for point in points], dtype=np.float64) for score in task.scores},
        {score: np.mean([values[score] for values in drawn], axis=0) for score in task.scores},
    )


def _drawn(task: Scorer, parts: Sequence[Part], counts: NDArray[np.int64]) -> dict[str, Floats]:
    """Return the scores of each drawing, which holds each part so many times [R, parts]."""
    resampled = getattr(task, "resampled", None)
    if resampled is None:
        return _one_by_one(task, parts, counts)
    joined = _joined(parts)
    items = np.repeat(np.arange(len(parts)), [len(next(iter(truth.values()))) for _, truth in parts])
    step = max(1, AT_ONCE // len(items))
    found = [resampled(*joined, counts[start : start + step, items]) for start in range(0, len(counts), step)]
    return {score: np.concatenate([np.empty(0), *(values[score] for values in found)]) for score in task.scores}


def _one_by_one(task: Scorer, parts: Sequence[Part], counts: NDArray[np.int64]) -> dict[str, Floats]:
    drawn: dict[str, Floats] = {score: np.full(len(counts), np.nan) for score in task.scores}
    for number, count in enumerate(counts):
        chosen = [parts[part] for part in np.repeat(np.arange(len(parts)), count).tolist()]
        for score, value in task.score(*_joined(chosen))[0].items() if chosen else ():
            drawn[score][number] = value
    return drawn


def _joined(parts: Sequence[Part]) -> Part:
    """Join the arrays of parts, one part after the other."""
    predicted, truth = zip(*parts, strict=True)
    return _concatenated(predicted), _concatenated(truth)


def _concatenated(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
