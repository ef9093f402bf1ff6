"""What a reader of a comparison must not overlook: where runs were not scored on the same thing, or not alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo import bounded
from zoo.compare_runs import Scored

SHOWN = 8
"""Names that a note lists before it counts the rest."""
MANY = 5
"""Differences above which a reader is told that each interval stands for itself."""
_FITTED = ("genes", "classes")


def notes(
    runs: Mapping[str, Scored],
    groups: Sequence[str],
    own: Mapping[str, Sequence[str]],
    unpaired: Sequence[str],
    differences: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return the notes of a comparison, the gravest first.

    Parameters
    ----------
    runs
        By what they are called, the reference first.
    groups
        Those that all of them share.
    own
        Notes on each run for itself.
    unpaired
        Runs whose pooled scores could not be drawn anew.
    differences
        Of every pair.
    """
    first = next(iter(runs))
    found = _of_pairs(runs, groups)
    found += _left_out(runs, groups)
    found += [f"{listed(unpaired)}: keeps no predictions, so that pooled scores cannot be paired; no interval"] * bool(
        unpaired
    )
    found += _own(own)
    simulated = [label for label, run in runs.items() if _kinds(run) & {"simulated", "semi-synthetic"}]
    found += [f"{listed(simulated)}: scored on simulated data"] * bool(simulated)
    single = [label for label, run in runs.items() if len({m.seed for m in run.metrics.members}) == 1]
    if single:
        found.append(f"{listed(single)}: of one seed; what another seed would change is in no interval")
    certain = [d for d in differences if d["interval"] and d["against"] == first]
    if len(certain) > MANY:
        found.append(
            f"{len(certain)} differences to {first} are given, each with an interval of its own: "
            "where there is no difference at all, about one interval in 20 leaves out 0"
        )
    return found


