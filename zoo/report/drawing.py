"""What a task shows of an evaluation, drawn while model and data are at hand and kept for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.evaluation_files import Gathered, joined, of_pool
from zoo.figures.parts import Look
from zoo.progress import track
from zoo.report import material
from zoo.scores import pooling

if TYPE_CHECKING:
    from zoo.contestant import Contestant
    from zoo.contracts import Arrays, Dataset, Indices, Task

TOGETHER = "all"
"""What the folder of all test groups is called, where several models have tested them."""

DRAWN = 8
"""Folds whose figures are drawn; of more, a page would take minutes to make and nobody would look at all of them."""


def reports(task: Task) -> bool:
    """Return whether a task has something to show."""
    return hasattr(task, "report")


def has_room(report: Path, member: str) -> bool:
    """Return whether figures of a member are to be drawn into a report folder, which holds :data:`DRAWN` members."""
    drawn = {path.parent.name for path in report.glob(f"*/{material.INDEX}")} - {TOGETHER, member}
    return len(drawn) < DRAWN


def of_member(
    folder: Path,
    contestant: Contestant,
    dataset: Dataset,
    gathered: Gathered,
    *,
    train: Indices,
    about: Mapping[str, Any],
    steps: Sequence[Any] = (),
) -> Path:
    """Draw what the task shows of a member's test groups, and return the folder.

    Raises
    ------
    RunError
        The disk refuses.
    """
    look = look_of(contestant, dataset, train, steps)
    return material.write(folder, _sections(contestant.task, dataset, gathered, look), about)


def together(
    folder: Path, task: Task, members: Sequence[Mapping[str, Any]], dataset: Dataset, unit: str
) -> Path | None:
    """Draw what a task shows of what the models of several folds said of all test groups; None where it keeps nothing.

    It is that of the first seed. No model is at hand, so that a task shows what follows from its predictions.
    """
    if not members or "pooled" not in members[0] or not reports(task):
        return None
    pool = pooling.pools_of(members)[0]
    if len({id(member) for member in pool.values()}) < 2:  # noqa: PLR2004 - of one there is a page of its own
        return None
    gathered = of_pool(pool, np.asarray(dataset.groups[unit]))
    seed = next(iter(pool.values()))["seed"]
    return material.write(folder, _sections(task, dataset, gathered, None), {"member": TOGETHER, "seed": seed})


def look_of(contestant: Contestant, dataset: Dataset, train: Indices, steps: Sequence[Any] = ()) -> Look:
    """Return what a report may ask of a model."""
    from zoo import infer
    from zoo.explain import explainer

    def outputs(items: Indices) -> Arrays:
        found = infer.outputs(
            contestant.model, dataset, items, batch=contestant.batch, transforms=contestant.transforms
        )
        if not hasattr(contestant.model, "members"):
            return found
        return {name.removeprefix("0/"): value for name, value in found.items() if name.startswith("0/")}

    explain = explainer(contestant.model, dataset, contestant.transforms, contestant.batch)
    return Look(explain, outputs, train, dict(contestant.bank), steps)


def _sections(task: Any, dataset: Dataset, gathered: Gathered, look: Look | None) -> Any:
    """Ask the task, which may be a generator: it draws one figure after the other."""
    if not gathered.items:
        return
    sections = task.report(
        joined(gathered.predicted),
        joined(gathered.truth),
        dataset=dataset,
        items=np.concatenate(gathered.items),
        groups=gathered.groups,
        look=look,
    )
    yield from track(sections, "drawing figures", unit="sections")
