"""One resolution of a tiled TIFF: windows put together from the tiles that they touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.slides.tiff_pages import MAX_TILE_BYTES, MAX_TILES, check
from zoo_spatial.slides.tiff_segments import Segments, SlideFile
from zoo_spatial.slides.tile_cache import TILES, TileCache, new_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffPage


class TileLevel:
    """A tiled page of a slide's file.

    Parameters
    ----------
    file
        The open file.
    page
        Its header.
    cache
        Where decoded tiles are kept for a while.

    Raises
    ------
    DataError
        Tiles are too large or too many, or their table is not to be believed.
    """

    def __init__(self, file: SlideFile, page: TiffPage, cache: TileCache = TILES) -> None:
        check(file.path, page)
        self.shape = (int(page.imagelength), int(page.imagewidth), 3)
        self.tile = (int(page.tilelength), int(page.tilewidth))
        _check_tiles(file, page, self.tile)
        self._segments = Segments(file, page, self.tile)
        self._cache, self._number = cache, new_number()

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return a window [height, width, 3] that lies inside the level."""
        out = np.empty((height, width, 3), dtype=np.uint8)
        high, wide = self.tile
        for row in range(top // high, (top + height - 1) // high + 1):
            for column in range(left // wide, (left + width - 1) // wide + 1):
                tile = self._tile(row, column)
                y, x = row * high - top, column * wide - left
                place = out[max(y, 0) : y + high, max(x, 0) : x + wide]
                inner = tile[max(-y, 0) :, max(-x, 0) :]
                place[:] = inner[: place.shape[0], : place.shape[1]]
        return out

    def order(self, corners: NDArray[np.int64], side: int) -> NDArray[np.int64]:
        """Return an order of windows in which neighbours follow each other.

        The level is swept from top to bottom in columns so narrow that the rows of tiles which a window spans stay in
        the cache from one row of windows to the next; only at the borders of columns is a tile decoded twice.
        """
        high, wide = self.tile
        spanned = side // high + 2
        held = self._cache.most // (high * wide * 3 * spanned)
        column = corners[:, 0] // (wide * max(1, held))
        return np.lexsort((corners[:, 0], corners[:, 1] // high, column))

    def _tile(self, row: int, column: int) -> NDArray[np.uint8]:
        number = row * self._segments.grid[1] + column
        return self._cache.get((self._number, number), lambda: self._segments.rgb(row, column))


def _check_tiles(file: SlideFile, page: TiffPage, tile: tuple[int, int]) -> None:
    """Refuse tiles of which one could fill the memory, or so many that their table would."""
    if min(tile) < 1 or tile[0] * tile[1] * int(page.samplesperpixel) > MAX_TILE_BYTES:
        raise DataError(
            f"{file.path}: its tiles are {tile[1]} x {tile[0]} pixels, 1 x 1 to 4096 x 4096 are taken; "
            "save it with tiles of 256 to 1024"
        )
    if (tiles := -(-page.imagelength // tile[0]) * -(-page.imagewidth // tile[1])) > MAX_TILES:
        raise DataError(
            f"{file.path}: claims {tiles:,} tiles of {tile[1]} x {tile[0]} pixels, up to {MAX_TILES:,} are taken; "
            "save it with larger tiles"
        )
