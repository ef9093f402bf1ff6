"""How sure a score is: bootstrap over groups, because items of a group are not independent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2_000
FEW_GROUPS = 5
BOUNDS = (2.5, 97.5)
POOLED_DRAWS = 1_000
"""Fewer than of means, because in each of them every score is computed anew."""
ENOUGH = 0.55
"""Share of drawings in which a pooled score must have a value for its interval to be given. Of two groups with a label
each, half the drawings hold both, and these are all the same."""


def over_groups(values: NDArray[np.float64], seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % percentile bootstrap interval of the mean over groups.

    Parameters
    ----------
    values
        One number a group; NaN where a group has none.
    seed
        Of the draws.

    Returns
    -------
    The bounds, or None with fewer than two groups: one group says nothing about the next.
    """
    values = values[~np.isnan(values)]
    if len(values) < 2:  # noqa: PLR2004 - as the docstring says
        return None
    draws = np.random.default_rng(seed).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), BOUNDS)
    return float(low), float(high)


def drawn_groups(groups: int, seed: int = 0) -> NDArray[np.int64]:
    """Return how often each of ``G`` groups comes up when G are drawn with replacement [draws, G].

    There are :data:`POOLED_DRAWS` of them; no draws with fewer than two groups.
    """
    draws = POOLED_DRAWS if groups > 1 else 0
    return np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)


def of_draws(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the bounds between which 95 % of the values of a score over drawings lie [draws].

    Drawings without a value (NaN) are left out; None where fewer than :data:`ENOUGH` of them have one.
    """
    known = values[~np.isnan(values)]
    if not len(known) or len(known) < ENOUGH * len(values):
        return None
    low, high = np.percentile(known, BOUNDS)
    return float(low), float(high)
