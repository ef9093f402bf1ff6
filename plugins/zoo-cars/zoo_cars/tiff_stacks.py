"""TIFF files: stacks of many pages, and single pages."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from zoo.errors import DataError, MissingError, ZooError
from zoo_cars.stack_file import MOST_BANDS, StackFile, check_kind, checked_shape, damaged
from zoo_cars.tiff_facts import um_per_px_of, wavenumbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFile

PAGE = 2
BIGTIFF = 43


def open_tiff(path: Path) -> StackFile:
    """Look at a TIFF or OME-TIFF file whose pages, channels or samples are bands."""
    import tifffile

    try:
        _walk(path)
        with tifffile.TiffFile(path) as tif:
            axes, shape, place = _layout(path, tif)
            _check_pages(path, tif)
            others = [size for number, size in enumerate(shape) if number != place]
            checked = checked_shape(path, shape[place], others[0], others[1])
            found = wavenumbers_of(tif, checked[0])
            return StackFile(path, checked, lambda: _read(path, axes, place), found, um_per_px_of(tif))
    except ZooError:
        raise
    except Exception as error:  # struct, index, value errors: whatever a broken header leads to
        raise damaged(path, error) from error


def _layout(path: Path, tif: TiffFile) -> tuple[tuple[int, ...], tuple[int, int, int], int]:
    """Return which axes of the file are kept, their sizes, and which of the three kept is the bands."""
    first = tif.series[0]
    check_kind(path, np.dtype(first.dtype))
    if len(tif.series) > 1:
        return (0, 1, 2), _shape_of_pages(path, tif), 0
    sizes = list(zip(first.axes, first.shape, strict=True))
    kept = tuple(number for number, (name, size) in enumerate(sizes) if size > 1 or name in "YX")
    if len(kept) == PAGE:
        raise DataError(f"{path}: is one image of {_sizes(first.shape)}, not a stack; a stack has a page for each band")
    if len(kept) > PAGE + 1:
        raise DataError(
            f"{path}: has the axes {first.axes} of {_sizes(first.shape)}; a stack has one beside height and width, "
            "so save each field to a file of its own"
        )
    place = next(number for number, axis in enumerate(kept) if sizes[axis][0] not in "YX")
    one, two, three = (int(sizes[number][1]) for number in kept)
    return kept, (one, two, three), place


def _shape_of_pages(path: Path, tif: TiffFile) -> tuple[int, int, int]:
    """Return the shape of pages that were written one by one."""
    first = tif.series[0]
    if tif.is_ome:
        raise DataError(f"{path}: holds {len(tif.series)} images; save each field to a file of its own")
    for number, page in enumerate(tif.series):
        if page.shape != first.shape or page.dtype != first.dtype or len(page.shape) != PAGE:
            raise DataError(
                f"{path}: page {number} is {_sizes(page.shape)} {page.dtype}, the first {_sizes(first.shape)} "
                f"{first.dtype}; the pages of a stack have one size and type"
            )
    return len(tif.series), int(first.shape[0]), int(first.shape[1])


def _walk(path: Path) -> None:
    """Go from page to page as the file chains them: the decoder takes a chain that is cut for one that ends.

    Sizes of counts and offsets are those of TIFF 6.0, and of BigTIFF where its version is 43.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(start[:2])
        if order is None:
            raise DataError(f"{path}: does not begin as a TIFF file does; restore it from its source")
        big = struct.unpack(f"{order}H", start[2:4])[0] == BIGTIFF
        count, entry, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
        (place,) = struct.unpack(order + offset, start[8:16] if big else start[4:8])
        pages = 0
        while place:
            pages += 1
            if pages > MOST_BANDS:
                raise DataError(f"{path}: chains more than {MOST_BANDS} pages; is it one field's stack?")
            file.seek(min(place, size))
            (entries,) = struct.unpack(order + count, _exactly(path, file, struct.calcsize(count), pages))
            file.seek(min(file.tell() + entries * entry, size))
            (place,) = struct.unpack(order + offset, _exactly(path, file, struct.calcsize(offset), pages))


def _exactly(path: Path, file: BinaryIO, size: int, page: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise DataError(f"{path}: the file ends before its page {page - 1}, it was cut short; copy it anew")
    return found


def _check_pages(path: Path, tif: TiffFile) -> None:
    """Refuse colours, compression that cannot be read, and pages that are not wholly in the file."""
    for series in tif.series:
        keyframe = series.keyframe
        if keyframe.photometric.name != "MINISBLACK":
            raise DataError(f"{path}: its pages are {keyframe.photometric.name}, a band is grey; save greyscale pages")
        for number, page in enumerate(series.pages):
            if page is None or not is_whole(page):
                raise DataError(f"{path}: page {number} is not wholly in the file, it was cut short; copy it anew")
    _check_compression(path, tif)


def is_whole(page: Any) -> bool:
    """Return whether all of a page lies in the file; the decoder fills what is not there with zeros."""
    size = page.parent.filehandle.size
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    return bool(parts) and all(count > 0 and 0 < offset <= size - count for offset, count in parts)


def _check_compression(path: Path, tif: TiffFile) -> None:
    import tifffile

    kind = tif.pages.first.compression
    try:
        tifffile.TIFF.DECOMPRESSORS[kind]
    except KeyError as error:
        raise MissingError(
            f"{path}: is compressed with {kind.name}, which needs the package imagecodecs; pip install imagecodecs, "
            "or save it uncompressed"
        ) from error


def _read(path: Path, axes: tuple[int, ...], place: int) -> NDArray[Any]:
    import tifffile

    with tifffile.TiffFile(path) as tif:
        if len(tif.series) > 1:
            return np.stack([series.asarray() for series in tif.series])
        whole = tif.series[0].asarray()
        return np.moveaxis(whole.reshape([whole.shape[number] for number in axes]), place, 0)


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
