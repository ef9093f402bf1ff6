"""Bags of instances with further numbers beside each instance, or with nothing but these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Dataset, Indices


def sizes_of(dataset: Dataset) -> NDArray[np.int64]:
    """Return how many instances each item has.

    Raises
    ------
    DataError
        The items are no bags.
    """
    sizes = getattr(dataset, "sizes", None)
    if sizes is None:
        raise DataError("the stage needs bags of instances, and the data have none; put a stage before it that does")
    return np.asarray(sizes, dtype=np.int64)


class BagView:
    """A dataset of bags, with rows of numbers for the instances of some of its items.

    Everything else is the dataset's own.

    Parameters
    ----------
    dataset
        Bags, with ``sizes``.
    items
        Those that have rows.
    rows
        Entry of a batch -> its rows [N, ...], those of the instances of ``items`` one after the other.
    alone
        Whether a batch holds the rows, labels and offsets alone, so that no instance has to be read.

    Raises
    ------
    DataError
        There are not as many rows as instances, or the data do not say how many these are.
    """

    def __init__(
        self, dataset: Dataset, items: Indices, rows: Mapping[str, NDArray[Any]], *, alone: bool = False
    ) -> None:
        self._dataset, self._rows, self._alone = dataset, dict(rows), alone
        self._sizes = sizes_of(dataset)
        ends = self._sizes[items].cumsum()
        self._starts = dict(zip(items.tolist(), (ends - self._sizes[items]).tolist(), strict=True))
        wanted = int(ends[-1]) if len(ends) else 0
        for name, values in self._rows.items():
            if len(values) != wanted:
                raise DataError(
                    f"{name} has {len(values)} rows for {wanted} instances; compute it anew from these data"
                )

    def __getattr__(self, name: str) -> Any:
        if name == "_dataset":  # a copy asks before it has one
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return len(self._dataset)

    @property
    def provides(self) -> tuple[str, ...]:
        """Names of the entries of a batch."""
        own = ("offsets", "label") if self._alone else self._dataset.provides
        return (*own, *self._rows)

    def batch(self, items: Indices) -> dict[str, Any]:
        """Return a batch; rows are in it where all of its items have some."""
        import torch

        batch = self._bare(items) if self._alone else dict(self._dataset.batch(items))
        if all(item in self._starts for item in items.tolist()):
            order = [
                np.arange(self._starts[item], self._starts[item] + size)
                for item, size in zip(items.tolist(), self._sizes[items].tolist(), strict=True)
            ]
            chosen = np.concatenate(order)
            batch |= {name: torch.from_numpy(np.asarray(values[chosen])) for name, values in self._rows.items()}
        return batch

    def _bare(self, items: Indices) -> dict[str, Any]:
        import torch

        data: Any = self._dataset
        sets = getattr(data, "label_sets", None)
        offsets = np.concatenate([[0], self._sizes[items].cumsum()])
        label = np.asarray(data.labels)[items] if sets is None else np.asarray(sets, dtype=np.float32)[items]
        return {
            "id": [str(item) for item in items.tolist()],
            "offsets": torch.from_numpy(offsets),
            "label": torch.from_numpy(label),
        }
