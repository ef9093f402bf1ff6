"""Fields of view that are cut once and kept in memory, as long as all of them fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 400 * 2**20


class KeptFields:
    """One field of view of every spot, uint8 [n, 3, size, size].

    A field is cut when it is first asked for. Every epoch asks for the same fields, so from the second on a batch is
    one copy out of memory. Where all fields together would take more than 400 MB, none is kept and each is cut anew.

    Parameters
    ----------
    spots
        How many there are.
    size
        Side of a field in pixels.
    cut
        Cuts the fields of some spots.
    """

    def __init__(self, spots: int, size: int, cut: Callable[[NDArray[np.int64]], torch.Tensor]) -> None:
        self._cut = cut
        self._known = np.zeros(spots, dtype=bool)
        shape = (spots, 3, size, size)
        # memory that is reserved here is taken up as fields come in
        fits = spots * 3 * size * size <= MOST_BYTES
        self._fields = torch.empty(shape, dtype=torch.uint8, memory_format=torch.channels_last) if fits else None

    def of(self, spots: NDArray[np.int64]) -> torch.Tensor:
        """Return the fields of some spots [n, 3, size, size], channels last in memory."""
        if self._fields is None:
            return self._cut(spots)
        new = np.unique(spots[~self._known[spots]])
        if len(new):
            self._fields[torch.from_numpy(new)] = self._cut(new)
            self._known[new] = True
        # whole rows of memory are copied, which an index into a channels-last tensor would not do
        rows = self._fields.permute(0, 2, 3, 1).index_select(0, torch.from_numpy(spots))
        return rows.permute(0, 3, 1, 2)
