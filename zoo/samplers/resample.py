"""``resample``: every class has the same number of items in an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.contracts import Dataset
from zoo.nn.known import by_class

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Resample:
    """Bring each class to so many items an epoch, in random order.

    Of a class with more, that many are drawn without replacement, others in every epoch. Those of a class with fewer
    are repeated, each as often as the others; what remains is drawn among them without replacement. Items without a
    label are left out. It works on the training items after the split, so that no copy of an item is ever tested.

    Parameters
    ----------
    to
        Items of each class.
    fixed
        Draw the items once, from ``seed``, and only their order anew for every epoch: what code does that resamples a
        table before training.
    seed
        Of the one drawing, with ``fixed``.

    Raises
    ------
    ValueError
        ``to`` leaves nothing, or the seed is negative.
    UsageError
        The data have no labels.
    DataError
        No training item has a label.
    """

    def __init__(self, *, to: int = 20, fixed: bool = False, seed: int = 0) -> None:
        if to < 1:
            raise ValueError(f"to is a number of items of at least 1, not {to}")
        if seed < 0:
            raise ValueError(f"seed is a whole number from 0, not {seed}")
        self.to, self.fixed, self.seed = to, fixed, seed

    def __call__(
        self,
        items: NDArray[np.int64],
        dataset: Dataset,
        *,
        batch: int,  # noqa: ARG002 - for samplers that make up batches
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Return ``to`` items of each class, in random order."""
        drawing = np.random.default_rng(self.seed) if self.fixed else rng
        drawn = [self._drawn(own, drawing) for own in by_class(dataset, items, "sampler resample").values()]
        return rng.permutation(np.concatenate(drawn))

    def _drawn(self, own: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        times, rest = divmod(self.to, len(own))
        return np.concatenate([np.tile(own, times), rng.permutation(own)[:rest]])
