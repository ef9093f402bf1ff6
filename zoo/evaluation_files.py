"""What a task writes of an evaluation: tables and pictures of all test groups together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.scores import pooling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Dataset, Indices, Task

    Explain = Callable[[Indices, Indices], NDArray[Any] | None]


@dataclass(slots=True)
class Gathered:
    """What was predicted for the test groups and what was measured, group after group."""

    predicted: list[Arrays] = field(default_factory=list)
    truth: list[Arrays] = field(default_factory=list)
    items: list[Indices] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def add(self, group: str, items: Indices, predicted: Arrays, truth: Arrays) -> None:
        """Take a group."""
        self.predicted.append(predicted)
        self.truth.append(truth)
        self.items.append(items)
        self.groups.extend([group] * len(items))

    def write(
        self, task: Any, dataset: Dataset, folder: Path, facts: Mapping[str, str], explain: Explain | None
    ) -> list[Path]:
        """Let the task write; nothing where it has nothing to say of all groups together."""
        if not hasattr(task, "write_evaluation") or not self.items:
            return []
        with atomic.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        found: list[Path] = task.write_evaluation(
            joined(self.predicted),
            joined(self.truth),
            dataset=dataset,
            items=np.concatenate(self.items),
            groups=self.groups,
            folder=folder,
            facts=facts,
            explain=explain,
        )
        return found


def of_run(
    task: Task,
    members: Sequence[Mapping[str, Any]],
    dataset: Dataset,
    *,
    unit: str,
    folder: Path,
    facts: Mapping[str, str],
) -> list[Path]:
    """Write what each seed of a run predicted of all test groups, over all folds, into a folder a seed.

    Parameters
    ----------
    task, dataset
        Of the run.
    members
        Results of the members, as :func:`zoo.evaluate.by_group` returns them, with their ``seed``.
    unit
        Of the groups.
    folder
        Where to.
    facts
        Which recipe made them.
    """
    if not members or "pooled" not in members[0]:
        return []
    everyone = np.asarray(dataset.groups[unit])
    files: list[Path] = []
    for pool in pooling.pools_of(members):
        gathered, seed = of_pool(pool, everyone), next(iter(pool.values()))["seed"]
        files += gathered.write(task, dataset, folder / f"seed{seed}", {**facts, "seed": str(seed)}, None)
    return files


def of_pool(pool: Mapping[str, Mapping[str, Any]], everyone: NDArray[Any]) -> Gathered:
    """Return what a run keeps of one seed, over all folds.

    Parameters
    ----------
    pool
        Group -> the result of the member that tested it, as :func:`zoo.scores.pooling.pools_of` gives them.
    everyone
        The group of each item of the dataset.
    """
    gathered = Gathered()
    for group, member in pool.items():
        kept = member["pooled"]
        said = pooling.arrays(kept["predicted"]["model"][group])
        gathered.add(group, np.flatnonzero(everyone == group), said, pooling.arrays(kept["truth"][group]))
    return gathered


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Return the arrays of several groups as one; what is not known of every group is left out."""
    names = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}
