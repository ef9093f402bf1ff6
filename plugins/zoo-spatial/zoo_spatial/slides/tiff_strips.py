"""A TIFF in strips: decoded from top to bottom, once, into the memory-mapped pyramid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.cache import folder_for
from zoo_spatial.slides.levels import STRIP, mapped, write_first, write_others
from zoo_spatial.slides.pyramid import MAX_PIXELS
from zoo_spatial.slides.tiff_pages import TILED_WAY, check
from zoo_spatial.slides.tiff_segments import Segments, SlideFile

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffPage

VERSION = "strips-1"
MAX_STRIP_BYTES = 256 * 2**20
BAND_BYTES = 16 * 2**20


def open_strips(file: SlideFile, page: TiffPage) -> tuple[NDArray[np.uint8], ...]:
    """Return the levels of an image in strips.

    A strip is the least that can be decoded, so one that holds a huge image as a whole is refused; rows of an
    uncompressed image are read from wherever they lie, however it is cut.

    Raises
    ------
    DataError
        The image or one compressed strip is too large, or the header is not to be believed.
    """
    check(file.path, page)
    height, width, samples = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    rows = max(1, min(int(page.rowsperstrip), height))
    if height * width > MAX_PIXELS:
        raise DataError(f"{file.path}: has {width} x {height} pixels in strips, more than {MAX_PIXELS:,}; {TILED_WAY}")
    plain = page.compression == 1 and page.predictor == 1 and page.fillorder == 1
    if not plain and rows * width * samples > MAX_STRIP_BYTES:
        raise DataError(
            f"{file.path}: one compressed strip holds {width} x {rows} pixels, more than "
            f"{MAX_STRIP_BYTES // 2**20} MB; {TILED_WAY}"
        )
    segments = Segments(file, page, (rows, width))
    bands = _plain(segments, height) if plain else _decoded(segments, height)

    def build(folder: Path) -> None:
        write_first(folder, (width, height), bands)
        write_others(folder)

    return mapped(folder_for(file.path, VERSION, build))


def _decoded(segments: Segments, height: int) -> Iterator[NDArray[np.uint8]]:
    rows = segments.shape[0]
    for number in range(segments.grid[0]):
        yield segments.rgb(number, 0)[: height - number * rows]


def _plain(segments: Segments, height: int) -> Iterator[NDArray[np.uint8]]:
    """Read rows of uncompressed strips, a band at a time."""
    rows, width = segments.shape
    samples = segments.samples // segments.planes
    most = min(STRIP, max(1, BAND_BYTES // (width * segments.samples)))
    for number in range(segments.grid[0]):
        inside = min(rows, height - number * rows)
        for first in range(0, inside, most):
            count = min(most, inside - first)
            planes = [
                np.frombuffer(segments.raw(number, plane, first * width * samples, count * width * samples), np.uint8)
                for plane in range(segments.planes)
            ]
            yield segments.as_rgb(np.concatenate([one.reshape(count, width, samples) for one in planes], axis=-1))
