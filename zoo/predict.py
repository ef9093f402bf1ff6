"""A trained model on new data."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import package, progress
from zoo.errors import MissingError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Dataset

PART = 2048
"""Items that are predicted and written at a time."""


class Prediction:
    """What a model says of new input, item by item; nothing is computed before it is asked for.

    Attributes
    ----------
    dataset
        The new input as it was read.
    """

    def __init__(self, dataset: Dataset, loaded: package.Loaded) -> None:
        self.dataset = dataset
        self._loaded = loaded

    @cached_property
    def values(self) -> Arrays:
        """Name -> array with one row an item (a row of genes, for instance), all items at once."""
        return self._loaded.contestant.predict(self.dataset, np.arange(len(self.dataset)))

    def parts(self) -> Iterator[Arrays]:
        """Give the values of some items after the other, in their order, so that no more are held in memory."""
        with progress.step("predicting", len(self.dataset), "items") as told:
            for start in range(0, len(self.dataset), PART):
                items = np.arange(start, min(start + PART, len(self.dataset)))
                yield self._loaded.contestant.predict(self.dataset, items)
                told.advance(len(items))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.values[name]

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def notes(self) -> list[str]:
        """What a reader of the values must not overlook."""
        return list(getattr(self.dataset, "notes", ()))

    def write(self, out: str | Path) -> None:
        """Write the values in the task's own format, with what made them; part by part where the task can."""
        frame = self._loaded.filled.frame
        facts = {
            "recipe": frame.name,
            "recipe_digest": self._loaded.config.digest,
            "member": self._loaded.config.member,
            "protocol": frame.protocol,
        }
        task = self._loaded.contestant.task
        write_parts = getattr(task, "write_parts", None)
        if write_parts is None:
            task.write(self.values, self.dataset, Path(out), facts)
        else:
            known = "values" in self.__dict__
            write_parts(iter([self.values]) if known else self.parts(), self.dataset, Path(out), facts)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model that predicts; its recipe, config and parts are in ``loaded``."""

    loaded: package.Loaded

    @property
    def inputs(self) -> dict[str, str]:
        """The files that :meth:`predict` takes: name -> what it is."""
        return dict(getattr(self.loaded.dataset, "inputs", self.loaded.config.inputs))

    @property
    def settings(self) -> dict[str, str]:
        """What :meth:`predict` takes beside files, as text: name -> what it is."""
        return dict(getattr(self.loaded.dataset, "settings", {}))

    def predict(self, **given: str | Path) -> Prediction:
        """Predict for new input, files by what they are: ``predict(image="section.jpg", spots="spots.tsv")``.

        Raises
        ------
        MissingError
            An input file is not there.
        UsageError
            The model takes other input.
        """
        self._all_known(given)
        settings = {name: str(value) for name, value in given.items() if name in self.settings}
        paths = {name: Path(value) for name, value in given.items() if name not in settings}
        for name, path in paths.items():
            if not path.exists():
                raise MissingError(f"--{name} {path}: there is no such file")
        return Prediction(self.loaded.dataset.open_new(paths, **settings), self.loaded)

    def _all_known(self, given: dict[str, str | Path]) -> None:
        takes = {**self.inputs, **self.settings}
        for name in given:
            if takes and name not in takes:
                near = difflib.get_close_matches(name, takes, n=1)
                way = f", did you mean {option(near[0])}?" if near else ""
                listed = "; ".join(f"{option(known)} ({what})" for known, what in takes.items())
                raise UsageError(f"{option(name)} is not known to this model{way}; it takes {listed}")


def option(name: str) -> str:
    """Return how the command line writes a name."""
    return f"--{name.replace('_', '-')}"
