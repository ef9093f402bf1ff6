"""An image of a SpatialData store, read window by window from its chunks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo_spatial.slides.fields import cut, geometry, proportions, small_whole
from zoo_spatial.slides.heap import trim
from zoo_spatial.slides.levels import Halved, halvings
from zoo_spatial.slides.tile_cache import TILES, new_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ChunkedLevel:
    """One resolution of an image: a dask array [3, H, W] of uint8 whose chunks are those of the store."""

    data: Any
    number: int = field(default_factory=new_number)

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, 3."""
        return int(self.data.shape[1]), int(self.data.shape[2]), 3

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of a chunk."""
        return int(self.data.chunks[1][0]), int(self.data.chunks[2][0])

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return [height, width, 3] of a window, put together from the chunks that it touches."""
        high, wide = self.tile
        out = np.empty((height, width, 3), dtype=np.uint8)
        for row in range(top // high, -(-(top + height) // high)):
            for column in range(left // wide, -(-(left + width) // wide)):
                y, x = row * high, column * wide
                part = self._tile(row, column)[max(top - y, 0) : top + height - y, max(left - x, 0) : left + width - x]
                down, right = max(y - top, 0), max(x - left, 0)
                out[down : down + part.shape[0], right : right + part.shape[1]] = part
        return out

    def order(self, corners: NDArray[np.int64], side: int) -> NDArray[np.int64]:
        """Return an order of windows in which those that begin in one chunk follow each other."""
        high, wide = self.tile
        return np.lexsort(((corners[:, 0] + side // 2) // wide, (corners[:, 1] + side // 2) // high))

    def _tile(self, row: int, column: int) -> NDArray[np.uint8]:
        high, wide = self.tile
        across = -(-self.shape[1] // wide)

        def read() -> NDArray[np.uint8]:
            chunk = self.data[:, row * high : (row + 1) * high, column * wide : (column + 1) * wide]
            return np.ascontiguousarray(chunk.compute(scheduler="synchronous").transpose(1, 2, 0))

        return TILES.get((self.number, row * across + column), read)


@dataclass(frozen=True, slots=True)
class StoreSlide:
    """A :class:`zoo_spatial.slides.slide.Slide` over the resolutions that a store has.

    Attributes
    ----------
    levels
        Width of a pixel in pixels of the image, and the level; the image itself (1.0) first.
    um_per_px
        Always None: stores do not say it.
    """

    levels: Sequence[tuple[float, ChunkedLevel]]
    um_per_px: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        height, width, _ = self.levels[0][1].shape
        return height, width

    def _level(self, wanted: float) -> tuple[float, Halved | ChunkedLevel]:
        """Return the coarsest level whose pixels are at most ``wanted`` wide, halved further where none is near."""
        scale, level = max(
            (pair for pair in self.levels if pair[0] <= max(wanted, 1.0) * 1.01), key=lambda pair: pair[0]
        )
        times = max(0, math.floor(math.log2(max(wanted, 1.0) / scale * 1.01)))
        times = min(times, halvings(level.shape))
        chosen: Halved | ChunkedLevel = Halved(level, times) if times else level
        return float(scale * 2**times), chosen

    def fields(self, centres_px: NDArray[np.float32], field_px: float, size: int) -> torch.Tensor:
        """Cut square fields of view, uint8 [n, 3, size, size]; beyond the edge of the image it is repeated."""
        scale, level = self._level(field_px / size)
        corners, side = geometry(centres_px, field_px, scale)
        return cut(level, corners, side, size, order=level.order(corners, side), release=trim)

    def overview(self, size: int) -> torch.Tensor:
        """Return the whole image squeezed into uint8 [3, size, size]."""
        _, level = self._level(min(self.shape) / size)
        return torch.from_numpy(small_whole(level, size, size)).permute(2, 0, 1).contiguous()

    def thumbnail(self, longest: int) -> NDArray[np.uint8]:
        """Return the whole image in its proportions, uint8 [H, W, 3], its longer side at most ``longest``."""
        height, width = proportions(self.shape, longest)
        _, level = self._level(max(self.shape) / max(height, width))
        return small_whole(level, height, width)
