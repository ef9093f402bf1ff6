"""Decoded tiles of all slides in one store with a bound in bytes."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Key = tuple[int, int]

MOST_BYTES = 128 * 2**20
_NUMBERS = itertools.count()


class TileCache:
    """Keeps the tiles that were used last, of any slide, up to ``most`` bytes in all.

    One store for the whole process: its bound holds however many slides are open.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.held = 0
        self._tiles: OrderedDict[Key, NDArray[np.uint8]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Key, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return a tile, decoding it where it is not held; the least recently used make room for it."""
        with self._guard:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        tile = make()  # outside the guard, so that threads decode side by side
        with self._guard:
            if key not in self._tiles:
                self._tiles[key] = tile
                self.held += tile.nbytes
            while self.held > self.most and len(self._tiles) > 1:
                self.held -= self._tiles.popitem(last=False)[1].nbytes
        return tile


TILES = TileCache()


def new_number() -> int:
    """Return a number for a level whose tiles are to be kept; none is given twice."""
    return next(_NUMBERS)
