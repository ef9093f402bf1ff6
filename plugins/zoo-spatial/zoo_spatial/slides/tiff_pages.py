"""Which page of a TIFF is the slide, which are its reduced copies, and whether their headers can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MOST_PAGES = 1000
MAX_TILED_PIXELS = 100_000_000_000
MAX_SIDE = 2_000_000
MAX_TILE_BYTES = 64 * 2**20
MAX_TILES = 4_000_000
RGB, YCBCR = 2, 6
JPEG, APERIO_YCBCR = 7, 33003
JPEG_2000 = (APERIO_YCBCR, 33004, 33005, 34712)
PLAIN = {1: "none", 5: "LZW", 8: "deflate", 32946: "deflate", 32773: "PackBits", 50000: "zstd", 34926: "zstd"}
COMPRESSIONS = {*PLAIN, JPEG, *JPEG_2000}
TILED_WAY = "save it tiled, for example with: vips tiffsave IN.tif OUT.tif --tile --pyramid --compression jpeg"


@dataclass(frozen=True, slots=True)
class Pages:
    """The slide's page and its reduced copies, finest first."""

    main: TiffPage
    reduced: tuple[TiffPage, ...]


def choose(path: Path, tif: TiffFile) -> Pages:
    """Choose the largest RGB image; its reduced copies are the smaller tiled RGB images of the same proportions.

    They are looked for among all pages and their SubIFDs, which takes in OME-TIFF, Aperio's SVS and plain pyramids
    alike; thumbnails, labels and macro photographs are left out because they are not tiled or not of the same
    proportions.

    Raises
    ------
    DataError
        There is no RGB image, or a larger one of another kind, or several of the same size (a stack).
    """
    first = list(tif.pages) if len(tif.pages) <= MOST_PAGES else []
    if not first:
        raise DataError(f"{path}: holds {len(tif.pages)} images, 1 to {MOST_PAGES} are taken; save the slide alone")
    pages = [page for top in first for page in (top, *(top.pages or ()))]
    colour = [page for page in pages if _is_colour(page)]
    largest = max(pages, key=_area)
    if not colour or _area(largest) > max(map(_area, colour)):
        raise DataError(_why_not(path, largest, sum(_size(page) == _size(largest) for page in pages)))
    main = max(colour, key=_area)
    same = sum(_size(page) == _size(main) for page in colour)
    if same > 1:
        raise DataError(
            f"{path}: holds {same} images of {_text(main)} pixels, a stack or a series; save the one in focus alone"
        )
    reduced = [page for page in colour if page is not main and page.is_tiled and _is_reduced(main, page)]
    return Pages(main, tuple(sorted(reduced, key=_area, reverse=True)))


def _size(page: TiffPage) -> tuple[int, int]:
    return int(page.imagelength), int(page.imagewidth)


def _area(page: TiffPage) -> int:
    return int(page.imagelength) * int(page.imagewidth)


def _text(page: TiffPage) -> str:
    return f"{page.imagewidth} x {page.imagelength}"


def _is_colour(page: TiffPage) -> bool:
    return (
        page.bitspersample == 8  # noqa: PLR2004 - 8-bit RGB
        and page.sampleformat == 1
        and page.samplesperpixel in {3, 4}
        and page.photometric in {RGB, YCBCR}
    )


def _is_reduced(main: TiffPage, page: TiffPage) -> bool:
    if not all(_size(page)) or page.subfiletype not in {0, 1}:
        return False
    high, wide = (whole / part for whole, part in zip(_size(main), _size(page), strict=True))
    rounding = max(high, wide) * (1 / min(_size(page)))  # one pixel more or less
    return min(high, wide) > 1.4 and abs(high - wide) <= rounding and scale_of(_size(main), _size(page)) > 1  # noqa: PLR2004


def scale_of(whole: tuple[int, int], part: tuple[int, int]) -> float:
    """Return the width of a reduced image's pixel in pixels of the whole; a whole number where rounding explains it."""
    ratio = (whole[0] / part[0] + whole[1] / part[1]) / 2
    near = round(ratio)
    explained = near > 0 and all(
        side // near <= size <= -(-side // near) for side, size in zip(whole, part, strict=True)
    )
    return float(near) if explained else ratio


def _why_not(path: Path, page: TiffPage, same: int) -> str:
    bits = page.bitspersample
    if isinstance(bits, int) and bits != 8 and page.samplesperpixel in {3, 4}:  # noqa: PLR2004 - 8-bit RGB
        return (
            f"{path}: has {bits} bits a channel, 8 are needed; scale it to 8-bit RGB "
            "(in Fiji: Image > Type > RGB Color) and save it"
        )
    kind = getattr(page.photometric, "name", page.photometric)
    channels = "1 channel" if page.samplesperpixel == 1 else f"{page.samplesperpixel} channels"
    more = f" in {same} pages (a stack, or fluorescence)" if same > 1 else ""
    return f"{path}: has {channels} ({kind}, {bits}-bit){more}, H&E needs RGB of 8 bits; save it as RGB"


def check(path: Path, page: TiffPage) -> None:
    """Refuse what a header claims beyond reason, and what cannot be decoded."""
    height, width = _size(page)
    if min(height, width) < 2:  # noqa: PLR2004 - nothing can be cut from a line
        raise DataError(f"{path}: has {_text(page)} pixels; a section needs at least 2 x 2")
    if height * width > MAX_TILED_PIXELS or max(height, width) > MAX_SIDE:
        raise DataError(
            f"{path}: claims {_text(page)} pixels, more than {MAX_TILED_PIXELS:,} in all or {MAX_SIDE:,} a side; "
            "crop or downsample it"
        )
    if page.imagedepth > 1 or page.tiledepth > 1:
        raise DataError(f"{path}: is a volume of {page.imagedepth} planes; save the one in focus alone")
    if page.compression not in COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise DataError(
            f"{path}: is compressed with {name}, which is not read; save it with JPEG, deflate, LZW or zstd"
        )
    if page.photometric == YCBCR and page.compression not in {JPEG, *JPEG_2000}:
        raise DataError(f"{path}: holds YCbCr outside of JPEG, which is not read; save it as RGB")


def tables(path: Path, page: TiffPage, needed: int, most_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where each tile or strip lies in the file and how long it is, checked against the file [needed]."""
    what = "tiles" if page.is_tiled else "strips"
    if len(page.dataoffsets) != needed or len(page.databytecounts) != needed:
        found = min(len(page.dataoffsets), len(page.databytecounts))
        raise DataError(f"{path}: {_text(page)} pixels need {needed} {what}, {found} are listed; save the file anew")
    offsets, lengths = (np.array(values, dtype=np.uint64) for values in (page.dataoffsets, page.databytecounts))
    end = path.stat().st_size
    beyond = (offsets > end) | (lengths > end) | (offsets + np.minimum(lengths, end) > end)
    if beyond.any():
        raise DataError(
            f"{path}: {int(beyond.sum())} of {needed} {what} lie beyond the end of the file at {end:,} bytes; "
            "it was cut short, copy it again"
        )
    if int(lengths.max()) > most_bytes:
        raise DataError(
            f"{path}: one of its {what} takes {int(lengths.max()):,} bytes where {most_bytes:,} are enough; "
            "save the file anew"
        )
    return offsets.astype(np.int64), lengths.astype(np.int64)
