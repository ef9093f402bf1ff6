"""Which class was taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.scores.weights import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.int64]


class Mistaken(NamedTuple):
    """One class that was taken for another: how many of its items, and which share of them."""

    true: int
    said: int
    items: int
    share: float


def matrix(label: Labels, said: Labels, classes: int) -> Labels:
    """Return how many items of each class (row) were called each class (column) [K, K]."""
    return np.bincount(label * classes + said, minlength=classes * classes).reshape(classes, classes)


def shares(counted: Labels) -> NDArray[np.float64]:
    """Return the matrix with rows that add up to one; NaN in the row of a class that no item has."""
    counts = counted.astype(np.float64)
    return ratio(counts, counts.sum(axis=1, keepdims=True))


def mistaken(counted: Labels) -> list[Mistaken]:
    """Return the classes that were taken for another one, those of most items first, of as many the largest share."""
    off, share = counted * (1 - np.eye(len(counted), dtype=np.int64)), shares(counted)
    pairs = [
        Mistaken(int(t), int(s), int(off[t, s]), float(share[t, s])) for t, s in zip(*np.nonzero(off), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (-pair.items, -pair.share, pair.true, pair.said))
