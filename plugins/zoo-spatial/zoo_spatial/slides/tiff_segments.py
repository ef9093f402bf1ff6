"""Tiles and strips of a TIFF, read from the open file and decoded one at a time."""

from __future__ import annotations

import os
import struct
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.slides.rgb import WHITE, from_ycbcr, on_white
from zoo_spatial.slides.tiff_pages import APERIO_YCBCR, JPEG, JPEG_2000, tables

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffPage

ASSOCIATED, UNASSOCIATED = 1, 2
SLACK = 2**16
RGB_SAMPLES = 3
FAILURES = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RuntimeError, AssertionError)
DAMAGE = (*FAILURES, struct.error, MemoryError, EOFError)
"""What tifffile and imagecodecs raise over files that are not what they claim."""


class SlideFile:
    """A file that several threads read from, closed when nothing needs it any more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._handle)

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at a place; fewer than asked for are damage."""
        found = os.pread(self._handle, length, offset)
        if len(found) < length:
            raise DataError(f"{self.path}: ends before byte {offset + length:,}; it was cut short, copy it again")
        return found


class Segments:
    """The tiles or strips of one page as RGB.

    Parameters
    ----------
    file
        The open file.
    page
        The page, checked; what is needed of it is read now, and the file that it came from may be closed.
    shape
        Height and width of a full segment.

    Raises
    ------
    DataError
        The table of segments is not to be believed.
    """

    def __init__(self, file: SlideFile, page: TiffPage, shape: tuple[int, int]) -> None:
        self.file, self.shape = file, shape
        self.grid = (-(-page.imagelength // shape[0]), -(-page.imagewidth // shape[1]))
        self.samples = int(page.samplesperpixel)
        self.planes = 1 if page.planarconfig == 1 else self.samples
        most = shape[0] * shape[1] * self.samples
        needed = self.grid[0] * self.grid[1] * self.planes
        self.offsets, self.lengths = tables(file.path, page, needed, 2 * most + SLACK)
        self._what = "tile" if page.is_tiled else "strip"
        self._compression = int(page.compression)
        self._alpha = int(page.extrasamples[0]) if self.samples > RGB_SAMPLES and page.extrasamples else 0
        self._decode = page.decode
        jpeg = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        self._tables = jpeg if self._compression == JPEG else {}

    def rgb(self, row: int, column: int) -> NDArray[np.uint8]:
        """Return one segment [h, w, 3]; one that the file leaves out is white, as glass is."""
        each = self.grid[0] * self.grid[1]
        number = row * self.grid[1] + column
        parts = [self._one(number + plane * each) for plane in range(self.planes)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return np.full((*self.shape, 3), WHITE, dtype=np.uint8)
        return self.as_rgb(found[0] if self.planes == 1 else np.concatenate(found, axis=-1))

    def raw(self, number: int, plane: int, start: int, length: int) -> bytes:
        """Return bytes of an uncompressed strip, counted from its start."""
        place = number + plane * self.grid[0] * self.grid[1]
        if start + length > int(self.lengths[place]):
            raise DataError(
                f"{self.file.path}: strip {place} is shorter than its rows; restore the file from its source"
            )
        return self.file.read(int(self.offsets[place]) + start, length)

    def as_rgb(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn decoded pixels [h, w, 3 or 4] into RGB."""
        if (
            self._compression == APERIO_YCBCR
        ):  # whatever the header says: Aperio's scanners transform before they encode
            return from_ycbcr(pixels[..., :3])
        if self._alpha in {ASSOCIATED, UNASSOCIATED}:
            pixels = on_white(pixels, premultiplied=self._alpha == ASSOCIATED)
        return np.ascontiguousarray(pixels[..., :3])

    def _one(self, number: int) -> NDArray[np.uint8] | None:
        """Decode one segment of one plane, or None where it is left out."""
        offset, length = int(self.offsets[number]), int(self.lengths[number])
        if offset == 0 or length == 0:
            return None
        data = self.file.read(offset, length)
        try:
            self._believe(data)
            pixels = self._decode(data, number, **self._tables)[0]
        except DAMAGE as error:
            said = " ".join(str(error).split())[:120] or type(error).__name__
            raise DataError(
                f"{self.file.path}: {self._what} {number} is damaged ({said}); restore the file from its source"
            ) from error
        found: NDArray[np.uint8] = pixels[0]
        return found

    def _believe(self, data: bytes) -> None:
        """Refuse a stream that claims to hold far more than a segment, before a decoder makes room for it."""
        stated = None
        if self._compression == JPEG:
            stated = jpeg_sides(data)
        elif self._compression in JPEG_2000:
            stated = jpeg_2000_sides(data)
        if stated and stated[0] * stated[1] > 4 * self.shape[0] * self.shape[1]:
            raise ValueError(
                f"it claims {stated[1]} x {stated[0]} pixels, a tile has {self.shape[1]} x {self.shape[0]}"
            )


def jpeg_sides(data: bytes) -> tuple[int, int] | None:
    """Return height and width from a JPEG stream's start of frame (ITU-T T.81, B.2.2); None where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:  # noqa: PLR2004 - every marker begins so
        kind = data[place + 1]
        if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:  # noqa: PLR2004 - tables, not frames
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return height, width
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def jpeg_2000_sides(data: bytes) -> tuple[int, int] | None:
    """Return height and width from a codestream's SIZ segment (ITU-T T.800, A.5.1); None where there is none."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 24:
        return None
    right, bottom, left, top = struct.unpack(">IIII", data[start + 8 : start + 24])
    return bottom - top, right - left
