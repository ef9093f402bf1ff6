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
    keep
        Whether fields are asked for more than once.
    """

    def __init__(
        self, spots: int, size: int, cut: Callable[[NDArray[np.int64]], torch.Tensor], *, keep: bool = True
    ) -> None:
        self._cut = cut
        self._known = np.zeros(spots, dtype=bool)
        fits = keep and spots * size * size * 3 <= MOST_BYTES
        # memory that is reserved here is taken up as fields come in
        self._fields = np.empty((spots, size, size, 3), dtype=np.uint8) if fits else None

    def of(self, spots: NDArray[np.int64]) -> torch.Tensor:
        """Return the fields of some spots [n, 3, size, size], channels last in memory."""
        if self._fields is None:
            return self._cut(spots)
        new = np.unique(spots[~self._known[spots]])
        if len(new):
            self._fields[new] = self._cut(new).permute(0, 2, 3, 1).numpy()
            self._known[new] = True
        # numpy, because torch would start a team of threads in the thread that reads ahead, to the model's cost
        return torch.from_numpy(self._fields[spots]).permute(0, 3, 1, 2)
