"""A trained model on new data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import package
from zoo.errors import MissingError

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset


def predict(folder: Path, inputs: dict[str, Path], device: str = "cpu") -> tuple[package.Loaded, Dataset, Arrays]:
    """Predict for new input.

    Parameters
    ----------
    folder
        A model folder (:func:`zoo.package.write`).
    inputs
        Files by what they are (``image``, ``spots``, ...); the dataset says which it needs.
    device
        Where the model runs.

    Returns
    -------
    The loaded model, the dataset over the new input, and the predictions for each of its items.

    Raises
    ------
    MissingError
        An input file is not there.
    """
    for name, path in inputs.items():
        if not path.exists():
            raise MissingError(f"--{name} {path}: there is no such file")
    loaded = package.read(folder, device=device)
    new = loaded.dataset.open_new(inputs)
    return loaded, new, loaded.contestant.predict(new, np.arange(len(new)))


def write(loaded: package.Loaded, dataset: Dataset, predicted: Arrays, out: Path) -> None:
    """Write predictions in the task's own format, with what made them."""
    frame = loaded.filled.frame
    facts = {
        "recipe": frame.name,
        "recipe_digest": loaded.config["digest"],
        "member": loaded.config["member"],
        "protocol": frame.protocol,
    }
    loaded.contestant.task.write(predicted, dataset, out, facts)
