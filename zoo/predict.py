"""A trained model on new data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import package
from zoo.errors import MissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Dataset


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of new input, item by item.

    Attributes
    ----------
    values
        Name -> array with one row an item (``expression`` [n, G], for instance).
    dataset
        The new input as it was read; its ``notes`` are worth a look.
    """

    values: Arrays
    dataset: Dataset
    _predictor: Predictor

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.values[name]

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def notes(self) -> list[str]:
        """What a reader of the values must not overlook."""
        return list(getattr(self.dataset, "notes", ()))

    def write(self, out: str | Path) -> None:
        """Write the values in the task's own format, with what made them."""
        loaded = self._predictor.loaded
        frame = loaded.filled.frame
        facts = {
            "recipe": frame.name,
            "recipe_digest": loaded.config.digest,
            "member": loaded.config.member,
            "protocol": frame.protocol,
        }
        loaded.contestant.task.write(self.values, self.dataset, Path(out), facts)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model that predicts; its recipe, config and parts are in ``loaded``."""

    loaded: package.Loaded

    @property
    def inputs(self) -> dict[str, str]:
        """What :meth:`predict` takes: name -> what it is."""
        return self.loaded.config.inputs

    def predict(self, **inputs: str | Path) -> Prediction:
        """Predict for new input, files by what they are: ``predict(image="section.jpg", spots="spots.tsv")``.

        Raises
        ------
        MissingError
            An input file is not there.
        UsageError
            The model takes other input.
        """
        paths = {name: Path(path) for name, path in inputs.items()}
        for name, path in paths.items():
            if not path.exists():
                raise MissingError(f"--{name} {path}: there is no such file")
        new = self.loaded.dataset.open_new(paths)
        return Prediction(self.loaded.contestant.predict(new, np.arange(len(new))), new, self)