def _of_pairs(runs: Mapping[str, Scored], groups: Sequence[str]) -> list[str]:
    """Return the notes on the reference and each other run; those that say the same of several are one."""
    (first, reference), *others = runs.items()
    of: dict[str, list[str]] = {}
    for label, run in others:
        both = ((first, reference), (label, run))
        for text in [*_data(*both), *_settings(*both), *_panels(*both), *_scored(*both, groups)]:
            of.setdefault(text.removeprefix(f"{first} and {label} "), []).append(label)
    return [f"{first} and {listed(labels)} {text}" for text, labels in of.items()]


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """Return names in a row, the first few where there are many.

    >>> listed(["D1", "D2"])
    'D1, D2'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(bounded.shown, names[:most])) + more


Named = tuple[str, Scored]


def _data(first: Named, second: Named) -> list[str]:
    """Tell of settings of the data that differ; which of them change the truth, only the dataset knows."""
    (one, reference), (other, run) = first, second
    blocks = [{k: v for k, v in r.blocks["data"].items() if k != "split"} for r in (reference, run)]
    if reference.packaged or run.packaged:
        from zoo.publish import without_places

        blocks = [without_places(block) for block in blocks]
    if blocks[0].get("use") != blocks[1].get("use"):
        uses = " and ".join(bounded.shown(block.get("use")) for block in blocks)
        return [f"{one} and {other} were scored on other data ({uses}): their difference is not one of models alone"]
    changed = _changed(blocks[0], blocks[1])
    if not changed:
        return []
    return [f"{one} and {other} differ in their data ({listed(changed)}): where that changes the truth, so do scores"]


def _changed(one: Any, other: Any, path: str = "") -> list[str]:
    """Return the keys in which blocks differ, with both values where they are short; null is as good as left out."""
    if one == other:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        keys = list(dict.fromkeys([*one, *other]))
        return [d for key in keys for d in _changed(one.get(key), other.get(key), f"{path}.{key}".strip("."))]
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return [path]
    return [f"{path} {bounded.shown(one)} and {bounded.shown(other)}"]


def _settings(first: Named, second: Named) -> list[str]:
    (one, reference), (other, run) = first, second
    found = []
    if reference.metrics.protocol != run.metrics.protocol:
        flattered = one if reference.metrics.protocol == "published" else other
        found.append(f"{one} and {other} differ in protocol: published flatters {flattered}")
    units = [reference.metrics.split.unit, run.metrics.split.unit]
    if units[0] != units[1]:
        found.append(f"{one} and {other} were split by {units[0]} and by {units[1]}; groups are paired by name alone")
    if reference.task_name != run.task_name:
        tasks = f"{bounded.shown(reference.task_name)} and {bounded.shown(run.task_name)}"
        found.append(f"{one} and {other} were scored by two tasks ({tasks}): a score of one name may not be the same")
    if reference.metrics.digest and reference.metrics.digest == run.metrics.digest:
        found.append(f"{one} and {other} were trained by the same settings and seeds; no part of the recipe differs")
    return found


def _panels(first: Named, second: Named) -> list[str]:
    """Tell of genes and classes that only one of the runs predicts, read from the first model of each."""
    (one, reference), (other, run) = first, second
    models = (reference.model, run.model)
    if None in models or models[0].fold.test != models[1].fold.test:  # type: ignore[union-attr] # as None is ruled out
        return []
    found = []
    for name in _FITTED:
        fitted = [model.fitted.get(name) for model in models if model]
        if all(isinstance(values, list) for values in fitted):
            ours, theirs = ({str(value) for value in values} for values in fitted if values is not None)
            if ours != theirs:
                apart = f"{len(ours - theirs)} of {one} alone, {len(theirs - ours)} of {other} alone"
                found.append(f"{one} and {other} predict other {name}: {len(ours & theirs)} shared, {apart}")
    return found


def _scored(first: Named, second: Named, groups: Sequence[str]) -> list[str]:
    """Tell of runs that were trained on other groups, and of signs that the shared groups did not hold the same.

    A floor sees the data and nothing of the model: where the same groups were trained on, a floor that agrees in every
    score says that what was scored is the same, and counts that still differ are counts of predictions.
    """
    trained = _trained(first, second, groups)
    agree = {} if trained else _floors(first, second, groups)
    apart = [name for name, same in agree.items() if not same]
    both = f"{first[0]} and {second[0]}"
    floors = [f"{both} have other floors of the same name ({listed(apart)}): they were not given the same data"]
    counted = [] if any(agree.values()) else _counts(first, second, groups)
    return [*trained, *floors * bool(apart), *counted]


def _trained(first: Named, second: Named, groups: Sequence[str]) -> list[str]:
    (one, reference), (other, run) = first, second
    for group in groups:
        ours, theirs = reference.trained(group), run.trained(group)
        if ours != theirs:
            apart = [f"{label} on {listed(sorted(names))}" for label, names in ((one, ours), (other, theirs))]
            return [f"{one} and {other} were trained on other groups (before {group}: {'; '.join(apart)})"]
    return []


def _floors(first: Named, second: Named, groups: Sequence[str]) -> dict[str, bool]:
    """Return for each floor of both runs whether it has the same scores in each group."""
    ours, theirs = first[1].metrics.floors, second[1].metrics.floors
    agree: dict[str, bool] = {}
    for name in (name for name in ours if name in theirs):
        columns = [
            (ours[name][score].by_group, theirs[name][score].by_group) for score in ours[name].keys() & theirs[name]
        ]
        values = [(one.get(group), other.get(group)) for one, other in columns for group in groups]
        known = [(one, other) for one, other in values if one is not None and other is not None]
        if known:
            agree[name] = all(math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6) for one, other in known)
    return agree


def _counts(first: Named, second: Named, groups: Sequence[str]) -> list[str]:
    """Tell of what the task counted in a group and found more of in one run (genes, spots, bags)."""
    (one, reference), (other, run) = first, second
    told: dict[str, list[str]] = {}
    for group in groups:
        ours, theirs = reference.counts(group), run.counts(group)
        for name in ours.keys() & theirs.keys():
            if not math.isclose(ours[name], theirs[name]):
                told.setdefault(name, []).append(f"{group} {ours[name]:g} and {theirs[name]:g}")
    what = "; ".join(f"{bounded.shown(name)} of {listed(found, 2)}" for name, found in sorted(told.items()))
    why = "unless these count what was predicted, their scores are of different things"
    return [f"{one} and {other} differ in what was counted ({what}): {why}"] if told else []


def _left_out(runs: Mapping[str, Scored], groups: Sequence[str]) -> list[str]:
    more = {label: [group for group in run.groups if group not in groups] for label, run in runs.items()}
    told = [f"{listed(names)} of {label}" for label, names in more.items() if names]
    return [f"compared over {listed(groups)}, which all runs share; left out: {'; '.join(told)}"] if told else []


def _own(own: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the notes on single runs, each once, with the runs that it holds of where these are not all."""
    found: dict[str, list[str]] = {}
    for label, texts in own.items():
        for text in texts:
            found.setdefault(text, []).append(label)
    return [text if len(labels) == len(own) else f"{listed(labels)}: {text}" for text, labels in found.items()]


def _kinds(run: Scored) -> set[str]:
    return {str(origin.get("kind")) for origin in run.model.provenance.get("data", [])} if run.model else set()
