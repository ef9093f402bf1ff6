"""A recipe made short, and run in folders that are gone afterwards."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import resolve
from zoo.compatible import check_fit
from zoo.devices import accelerator_for
from zoo.interrupts import Interrupts
from zoo.recipe import Recipe
from zoo.run import Run
from zoo.training import Member, as_items
from zoo.workbench import Workplace

if TYPE_CHECKING:
    from zoo.contracts import Dataset, Indices
    from zoo.filled import Filled
    from zoo.splits import Split

FOLDERS = ("ZOO_HOME", "ZOO_RUNS")


@contextmanager
def own_folders() -> Iterator[Path]:
    """Let zoo keep what it makes in a folder that is gone at the end."""
    was = {name: os.environ.get(name) for name in FOLDERS}
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        os.environ.update({name: str(Path(folder) / name.lower()) for name in FOLDERS})
        try:
            yield Path(folder)
        finally:
            for name, value in was.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def short(filled: Filled) -> Filled:
    """Return a recipe of which every training has one epoch, and of which one seed is trained."""
    data = _short(copy.deepcopy(filled.data))
    data["train"]["seeds"] = data["train"]["seeds"][:1]
    said = filled.recipe
    own = Recipe(data, dict(said.places), files=list(said.files), overrides=list(said.overrides))
    return resolve.fill(own, filled.registry)


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(child) for child in value]
    if not isinstance(value, dict):
        return value
    found = {key: _short(child) for key, child in value.items()}
    return {**found, "epochs": 1, "early_stop": None} if {"epochs", "lr"} <= found.keys() else found


def workplace(filled: Filled, folder: Path) -> Workplace:
    """Return what a training works with: a run folder, the CPU in 32 bits, and nobody who interrupts it."""
    run = Run.create(filled.frame.name, filled.digest, folder)
    return Workplace(run, accelerator_for("fp32", "cpu"), Interrupts(), check_fit)


def member_of(filled: Filled, dataset: Dataset, fold: Split) -> Member:
    """Return the first training of a recipe over a dataset that is fitted."""
    everyone, facts = dataset.groups[fold.unit], dict(dataset.facts)
    train, val = (as_items(fold.items(everyone, side)) for side in ("train", "val"))
    task = filled.build("task", facts)
    return Member("check", filled.frame.train.seeds[0], filled, dataset, task, train, val, facts)


def spread(items: Indices, most: int) -> Indices:
    """Return some items, evenly spread over all of them."""
    return items[np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))] if len(items) else items
