"""A model over many items without gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.batches import in_order, load, to_device, transformed
from zoo.progress import track
from zoo.seeds import derive

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Batch, Dataset, Indices, Outputs, Transform
    from zoo.model import Ensemble, Model, Trainee

RUNNING = "running the model"


def outputs(
    model: Model | Ensemble, dataset: Dataset, items: Indices, *, batch: int, transforms: Sequence[Transform] = ()
) -> Arrays:
    """Return the outputs of a model for items, in their order, as arrays [n, ...] in 32 bits."""
    device = next(model.parameters()).device
    collected: dict[str, list[torch.Tensor]] = {}
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        batches = in_order(items, batch)
        reads = track(load(dataset, batches, pin=device.type == "cuda"), RUNNING, len(batches), "batches")
        for number, read in enumerate(reads):
            for name, value in _outputs(model, read, number, transforms, device).items():
                collected.setdefault(name, []).append(value)
    model.train(was_training)
    return {name: torch.cat(parts).numpy() for name, parts in collected.items()}


def of_batch(model: Model | Ensemble, batch: Batch, number: int, transforms: Sequence[Transform] = ()) -> Outputs:
    """Return the outputs of a model for one batch, the numbered one of its kind, in 32 bits on the CPU."""
    with torch.inference_mode():
        return _outputs(model.eval(), batch, number, transforms, next(model.parameters()).device)


def _outputs(
    model: Model | Ensemble, batch: Batch, number: int, transforms: Sequence[Transform], device: torch.device
) -> Outputs:
    moved = transformed(to_device(batch, device), transforms, derive("eval", number))
    return {name: value.float().cpu() for name, value in model(moved).items()}


def mean_loss(
    trainee: Trainee, dataset: Dataset, items: Indices, *, batch: int, transforms: Sequence[Transform] = ()
) -> float:
    """Return the loss of items in their order, averaged over batches weighted by their size."""
    device = next(trainee.parameters()).device
    sums: list[tuple[float, int]] = []
    was_training = trainee.training
    trainee.eval()
    with torch.inference_mode():
        batches = in_order(items, batch)
        reads = track(load(dataset, batches, pin=device.type == "cuda"), RUNNING, len(batches), "batches")
        for number, read in enumerate(reads):
            moved = transformed(to_device(read, device), transforms, derive("eval", number))
            sums.append((float(trainee(moved)), len(batches[number])))
    trainee.train(was_training)
    values, weights = np.array(sums).T
    return float(np.average(values, weights=weights))
