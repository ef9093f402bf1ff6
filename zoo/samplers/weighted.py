"""``weighted``: items are drawn the more often, the rarer their class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zoo.contracts import Dataset
from zoo.nn.known import UNKNOWN, known_labels, label_sets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Weighted:
    """Draw items with replacement, each with a probability proportional to ``1 / n_k ** power``.

    n_k are the training items of its class. With a power of 1 every class is as likely as any other, with 0 every item
    is. What an epoch has of a class varies by chance, and some items do not come at all (``resample`` and
    ``balanced-batch`` deal them out evenly). Items without a label are left out.

    An item with several labels counts as its rarest, with all items that have it, so that common classes come the more
    often the more they go along with rare ones. Items of which it is known that they have none are like a class.

    Parameters
    ----------
    power
        How strongly rare classes are favoured.
    items
        Items of an epoch; as many as there are labelled training items where not given.

    Raises
    ------
    ValueError
        The power is negative or no number, or an epoch would have no items.
    UsageError
        The data have no labels.
    DataError
        No training item has a label.
    """

    def __init__(self, *, power: float = 1.0, items: int | None = None) -> None:
        if not (power >= 0 and math.isfinite(power)):
            raise ValueError(f"power is a number from 0, not {power}")
        if items is not None and items < 1:
            raise ValueError(f"items is a number of at least 1, not {items}")
        self.power, self.items = power, items

    def __call__(
        self,
        items: NDArray[np.int64],
        dataset: Dataset,
        *,
        batch: int,  # noqa: ARG002 - for samplers that make up batches
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Return what was drawn, in the order it was."""
        counts = _counts(dataset, items)
        labelled, counts = np.asarray(items, dtype=np.int64)[counts > 0], counts[counts > 0]
        # relative to the rarest class, so that a high power ends in zeros for the others and not for all
        weights = (counts.min() / counts) ** self.power
        return rng.choice(labelled, size=self.items or len(labelled), p=weights / weights.sum())


def _counts(dataset: Dataset, items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of the items are of the class of each [n], 0 where its label is not known."""
    if getattr(dataset, "labels", None) is None and getattr(dataset, "label_sets", None) is not None:
        sets = label_sets_of(dataset, items, "sampler weighted")
        has = np.column_stack([sets == 1, (sets <= 0).all(axis=1) & (sets == 0).any(axis=1)])
        rarest = np.where(has, has.sum(axis=0), len(has) + 1).min(axis=1)
        return np.where(has.any(axis=1), rarest, 0)
    labels = known_labels(dataset, items, "sampler weighted")
    return np.where(labels == UNKNOWN, 0, np.bincount(labels[labels != UNKNOWN])[labels])
