"""In which recipe a part is looked at: its own, one of these checks, or any other in which it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn

from zoo import resolve
from zoo.document import KeyPath
from zoo.errors import ZooError
from zoo.recipe import Recipe
from zoo.registry import Entry, Registry, singular
from zoo.signature import signature_of
from zoo.testing import samplers, standing, tasks, transforms
from zoo.testing.findings import Finding, failed, place_in, place_of, sentence, skipped
from zoo.testing.subject import OWN_RECIPE, Subject

MODEL_PARTS = ("encoders", "heads", "losses")
RUNS: dict[str, Callable[[Any], None]] = {
    "samplers": samplers.runs,
    "tasks": tasks.runs,
    "transforms": transforms.runs,
}
"""What shows that a part of a kind goes with a recipe."""


class UnsuitedError(Exception):
    """There is no recipe in which the part could be looked at; holds what is to be said of it."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


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
