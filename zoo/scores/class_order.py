"""Which classes stand in a confusion matrix, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.confusion import shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.int64]

OPTIMAL = 500
"""Classes up to which the order within clusters is the best one; it takes seconds for more."""


def present(counted: Labels) -> list[int]:
    """Return the classes that an item has or was called, of a matrix [K, K] of them."""
    return [int(k) for k in np.flatnonzero(counted.sum(axis=0) + counted.sum(axis=1))]


def side_by_side(counted: Labels, among: list[int]) -> list[int]:
    """Return classes in an order in which those confused with each other are neighbours.

    They are clustered by the share of items that either takes from the other (average linkage), and the leaves of the
    tree are turned so that neighbours are as close as can be.

    References
    ----------
    Bar-Joseph, Gifford, Jaakkola, Bioinformatics 17:S22 (2001), doi:10.1093/bioinformatics/17.suppl_1.S22.
    """
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    if len(among) < 3:  # noqa: PLR2004 - two are neighbours
        return among
    share = np.nan_to_num(shares(counted)[np.ix_(among, among)])
    far: NDArray[Any] = 1 - np.clip(share + share.T, 0, 1)
    np.fill_diagonal(far, 0)
    apart = squareform(far, checks=False)
    tree = hierarchy.linkage(apart, "average", optimal_ordering=len(among) <= OPTIMAL)
    return [among[n] for n in hierarchy.leaves_list(tree).tolist()]
