"""How sure a score is: bootstrap over groups, because items of a group are not independent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2_000
FEW_GROUPS = 5


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
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
