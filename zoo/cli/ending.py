"""How a training ends on the command line: five lines that say what came of it and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.console import rounded


def lines(metrics: Mapping[str, Any], run: Path, page: str, why: str) -> list[str]:
    """Return the main score, its interval, the best floor beside it, where the page is, and what to do next.

    Parameters
    ----------
    metrics
        As in ``metrics.json``; the main score is the first that the task names.
    run
        The run folder.
    page
        Where its page is, empty where there is none.
    why
        Why there is none.
    """
    name, found = next(iter(metrics["scores"].items()))
    return [
        f"score: {name} {_value(found['mean'])}",
        f"interval: {_interval(found, metrics['split']['unit'])}",
        f"floor: {_floor(name, found, metrics)}",
        f"page: {page}" if page else f"page: none ({why}); zoo report {run} writes one",
        f"next: zoo eval {run}",
    ]


def _value(number: float | None) -> str:
    return "has no value" if rounded(number) == "-" else rounded(number)


def _bounds(interval: Any) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""


def _interval(found: Mapping[str, Any], unit: str) -> str:
    from zoo.report.words import counted

    groups = len(found["by_group"])
    over = counted(groups, f"test {unit}")
    if found["interval"]:
        return f"95% {_bounds(found['interval'])}, over {over}"
    return f"none: {over}" if groups < 2 else f"none: too little has a value, over {over}"  # noqa: PLR2004 - one is alone


def _floor(name: str, found: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Say how far the model is from its best floor, and whether that can be told from chance."""
    margin = metrics["above_floor"][name]
    if margin["floor"] is None or rounded(margin["mean"]) == "-":
        why = "neither has a value" if metrics["floors"] else "the task has none"
        return f"none to compare with: {why}"
    best, by = metrics["floors"][margin["floor"]][name]["mean"], margin["mean"]
    told = f"{margin['floor']} {rounded(best)}"
    bounds = f" {_bounds(margin['interval'])}" if margin["interval"] else ""
    lower_is_better = (found["mean"] - best) * by < 0
    better, worse = ("better than", "worse than") if lower_is_better else ("above", "below")
    if rounded(abs(by)) == rounded(0.0):
        return f"{told}; the model does not beat it, they are equal{bounds}"
    if by <= 0:
        return f"{told}; the model does not beat it, it is {rounded(abs(by))} {worse} it{bounds}"
    chance = "; the interval holds 0, so that this may be chance" if margin["interval"] and _holds_0(margin) else ""
    return f"{told}; the model is {rounded(by)} {better} it{bounds}{chance}"


def _holds_0(margin: Mapping[str, Any]) -> bool:
    """Return whether a margin cannot be told from none."""
    low, high = margin["interval"]
    return bool(low <= 0 <= high)
