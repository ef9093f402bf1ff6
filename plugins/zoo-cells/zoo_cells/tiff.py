"""TIFF files of fields: pages, samples or OME channels as planes; depth, time and cut files refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_cells.image_checks import MOST_CHANNELS, check_size, check_type, damaged, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFile

PAGE, FIELD, MOST_PAGES = 2, 3, 4096
COLOURS = {"MINISBLACK", "RGB", "YCBCR"}
SAMPLES = (3, 4)
OTHER_AXES = {"Z": "planes of depth", "T": "points in time", "R": "tiles", "P": "positions", "A": "angles"}


def look_tiff(path: Path) -> tuple[int, tuple[str, ...]]:
    """Return the number of channels, and their names where the file gives one to each."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        channels = _layout(path, tif)[1][0]
        names = tuple(_names(tif))
        return channels, names if len(names) == channels else ()


def read_tiff(path: Path) -> NDArray[Any]:
    """Return the pixels [C, H, W] in the file's own type."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        order, shape = _layout(path, tif)
        _refuse_cut(path, tif)
        if len(tif.series) > 1:
            return np.stack([one.asarray() for one in tif.series])
        whole = tif.series[0].asarray()
        single = [axis for axis in range(whole.ndim) if axis not in order]
        return np.ascontiguousarray(whole.transpose([*single, *order])).reshape(shape)


def _layout(path: Path, tif: TiffFile) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """Return the axes that make planes in the order of these, and the shape [C, H, W] that they make."""
    if not tif.series:
        raise damaged(path, "it has no image")
    _check_pages(path, tif)
    first = tif.series[0]
    if len(tif.series) > 1:
        return (0, 1, 2), _pages(path, tif)
    axes, shape = first.axes, [int(size) for size in first.shape]
    page = [axes.find("Y"), axes.find("X")]
    others = [place for place, size in enumerate(shape) if size > 1 and place not in page]
    deep = next((place for place in others if axes[place] in OTHER_AXES), None)
    if deep is not None:
        said = f"has {shape[deep]} {OTHER_AXES[axes[deep]]} (axes {axes}, {sizes(shape)})"
        raise DataError(f"{path}: {said}; save one plane of each channel, or a projection")
    if len(others) > 1 or min(page) < 0:
        said = f"has the axes {axes} of {sizes(shape)}, a field has channels, height and width"
        raise DataError(f"{path}: {said}; save each field to a file of its own")
    order = _turned([*others, *page], axes, shape)
    channels, height, width = ([] if others else [1]) + [shape[place] for place in order]
    check_size(path, channels, height, width)
    return tuple(order), (channels, height, width)


def _turned(order: list[int], axes: str, shape: list[int]) -> list[int]:
    """Return the order of axes, with channels last where a program with [H, W, 3] in its hands wrote rows as pages."""
    if len(order) == FIELD and axes[order[0]] not in "CS" and shape[order[0]] > MOST_CHANNELS:
        last = next((place for place in order[1:] if shape[place] in SAMPLES), None)
        if last is not None:
            return [last, *(place for place in order if place != last)]
    return order


def _pages(path: Path, tif: TiffFile) -> tuple[int, int, int]:
    """Return the shape of pages that were written one by one, all of one size."""
    first = tif.series[0]
    for number, page in enumerate(tif.series):
        if page.shape != first.shape or page.dtype != first.dtype or len(page.shape) != PAGE or tif.is_ome:
            raise DataError(
                f"{path}: holds {len(tif.series)} images, the first {sizes(first.shape)} {first.dtype}, number "
                f"{number + 1} {sizes(page.shape)} {page.dtype}; save one field to a file"
            )
    height, width = (int(size) for size in first.shape)
    check_size(path, len(tif.series), height, width)
    return len(tif.series), height, width


def _check_pages(path: Path, tif: TiffFile) -> None:
    import tifffile

    page = tif.pages.first
    check_type(path, str(np.dtype(tif.series[0].dtype)))
    if page.photometric.name not in COLOURS and not _is_ramp(page):
        said = f"its pixels are {page.photometric.name}, a channel is grey with 0 for black"
        raise DataError(f"{path}: {said}; save it as greyscale")
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError as error:
        said = f"is compressed with {page.compression.name}, which needs the package imagecodecs"
        raise MissingError(f"{path}: {said}; pip install imagecodecs, or save it uncompressed") from error


def _is_ramp(page: Any) -> bool:
    """Return whether a palette only says in which colour to show intensities: no colour falls as they rise."""
    colours = page.colormap if page.photometric.name == "PALETTE" else None
    return colours is not None and bool((np.diff(colours.astype(np.int64)) >= 0).all())


def _refuse_cut(path: Path, tif: TiffFile) -> None:
    """Refuse pages that are not wholly in the file: the decoder fills what is not there with zeros."""
    _walk(path, tif)
    end = tif.filehandle.size
    for series in tif.series:
        for page in series.pages:
            parts = list(zip(page.dataoffsets, page.databytecounts, strict=True)) if page is not None else []
            if not parts or any(count <= 0 or not 0 < offset <= end - count for offset, count in parts):
                raise damaged(path, "the file ends before its pixels do")


def _walk(path: Path, tif: TiffFile) -> None:
    """Go from page to page as the file chains them: the decoder takes a chain that is cut for one that ends."""
    form, file = tif.tiff, tif.filehandle
    place, pages = tif.pages.first.offset, 0
    while place:
        pages += 1
        if pages > MOST_PAGES:
            raise DataError(f"{path}: chains more than {MOST_PAGES} pages; save one field to a file")
        file.seek(min(place, file.size))
        entries = _number(path, file.read(form.tagnosize), form.tagnoformat)
        file.seek(min(place + form.tagnosize + entries * form.tagsize, file.size))
        place = _number(path, file.read(form.offsetsize), form.offsetformat)


def _number(path: Path, found: bytes, form: str) -> int:
    if len(found) < struct.calcsize(form):
        raise damaged(path, "the file ends before its last page")
    return int(struct.unpack(form, found)[0])


def _names(tif: TiffFile) -> list[str]:
    """Return what OME or ImageJ call the channels."""
    import tifffile

    if tif.is_ome:
        tree = tifffile.xml2dict(str(tif.ome_metadata))
        images = tree.get("OME", {}).get("Image", {})
        image = images[0] if isinstance(images, list) else images
        channels = image.get("Pixels", {}).get("Channel", [])
        channels = channels if isinstance(channels, list) else [channels]
        return [str(one.get("Name")) for one in channels if one.get("Name")]
    labels = (tif.imagej_metadata or {}).get("Labels") or ()
    return [str(label) for label in labels]
