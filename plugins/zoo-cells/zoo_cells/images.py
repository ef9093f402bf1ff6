"""Image files of fields: TIFF and PNG, looked at before they are decoded, as planes [C, H, W]."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.errors import DataError, MissingError, ZooError
from zoo_cells.image_checks import check_size, damaged
from zoo_cells.tiff import look_tiff, read_tiff

if TYPE_CHECKING:
    from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
PNG_KINDS = {0: "grey", 2: "RGB", 6: "RGBA"}
PNG_SAMPLES = {0: 1, 2: 3, 6: 4}
DEEP = 16


class Look(NamedTuple):
    """What a file holds, without its pixels; ``names`` of its channels where it gives them."""

    channels: int
    names: tuple[str, ...]


def look(path: Path) -> Look:
    """Return how many channels a file has, and what it calls them.

    Raises
    ------
    MissingError
        The file is not there, or is compressed with what only another package reads.
    DamagedError
        The file cannot be read.
    DataError
        It is no image that can be a field: moving, deep, of other types, or beyond any camera.
    """
    if path.suffix.lower() == ".png":
        return Look(PNG_SAMPLES[_png(path)[2]], ())
    channels, names = _guarded(path, look_tiff)
    return Look(channels, names)


def read_planes(path: Path) -> NDArray[Any]:
    """Return the pixels of a file [C, H, W]: uint8, uint16, or float32 in [0, 1]; raises as :func:`look` does."""
    if path.suffix.lower() == ".png":
        return _read_png(path)
    planes: NDArray[Any] = _guarded(path, read_tiff)
    return _usable(path, planes)


def _guarded(path: Path, read: Any) -> Any:
    try:
        return read(path)
    except ZooError:
        raise
    except FileNotFoundError as error:
        raise MissingError(f"{path}: is not there any more; restore it, or leave it out of the table") from error
    except Exception as error:  # struct, index, value, zlib errors: whatever a broken file leads to
        raise damaged(path, error) from error


def _usable(path: Path, planes: NDArray[Any]) -> NDArray[Any]:
    """Return planes in the machine's byte order; floating point only where it lies in [0, 1]."""
    kind = planes.dtype.newbyteorder("=")
    if kind.kind != "f":
        return planes.astype(kind, copy=False)
    low, high = float(planes.min()), float(planes.max())
    if not (low >= 0 and high <= 1):  # not a number is neither
        said = f"has floating-point values from {low:g} to {high:g}, 0 to 1 are needed"
        raise DataError(f"{path}: {said}; save it as uint16, or divide it by the brightest value of the camera")
    return planes.astype(np.float32)


def _png(path: Path) -> tuple[int, int, int, int]:
    """Return height, width, kind of colour and bits of a PNG file, from its first chunk (ISO/IEC 15948, 11.2.2)."""
    try:
        with path.open("rb") as file:
            start = file.read(8192)
    except FileNotFoundError as error:
        raise MissingError(f"{path}: is not there any more; restore it, or leave it out of the table") from error
    if len(start) < 33 or start[:8] != PNG or start[12:16] != b"IHDR":  # noqa: PLR2004 - signature and first chunk
        raise damaged(path, "it does not begin as a PNG file does")
    width, height, bits, colour = struct.unpack(">IIBB", start[16:26])
    if b"acTL" in start:
        raise DataError(f"{path}: is an animated PNG; save the one image of the field")
    # the decoder would turn 16 bits of colour into 8 without a word, and palettes into numbers of colours
    if colour not in PNG_KINDS or bits not in (8, DEEP) or (bits == DEEP and colour):
        said = f"is a PNG of colour type {colour} with {bits} bits; grey of 8 or 16 bits and RGB of 8 are read"
        raise DataError(f"{path}: {said}, save it as one of these or as TIFF")
    check_size(path, PNG_SAMPLES[colour], height, width)
    return height, width, colour, bits


def _read_png(path: Path) -> NDArray[Any]:
    from PIL import Image

    _, _, colour, bits = _png(path)

    def read(path: Path) -> NDArray[Any]:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image)

    values: NDArray[Any] = _guarded(path, read)
    values = values.astype(np.uint16 if bits == DEEP else np.uint8)
    return np.ascontiguousarray(np.moveaxis(values, -1, 0)) if colour else values[None]
