"""What is known of items: losses over those with a label, and the labels that samplers and losses go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1
"""The label of an item of which it is not known."""


def mean_of_known(losses: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return the mean of the losses [B] of items with a known label; zero, with a gradient of zero, where none has."""
    known = label != UNKNOWN
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def logits_of(outputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a head's logits [B, K]: ``logits`` of items, ``bag`` of bags.

    Raises
    ------
    UsageError
        The head gives neither.
    """
    for name in ("logits", "bag"):
        if name in outputs:
            return outputs[name]
    given = ", ".join(outputs) or "nothing"
    raise UsageError(
        f"the loss scores the logits of classes, the head gives {given}; choose a head such as mlp or abmil"
    )


def known_labels(dataset: Any, items: NDArray[np.int64], who: str) -> NDArray[np.int64]:
    """Return the label of each of these items [n], -1 where it is not known; ``who`` asks for them.

    Raises
    ------
    UsageError
        The data have no labels, or an item may have several.
    DataError
        None of the items has one.
    """
    labels = getattr(dataset, "labels", None)
    if labels is None and getattr(dataset, "label_sets", None) is not None:
        what = f"{who} goes by the one label of an item, and an item of these data may have several"
        raise UsageError(f"{what}; choose what takes them, such as binary-cross-entropy or the sampler weighted")
    if labels is None:
        raise UsageError(f"{who} goes by the labels of items, and the data have none; leave it out, or bring labels")
    found = np.asarray(labels, dtype=np.int64)[np.asarray(items, dtype=np.int64)]
    if not (found != UNKNOWN).any():
        what = f"none of the {len(found)} training items has one"
        raise DataError(f"{who} goes by the labels of items, and {what}; label some, or split the data anew")
    return found


def label_sets_of(dataset: Any, items: NDArray[np.int64], who: str) -> NDArray[np.int8]:
    """Return which classes each of these items has [n, K]: 1 or 0, and -1 where it is not known; ``who`` asks for them.

    Raises
    ------
    UsageError
        The data have no label sets.
    DataError
        Of none of the items anything is known.
    """
    sets = getattr(dataset, "label_sets", None)
    if sets is None:
        what = f"{who} goes by data of which an item may have several labels, and these have no label_sets"
        raise UsageError(f"{what}; leave it out, or choose what goes by one label an item, such as cross-entropy")
    found = np.asarray(sets, dtype=np.int8)[np.asarray(items, dtype=np.int64)]
    if not (found != UNKNOWN).any():
        what = f"none of the {len(found)} training items has them"
        raise DataError(f"{who} goes by the labels of items, and {what}; label some, or split the data anew")
    return found


def by_class(dataset: Any, items: NDArray[np.int64], who: str) -> dict[int, NDArray[np.int64]]:
    """Return the items of each class that has any, in the order given; those without a label are left out."""
    items = np.asarray(items, dtype=np.int64)
    labels = known_labels(dataset, items, who)
    return {int(label): items[labels == label] for label in np.unique(labels) if label != UNKNOWN}
