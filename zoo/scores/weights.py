"""Items counted any number of times: what lets one pass over the items score every draw of a bootstrap at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def weights_of(weight: NDArray[Any] | None, items: int) -> Floats:
    """Return how often each item counts [..., n]: once where nothing is said."""
    return np.ones(items) if weight is None else np.asarray(weight, dtype=np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return ``part / whole``, NaN where the whole is nothing."""
    part, whole = np.broadcast_arrays(part, whole)
    found: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return found


def mean(values: NDArray[Any], weight: NDArray[Any] | None = None) -> Floats:
    """Return the mean [...] of ``values`` [n] over the items that have one (NaN: none); NaN where no item has."""
    known = ~np.isnan(values)
    counted = weights_of(weight, len(values))[..., known]
    return ratio(counted @ values[known].astype(np.float64), counted.sum(axis=-1))
