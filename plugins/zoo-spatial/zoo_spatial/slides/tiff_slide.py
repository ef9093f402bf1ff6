"""A TIFF as a slide: in tiles it is read where it is looked at, in strips it is decoded once into a pyramid."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.errors import DataError, MissingError
from zoo_spatial.cache import folder_for
from zoo_spatial.slides.fields import Level, cut, geometry, proportions, small_whole
from zoo_spatial.slides.heap import trim
from zoo_spatial.slides.levels import (
    ArrayLevel,
    Halved,
    halvings,
    mapped,
    strips_of,
    unmap,
    write_first,
    write_others,
)
from zoo_spatial.slides.pixel_size import um_per_px
from zoo_spatial.slides.pyramid import Pyramid
from zoo_spatial.slides.tiff_pages import choose, scale_of
from zoo_spatial.slides.tiff_segments import DAMAGE, SlideFile
from zoo_spatial.slides.tiff_strips import open_strips
from zoo_spatial.slides.tiles import TileLevel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFile

KEPT_VERSION = "reduced-1"
KEPT_PIXELS = 16_000_000
MOST_HALVINGS = 3


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as a TIFF or BigTIFF does."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise MissingError(f"{path}: cannot be read ({error.strerror}); check data.root") from error
    return start in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}


def open_tiff(path: Path) -> TiledSlide | Pyramid:
    """Open a TIFF (BigTIFF, OME-TIFF, SVS) of 8-bit RGB.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be decoded, is not one image of 8-bit RGB, or claims what cannot be.
    """
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it warns of is said in our sentences
    try:
        with tifffile.TiffFile(path, is_ome=False) as tif:
            return _open(path, tif)
    except DAMAGE as error:
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(
            f"{path}: begins as a TIFF but cannot be read ({said}); save it anew or copy it again"
        ) from error


def _open(path: Path, tif: TiffFile) -> TiledSlide | Pyramid:
    pages = choose(path, tif)
    text = tif.pages[0].description
    size = um_per_px(pages.main, text)
    file = SlideFile(path)
    if not pages.main.is_tiled:
        return Pyramid(open_strips(file, pages.main), size)
    levels = tuple(TileLevel(file, page) for page in (pages.main, *pages.reduced))
    scales = tuple(scale_of(levels[0].shape[:2], level.shape[:2]) for level in levels)
    return TiledSlide(path, levels, scales, size)


@dataclass(frozen=True, slots=True, eq=False)
class TiledSlide:
    """A slide whose tiles are read from its file as they are needed.

    Fields are cut from the file's own reduced copies where it has them. Between two copies, and below the last, pixels
    are halved on the way; what is more than eight times wider than the next copy is cut from reduced copies that are
    made once, by reading the file from top to bottom, and kept in ``ZOO_HOME``.

    Attributes
    ----------
    path
        The file.
    levels
        The image and its reduced copies as the file has them, finest first.
    scales
        Width of a pixel of each in pixels of the image.
    um_per_px
        Size of a pixel in micrometres; None where the file does not say.
    """

    path: Path
    levels: tuple[TileLevel, ...]
    scales: tuple[float, ...]
    um_per_px: float | None = None
    _kept: dict[int, Pyramid] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.levels[0].shape[0], self.levels[0].shape[1]

    def fields(self, centres_px: NDArray[np.float32], field_px: float, size: int) -> torch.Tensor:
        """Cut square fields of view, as :meth:`zoo_spatial.slides.pyramid.Pyramid.fields` does.

        Fields are read in an order in which neighbours share decoded tiles, and returned in the order of the centres.
        """
        level, scale = self._level(field_px / size)
        corners, side = geometry(centres_px, field_px, scale)
        order = level.order(corners, side) if isinstance(level, TileLevel | Halved) else None
        return cut(level, corners, side, size, order=order, release=self._release)

    def overview(self, size: int) -> torch.Tensor:
        """Return the whole image squeezed into uint8 [3, size, size]."""
        level, _ = self._level(min(self.shape) / size)
        small = small_whole(level, size, size)
        self._release()
        return torch.from_numpy(small).permute(2, 0, 1).contiguous()

    def thumbnail(self, longest: int) -> NDArray[np.uint8]:
        """Return the whole image in its proportions, uint8 [H, W, 3], its longer side at most ``longest``."""
        height, width = proportions(self.shape, longest)
        level, _ = self._level(max(self.shape) / max(height, width))
        small = small_whole(level, height, width)
        self._release()
        return small

    def _level(self, wanted: float) -> tuple[Level, float]:
        """Return the level whose pixels are at most ``wanted`` pixels of the image wide, and how wide they are."""
        number = max(n for n, scale in enumerate(self.scales) if n == 0 or scale <= wanted)
        level, scale = self.levels[number], self.scales[number]
        times = min(max(0, math.floor(math.log2(wanted / scale))), halvings(level.shape))
        if times == 0:
            return level, scale
        if times < (kept := _kept_from(level)):
            return Halved(level, times), scale * 2**times
        return ArrayLevel(self._reduced(number, kept).levels[times - kept]), scale * 2**times

    def _reduced(self, number: int, times: int) -> Pyramid:
        """Return the copies of a level that are kept, the first of them halved so many times."""
        if number not in self._kept:
            level = self.levels[number]

            def build(folder: Path) -> None:
                source = Halved(level, times)
                write_first(folder, (source.shape[1], source.shape[0]), strips_of(source, source.block[0]))
                write_others(folder)

            self._kept[number] = Pyramid(mapped(folder_for(self.path, f"{KEPT_VERSION}-{number}-{times}", build)))
        return self._kept[number]

    def _release(self) -> None:
        for kept in self._kept.values():
            for level in kept.levels:
                unmap(level)
        trim()


def _kept_from(level: TileLevel) -> int:
    """Return how often a level is halved before its copies are small enough to be kept."""
    pixels, times = level.shape[0] * level.shape[1], 1
    while times < MOST_HALVINGS and pixels >> (2 * times) > KEPT_PIXELS:
        times += 1
    return times
