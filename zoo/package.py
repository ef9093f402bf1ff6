"""The model folder: everything that prediction and evaluation need, as safetensors and JSON, nothing executable."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo import atomic, checkpoint, config, recipe, requirements, resolve, vectors
from zoo.config import Config
from zoo.contestant import Contestant
from zoo.errors import IntegrityError, ZooError
from zoo.filled import Filled
from zoo.model import Ensemble, Model
from zoo.nn import weights
from zoo.registry import OWN_DISTRIBUTION, Registry

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset, Indices

RECIPE, WEIGHTS, VECTORS = "recipe.yaml", "model.safetensors", "test_vectors.safetensors"
BANK, FLOORS = "bank.safetensors", "floors.safetensors"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that was read back, with the dataset that knows how to read its input."""

    folder: Path
    config: Config
    filled: Filled
    dataset: Dataset
    contestant: Contestant


def write(
    folder: Path, filled: Filled, contestant: Contestant, dataset: Dataset, *, about: dict[str, Any], items: Indices
) -> None:
    """Write a trained model; ``config.json`` comes last, so that a folder with one is whole.

    Parameters
    ----------
    folder
        Where to.
    filled, contestant, dataset
        The recipe, the model with what it was scored with, the data it was fitted to.
    about
        Member, seed and fold.
    items
        Whose shapes the test vectors take.
    """
    stored, shared = _apart(contestant.model.state_dict())
    proof = vectors.make(contestant, dataset, items)
    atomic.write_text(folder / RECIPE, filled.recipe.dump())
    atomic.write_tensors(folder / WEIGHTS, stored)
    atomic.write_tensors(folder / VECTORS, proof.tensors)
    checkpoint.write_arrays(folder / BANK, contestant.bank)
    floors = {f"{name}/{key}": value for name, state in contestant.floors.items() for key, value in state.items()}
    checkpoint.write_arrays(folder / FLOORS, floors)
    made_with = _versions(filled)
    plugins = {entry.distribution for entry in filled.entries.values()} | {OWN_DISTRIBUTION}
    found = Config(
        format=config.FORMAT,
        **about,
        digest=filled.digest,
        facts=dict(dataset.facts),
        fitted=dataset.state(),
        floors=tuple(contestant.floors),
        components=_components(filled),
        requires={name: requirements.compatible(made_with[name]) for name in sorted(plugins)},
        made_with=made_with,
        parameters=sum(parameter.numel() for parameter in contestant.model.parameters()),
        shared=shared,
        reads=proof.shapes(vectors.INPUT),
        gives=proof.shapes(vectors.OUTPUT, vectors.PREDICTION),
        inputs=dict(getattr(dataset, "inputs", {"input": "what the data read"})),
        settings=dict(getattr(dataset, "settings", {})),
        provenance=_provenance(contestant, dataset),
        task=dict(getattr(contestant.task, "hub", {})),
        test=proof.tolerance,
    )
    atomic.write_json(folder / config.NAME, found.model_dump(mode="json"))


def read(folder: Path, overrides: list[str] | None = None, device: str = "cpu") -> Loaded:
    """Read a model folder back, strictly; no code comes from it, and of it nothing but its own files is read.

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
        A file is damaged, or does not belong to the others.
    """
    found = config.read(folder)
    requirements.check(found.requires, str(folder))
    filled = resolve.fill(recipe.load_whole(folder / RECIPE, overrides), Registry())
    dataset = filled.build_data()
    try:
        dataset.restore(found.fitted)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"what was fitted does not fit the recipe's data ({type(error).__name__}: {error})"
        raise IntegrityError(f"{folder / config.NAME}: {what}; restore a copy") from error
    model = build(filled, found.facts)
    stored, _ = checkpoint.read_tensors(folder / WEIGHTS, mapped=True)
    stored.update({name: stored[kept] for name, kept in found.shared.items() if kept in stored})
    checkpoint.load_weights(folder / WEIGHTS, model, stored, assign=True)
    floors: dict[str, Arrays] = {name: {} for name in found.floors}
    for key, value in checkpoint.read_arrays(folder / FLOORS).items():
        name, _, part = key.partition("/")
        floors.setdefault(name, {})[part] = value
    contestant = Contestant(
        model=model.to(device).eval(),
        task=filled.build("task", found.facts),
        bank=checkpoint.read_arrays(folder / BANK),
        floors=floors,
        batch=filled.frame.train.batch,
        transforms=filled.build_transforms("eval", found.facts),
    )
    return Loaded(folder, found, filled, dataset, contestant)


def build(filled: Filled, facts: Mapping[str, int]) -> Model | Ensemble:
    """Build encoder and head, of every member, without paying for first values that stored ones will replace."""

    def one(member: Filled) -> Model:
        encoder = member.build("encoder", facts)
        return Model(encoder, member.build("head", {**facts, "in_features": encoder.out_features}))

    def whole() -> Model | Ensemble:
        return Ensemble([one(member) for member in filled.members]) if filled.members else one(filled)

    with weights.follow():
        empty = _without_values(whole)
        return whole() if empty is None else empty


def _without_values(build: Callable[[], Model | Ensemble]) -> Model | Ensemble | None:
    """Return a model without values, None where a part needs those of its parameters while it is being built."""
    from accelerate import init_empty_weights

    try:
        with init_empty_weights(include_buffers=False):
            model = build()
    except (RuntimeError, ZooError):  # a mistake that has nothing to do with it comes again
        return None
    kept = model.state_dict()
    lost = any(buffer.is_meta for name, buffer in model.named_buffers() if name not in kept)
    return None if lost else model


def _apart(state: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return each weight once, and for those that are one and the same as another, which."""
    first: dict[tuple[Any, ...], str] = {}
    stored: dict[str, torch.Tensor] = {}
    shared: dict[str, str] = {}
    for name in sorted(state):
        tensor = state[name]
        same = (tensor.data_ptr(), tensor.device, tensor.shape, tensor.stride(), tensor.dtype)
        kept = first.setdefault(same, name) if tensor.numel() else name
        if kept == name:
            stored[name] = tensor
        else:
            shared[name] = kept
    return stored, shared


def _components(filled: Filled) -> tuple[config.Part, ...]:
    entries = sorted(set(filled.entries.values()))  # an old name and the new one are one part
    facts = [{"kind": e.kind, "name": e.name, "distribution": e.distribution} for e in entries]
    return tuple(map(config.Part.model_validate, facts))


def _provenance(contestant: Contestant, dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    """Return where the data come from, and the weights that modules of the model began from, each once."""
    data = getattr(dataset, "provenance", None)
    began: list[dict[str, Any]] = []
    for module in contestant.model.modules():
        found = getattr(module, "provenance", None)
        if found and dict(found) not in began:
            began.append(dict(found))
    return {"data": [dict(data)] if data else [], "weights": began}


def _versions(filled: Filled) -> dict[str, str]:
    """Return the versions that made the model."""
    versions = {entry.distribution: entry.version for entry in filled.entries.values()}
    versions[OWN_DISTRIBUTION] = metadata.version(OWN_DISTRIBUTION)
    return {**dict(sorted(versions.items())), "torch": str(torch.__version__), "python": platform.python_version()}
