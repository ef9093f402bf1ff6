"""Where a model looked, for items of a dataset read as they are read for prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.batches import in_order, load, to_device, transformed
from zoo.nn.gradcam import gradcam, highest_is_one
from zoo.seeds import derive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Batch, Dataset, Indices, Transform

    Explain = Callable[[Indices, Indices], NDArray[np.float32] | None]


def explainer(model: Any, dataset: Dataset, transforms: Sequence[Transform], batch: int) -> Explain:
    """Return ``explain(items, classes)``: where the model looked in each item for a class [n, H, W] in [0, 1].

    The maps are those of :func:`zoo.nn.gradcam.gradcam`; H and W are those of the image after the transforms.

    Parameters
    ----------
    model
        Encoder and head, or an ensemble: what has ``members`` is explained by the mean of the maps of those that have
        one, divided by its highest place.
    dataset
        Where the items are.
    transforms
        Those of evaluation.
    batch
        Items that are read and explained at once.

    Returns
    -------
    What returns None where no member can say where it looked, and for no items.
    """
    members = list(getattr(model, "members", [model]))

    def explain(items: Indices, classes: Indices) -> NDArray[np.float32] | None:
        device = next(model.parameters()).device
        asked, found = in_order(classes, batch), []
        for number, read in enumerate(load(dataset, in_order(items, batch), pin=device.type == "cuda")):
            moved = transformed(to_device(read, device), transforms, derive("eval", number))
            maps = _mean_map(members, moved, torch.from_numpy(asked[number]))
            if maps is None:
                return None
            found.append(maps.float().cpu().numpy())
        return np.concatenate(found) if found else None

    return explain


def _mean_map(members: Sequence[Any], batch: Batch, classes: torch.Tensor) -> torch.Tensor | None:
    maps = [found for member in members if (found := gradcam(member, batch, classes)) is not None]
    return highest_is_one(torch.stack(maps).mean(dim=0)) if maps else None
