"""The checks by kind, as tests call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from zoo.errors import ZooError
from zoo.kinds import COMMANDS, MODELS, RECIPES
from zoo.registry import Registry, singular
from zoo.testing import (
    common,
    datasets,
    distribution,
    encoders,
    heads,
    losses,
    recipes,
    samplers,
    segmenters,
    stages,
    tasks,
    transforms,
)
from zoo.testing.distribution import Part
from zoo.testing.findings import ContractError, Finding, failed, passed, sentence
from zoo.testing.hosting import UnsuitedError, subject_of
from zoo.testing.subject import Subject

EXAMINE: dict[str, Callable[[Subject], Iterator[Finding]]] = {
    "encoders": encoders.examine,
    "heads": heads.examine,
    "losses": losses.examine,
    "datasets": datasets.examine,
    "segmenters": segmenters.examine,
    "transforms": transforms.examine,
    "samplers": samplers.examine,
    "stages": stages.examine,
    "tasks": tasks.examine,
}


def findings(
    kind: str, component: Any, *, recipe: Any = None, registry: Registry | None = None, **parameters: Any
) -> Iterator[Finding]:
    """Give all that is to be said of a part, as soon as it is known; nothing is raised of what the part raises."""
    if kind == RECIPES:
        yield from recipes.examine(component, registry=registry, **parameters)
        return
    registry = registry or Registry()
    broken = False
    try:
        for finding in common.examine(kind, component, registry):
            broken = broken or (finding.check, finding.verdict) in {("import", "FAIL"), ("signature", "FAIL")}
            yield finding
        if broken:
            return
        subject = subject_of(kind, component, recipe=recipe, registry=registry, **parameters)
    except UnsuitedError as error:
        yield error.finding
        return
    except ZooError as error:  # a name that is not there, or a recipe that does not fit
        yield failed("builds", sentence(error))
        return
    yield passed("builds", f"in the recipe {subject.filled.data['name']}")
    yield from EXAMINE[kind](subject)


def check(
    kind: str, component: Any, *, recipe: Any = None, registry: Registry | None = None, **parameters: Any
) -> list[Finding]:
    """Hold a part to what its kind promises.

    Parameters
    ----------
    kind
        One of the registry's kinds, or ``recipes``.
    component
        A registered name; or a class or function, which need not be registered.
    recipe
        In which the part is looked at: a path, a name, or one that is loaded. Without it one is looked for.
    registry
        That of what is installed where not given.
    parameters
        What a recipe would say of the part.

    Raises
    ------
    ContractError
        It does not keep a promise: a line for each, with file and line.
    """
    found = list(findings(kind, component, recipe=recipe, registry=registry, **parameters))
    name = component if isinstance(component, str) else getattr(component, "__name__", str(component))
    if any(finding.verdict == "FAIL" for finding in found):
        raise ContractError(f"{singular(kind)} '{name}'", found)
    return found


def check_part(part: Part, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check what a distribution brings, as a test is given it by ``zoo_part``: :func:`check`.

    Raises
    ------
    ContractError
        A part or recipe breaks a promise, a model cannot be found, or a verb cannot be imported.
    """
    if part.kind in {MODELS, COMMANDS}:
        found = distribution.examined_one(part)
        if any(finding.verdict == "FAIL" for finding in found):
            raise ContractError(f"{singular(part.kind)} '{part.name}'", found)
        return found
    return check(part.kind, part.file or part.name, recipe=recipe, **parameters)


def check_encoder(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check an encoder: :func:`check`."""
    return check("encoders", component, recipe=recipe, **parameters)


def check_head(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a head: :func:`check`."""
    return check("heads", component, recipe=recipe, **parameters)


def check_loss(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a loss: :func:`check`."""
    return check("losses", component, recipe=recipe, **parameters)


def check_dataset(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a dataset: :func:`check`."""
    return check("datasets", component, recipe=recipe, **parameters)


def check_segmenter(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a segmenter: :func:`check`."""
    return check("segmenters", component, recipe=recipe, **parameters)


def check_transform(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a transform: :func:`check`."""
    return check("transforms", component, recipe=recipe, **parameters)


def check_sampler(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a sampler: :func:`check`."""
    return check("samplers", component, recipe=recipe, **parameters)


def check_stage(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a stage: :func:`check`."""
    return check("stages", component, recipe=recipe, **parameters)


def check_task(component: Any, *, recipe: Any = None, **parameters: Any) -> list[Finding]:
    """Check a task: :func:`check`."""
    return check("tasks", component, recipe=recipe, **parameters)


def check_recipe(path_or_name: Any, *, steps: int = 2) -> list[Finding]:
    """Check a recipe, by its path or name: all that it names goes together, and trains for so many steps.

    Raises
    ------
    ContractError
        It does not: a line for each thing that is wrong.
    """
    return check(RECIPES, str(path_or_name), steps=steps)
