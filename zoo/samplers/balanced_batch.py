"""``balanced-batch``: every batch holds the same number of items of each of its classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from zoo.contracts import Dataset
from zoo.errors import UsageError
from zoo.nn.known import by_class

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BalancedBatch:
    """Make up batches of P classes with K items each (P x K); an epoch has as many as its labelled items fill.

    Classes come equally often, give or take one batch, no class twice in a batch. Within a class all items come before
    one comes again, so that a batch holds an item twice only where its class has fewer than K. Within a batch the
    classes alternate: shares of several devices and parts of a batch are balanced as well, where they hold a multiple
    of P items. Items without a label are left out.

    Parameters
    ----------
    classes
        P; all classes of the training items where not given. It divides ``train.batch``.
    batches
        Batches of an epoch; as many as the labelled training items fill, the last one filled up, where not given.

    Raises
    ------
    ValueError
        A batch, or an epoch, would have nothing.
    UsageError
        A batch cannot be shared out evenly, there are fewer classes than asked for, or the data have no labels.
    DataError
        No training item has a label.

    References
    ----------
    P x K batches: Hermans, Beyer, Leibe, arXiv:1703.07737.
    """

    def __init__(self, *, classes: int | None = None, batches: int | None = None) -> None:
        if classes is not None and classes < 1:
            raise ValueError(f"classes is a number of at least 1, not {classes}")
        if batches is not None and batches < 1:
            raise ValueError(f"batches is a number of at least 1, not {batches}")
        self.classes, self.batches = classes, batches

    def __call__(
        self, items: NDArray[np.int64], dataset: Dataset, *, batch: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the items of all batches, one batch after the other."""
        own = by_class(dataset, items, "sampler balanced-batch")
        each = self._items_of_each(len(own), batch)
        streams = [_stream(members, each, rng) for members in own.values()]
        count = self.batches or -(-sum(map(len, own.values())) // batch)
        used = np.zeros(len(streams), dtype=np.int64)
        made = []
        for _ in range(count):
            # the classes used least so far, those used equally in random order
            chosen = np.lexsort((rng.random(len(used)), used))[: batch // each]
            used[chosen] += 1
            made.append(np.stack([next(streams[one]) for one in chosen], axis=1).ravel())
        return np.concatenate(made)

    def _items_of_each(self, there: int, batch: int) -> int:
        wanted = self.classes or there
        if wanted > there:
            what = f"a batch is to have {wanted} classes, and the training items have {there}"
            raise UsageError(f"sampler balanced-batch: {what}; set classes to {there} or lower")
        if batch % wanted:
            what = f"train.batch is {batch}, which {wanted} classes cannot share evenly"
            low = batch - batch % wanted or wanted
            raise UsageError(f"sampler balanced-batch: {what}; set train.batch to {low}, or choose other classes")
        return batch // wanted


def _stream(members: NDArray[np.int64], each: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Give a class's items, so many at a time, shuffled anew each time that all have come."""
    waiting = rng.permutation(members)
    while True:
        while len(waiting) < each:
            again = rng.permutation(members)
            # those that stand in the same batch already come last
            again = again[np.argsort(np.isin(again, waiting), kind="stable")]
            waiting = np.concatenate([waiting, again])
        yield waiting[:each]
        waiting = waiting[each:]
