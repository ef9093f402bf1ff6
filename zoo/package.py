"""The model folder: everything that prediction and evaluation need, as safetensors and JSON, nothing executable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo import atomic, checkpoint, recipe, resolve
from zoo.errors import IntegrityError, MissingError
from zoo.evaluate import Contestant
from zoo.model import Model
from zoo.nn import weights
from zoo.registry import Registry
from zoo.resolve import Filled

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that was read back, with the dataset that knows how to read its input."""

    config: dict[str, Any]
    filled: Filled
    dataset: Dataset
    contestant: Contestant


def write(folder: Path, filled: Filled, contestant: Contestant, dataset: Dataset, about: dict[str, Any]) -> None:
    """Write a trained model; ``config.json`` comes last, so that a folder with one is whole."""
    atomic.write_text(folder / "recipe.yaml", filled.recipe.dump())
    atomic.write_tensors(folder / "model.safetensors", contestant.model.state_dict())
    _write_arrays(folder / "bank.safetensors", contestant.bank)
    floors = {f"{name}/{key}": value for name, state in contestant.floors.items() for key, value in state.items()}
    _write_arrays(folder / "floors.safetensors", floors)
    requires = {entry.distribution: entry.version for entry in filled.entries.values()}
    config = {
        "format": FORMAT,
        **about,
        "digest": filled.digest,
        "facts": dict(dataset.facts),
        "fitted": dataset.state(),
        "floors": list(contestant.floors),
        "requires": requires,
    }
    atomic.write_json(folder / "config.json", config)


def read(folder: Path, overrides: list[str] | None = None, device: str = "cpu") -> Loaded:
    """Read a model folder back, strictly.

    Parameters
    ----------
    folder
        As :func:`write` left it.
    overrides
        ``--set`` options on the recipe, to point it at other data.
    device
        Where the model goes.

    Raises
    ------
    MissingError
        The folder holds no model, or a plugin it needs is not installed.
    IntegrityError
        A file is damaged, or of a newer format.
    """
    config = read_config(folder)
    filled = resolve.fill(recipe.load(folder / "recipe.yaml", overrides), Registry())
    dataset = filled.build("data", {})
    dataset.restore(config["fitted"])
    facts = config["facts"]
    with weights.follow():
        encoder = filled.build("encoder", facts)
        model = Model(encoder, filled.build("head", {**facts, "in_features": encoder.out_features}))
    checkpoint.load_weights(
        folder / "model.safetensors", model, checkpoint.read_tensors(folder / "model.safetensors")[0]
    )
    floors: dict[str, Arrays] = {name: {} for name in config["floors"]}
    for key, value in _read_arrays(folder / "floors.safetensors").items():
        name, _, part = key.partition("/")
        floors[name][part] = value
    contestant = Contestant(
        model=model.to(device).eval(),
        task=filled.build("task", facts),
        bank=_read_arrays(folder / "bank.safetensors"),
        floors=floors,
        batch=filled.frame.train.batch,
        transforms=filled.build_transforms("eval", facts),
    )
    return Loaded(config, filled, dataset, contestant)


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check ``config.json``."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise MissingError(f"{folder}: holds no finished model; train it, or go on with --resume") from error
    except ValueError as error:
        raise IntegrityError(f"{path}: is not valid JSON ({error}); train it again or restore a copy") from error
    if config.get("format") != FORMAT:
        way = "upgrade with: pip install -U microscopy-zoo"
        raise IntegrityError(f"{path}: is of format {config.get('format')}, this zoo reads format {FORMAT}; {way}")
    return dict(config)


def _write_arrays(path: Path, arrays: Arrays) -> None:
    if arrays:
        atomic.write_tensors(path, {name: torch.from_numpy(value) for name, value in arrays.items()})


def _read_arrays(path: Path) -> Arrays:
    if not path.exists():
        return {}
    return {name: value.numpy() for name, value in checkpoint.read_tensors(path)[0].items()}
