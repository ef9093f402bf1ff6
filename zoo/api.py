"""The Python face of training and loading: the same code path as the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo import experiment, package, pull
from zoo.predict import Predictor
from zoo.run import Run, find_model


def train(
    recipe: str | Path, overrides: list[str] | None = None, *, out: Path | None = None, device: str = "auto"
) -> tuple[Run, dict[str, Any]]:
    """Train a recipe and return its run folder and its metrics (as in ``metrics.json``).

    Raises
    ------
    ZooError
        As the command line would report.
    """
    run, filled = experiment.start(recipe, overrides or [], out=out)
    metrics: dict[str, Any] = {}
    for record in experiment.train(run, filled, device):
        if record.kind == "run":
            metrics = record.values
    return run, metrics


def load(model: str | Path, member: str | None = None, *, device: str = "cpu") -> Predictor:
    """Load a trained model: a run or package folder, a name of the catalogue, or ``org/name@revision`` of the Hub.

    What is not here yet is pulled; a package is verified before anything of it is used, and built from installed
    plugins only.

    Raises
    ------
    ZooError
        As ``zoo pull`` would report.
    """
    return Predictor(package.read(find_model(pull.folder_of(str(model)), member), device=device))
