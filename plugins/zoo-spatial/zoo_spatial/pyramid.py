"""A section's image as a pyramid of halved copies, and fields of view cut from it.

A field of view of any width is cut from the level at which it has about the pixels that are wanted, so a neighbourhood
costs no more to read than a patch. Large images are decoded once into memory-mapped files; a section in use occupies
the pages that are touched and no more.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from zoo.errors import DataError
from zoo_spatial.cache import folder_for

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MAX_PIXELS = 2_000_000_000
SMALLEST_SIDE = 256
STRIP = 512
VERSION = "pyramid-1"
_GUARD = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Levels of an RGB image, each half as wide as the one before.

    Attributes
    ----------
    levels
        Arrays [H, W, 3] of uint8; level 0 is the image itself.
    """

    levels: tuple[NDArray[np.uint8], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.levels[0].shape[0], self.levels[0].shape[1]

    def fields(self, centres_px: NDArray[np.float32], field_px: float, size: int) -> torch.Tensor:
        """Cut square fields of view.

        Parameters
        ----------
        centres_px
            x and y of the centres, in pixels of the image [n, 2].
        field_px
            Side of a field in pixels of the image.
        size
            Side of what is returned in pixels.

        Returns
        -------
        uint8 [n, 3, size, size], channels last in memory. Where a field reaches over the edge, the edge is repeated.
        """
        level = min(max(0, math.floor(math.log2(field_px / size))), len(self.levels) - 1)
        side = max(1, round(field_px / 2**level))
        cut = np.empty((len(centres_px), side, side, 3), dtype=np.uint8)
        corners = np.floor(centres_px / 2**level - side / 2 + (0.5 if side % 2 else 0)).astype(np.int64)
        for place, (x, y) in zip(cut, corners, strict=True):
            _copy_window(self.levels[level], x, y, place)
        self._release()
        fields = torch.from_numpy(cut).permute(0, 3, 1, 2)
        return fields if side == size else resized(fields, size)

    def overview(self, size: int) -> torch.Tensor:
        """Return the whole image squeezed into uint8 [3, size, size]."""
        sides = [min(level.shape[:2]) for level in self.levels]
        fitting = [number for number, side in enumerate(sides) if side >= size]
        level = np.array(self.levels[fitting[-1] if fitting else 0])  # a copy: the map is read-only
        self._release()
        return resized(torch.from_numpy(level).permute(2, 0, 1)[None], size)[0].contiguous()

    def _release(self) -> None:
        for level in self.levels:
            _unmap(level)


def _unmap(level: NDArray[np.uint8]) -> None:
    """Give mapped pages back; they stay in the system's cache, but no longer count as this process's memory."""
    if isinstance(level.base, mmap.mmap):
        level.base.madvise(mmap.MADV_DONTNEED)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """Return uint8 images [n, 3, H, W] resized to [n, 3, size, size], bilinear with anti-aliasing."""
    scaled = functional.interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).to(torch.uint8)


def _copy_window(level: NDArray[np.uint8], x: int, y: int, out: NDArray[np.uint8]) -> None:
    side, (height, width) = len(out), level.shape[:2]
    if 0 <= x <= width - side and 0 <= y <= height - side:
        out[:] = level[y : y + side, x : x + side]
        return
    rows = np.clip(np.arange(y, y + side), 0, height - 1)
    columns = np.clip(np.arange(x, x + side), 0, width - 1)
    out[:] = level[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][np.ix_(rows - rows[0], columns - columns[0])]


def from_array(image: NDArray[np.uint8]) -> Pyramid:
    """Return the pyramid of an image [H, W, 3] held in memory."""
    levels = [image]
    while min(levels[-1].shape[:2]) >= 2 * SMALLEST_SIDE:
        levels.append(_halved(levels[-1]))
    return Pyramid(tuple(levels))


def open_image(path: Path) -> Pyramid:
    """Open an image file, decoding it on first use into a memory-mapped cache.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be decoded, is not RGB, or is larger than this reader takes.
    """
    folder = folder_for(path, VERSION, lambda temporary: _decode(path, temporary))
    files = sorted(folder.glob("level*.npy"))
    return Pyramid(tuple(np.load(file, mmap_mode="r") for file in files))


def _decode(path: Path, folder: Path) -> None:
    _write_whole(path, folder)  # a function of its own, so that the decoded image is gone before the rest is made
    number, level = 0, np.load(folder / "level0.npy", mmap_mode="r")
    while min(level.shape[:2]) >= 2 * SMALLEST_SIDE:
        number += 1
        size = (level.shape[1] // 2, level.shape[0] // 2)
        _write_level(folder, number, size, _strips_of_half(level))
        level = np.load(folder / f"level{number}.npy", mmap_mode="r")


def _write_whole(path: Path, folder: Path) -> None:
    """Decode the image into level 0, turning whatever a decoder raises into one sentence."""
    from PIL import Image, UnidentifiedImageError

    damaged = f"{path}: the image is damaged ({{}}); restore it from its source"
    with _own_size_guard():
        try:
            with Image.open(path) as image:
                _check(path, image)
                _write_level(folder, 0, image.size, _strips_of_image(image))
        except UnidentifiedImageError as error:
            raise DataError(f"{path}: is no image that can be decoded; open it elsewhere and save it as RGB") from error
        except (SyntaxError, ValueError) as error:
            raise DataError(damaged.format(error)) from error
        except OSError as error:
            if error.errno is not None:  # the disk's business, not the decoder's
                raise
            raise DataError(damaged.format(error)) from error


@contextmanager
def _own_size_guard() -> Iterator[None]:
    """Lift Pillow's guard against huge images, which sections of tissue are, in favour of a bound of our own."""
    from PIL import Image

    with _GUARD:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{path}: has {width} x {height} pixels, more than {MAX_PIXELS:,}; crop or downsample it")
    if image.mode != "RGB":
        bands = len(image.getbands())
        plural = "channel" if bands == 1 else "channels"
        raise DataError(f"{path}: has {bands} {plural} (mode {image.mode}), H&E needs 3; save it as RGB")
    if min(width, height) < 2:  # noqa: PLR2004 - nothing can be cut from a line
        raise DataError(f"{path}: has {width} x {height} pixels; a section needs at least 2 x 2")


def _strips_of_image(image: Image.Image) -> Iterator[NDArray[np.uint8]]:
    width, height = image.size
    for top in range(0, height, STRIP):
        yield np.asarray(image.crop((0, top, width, min(top + STRIP, height))))


def _strips_of_half(level: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for top in range(0, level.shape[0] // 2 * 2, STRIP):
        yield _halved(level[top : min(top + STRIP, level.shape[0] // 2 * 2)])
        _unmap(level)


def _halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even = image[:height, :width].astype(np.uint16)
    rows = even[0::2] + even[1::2]
    half: NDArray[np.uint8] = ((rows[:, 0::2] + rows[:, 1::2] + 2) // 4).astype(np.uint8)
    return half


def _write_level(folder: Path, number: int, size: tuple[int, int], strips: Iterator[NDArray[np.uint8]]) -> None:
    """Write strips as one ``.npy``; plain writes, because a mapped file on a full disk kills the process."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (size[1], size[0], 3)}
    with (folder / f"level{number}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for strip in strips:
            file.write(np.ascontiguousarray(strip).data)
