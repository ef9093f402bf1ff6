"""A section's image as a pyramid of halved copies, and fields of view cut from it.

A field of view of any width is cut from the level at which it has about the pixels that are wanted, so a neighbourhood
costs no more to read than a patch. Large images are decoded once into memory-mapped files; a section in use occupies
the pages that are touched and no more.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.errors import DataError
from zoo_spatial.cache import folder_for
from zoo_spatial.slides.fields import cut, geometry, proportions, resized, small_whole
from zoo_spatial.slides.levels import STRIP, ArrayLevel, halved, halvings, mapped, unmap, write_first, write_others
from zoo_spatial.slides.rgb import on_white

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MAX_PIXELS = 2_000_000_000
VERSION = "pyramid-1"
FORMATS = ("JPEG", "PNG", "BMP", "JPEG2000")  # Pillow knows others, some of which start programs
_GUARD = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Levels of an RGB image, each half as wide as the one before.

    Attributes
    ----------
    levels
        Arrays [H, W, 3] of uint8; level 0 is the image itself.
    um_per_px
        Size of a pixel of the image in micrometres; None where its file does not say.
    """

    levels: tuple[NDArray[np.uint8], ...]
    um_per_px: float | None = None

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
        number = min(max(0, math.floor(math.log2(field_px / size))), len(self.levels) - 1)
        corners, side = geometry(centres_px, field_px, 2**number)
        return cut(ArrayLevel(self.levels[number]), corners, side, size, release=self._release)

    def overview(self, size: int) -> torch.Tensor:
        """Return the whole image squeezed into uint8 [3, size, size]."""
        level = np.array(self._smallest(lambda shape: min(shape) >= size))  # a copy: the map is read-only
        self._release()
        return resized(torch.from_numpy(level).permute(2, 0, 1)[None], size)[0].contiguous()

    def thumbnail(self, longest: int) -> NDArray[np.uint8]:
        """Return the whole image in its proportions, uint8 [H, W, 3], its longer side at most ``longest``."""
        height, width = proportions(self.shape, longest)
        small = small_whole(ArrayLevel(self._smallest(lambda shape: max(shape) >= max(height, width))), height, width)
        self._release()
        return small

    def _smallest(self, enough: Callable[[tuple[int, ...]], bool]) -> NDArray[np.uint8]:
        fitting = [level for level in self.levels if enough(level.shape[:2])]
        return fitting[-1] if fitting else self.levels[0]

    def _release(self) -> None:
        for level in self.levels:
            unmap(level)


def from_array(image: NDArray[np.uint8], um_per_px: float | None = None) -> Pyramid:
    """Return the pyramid of an image [H, W, 3] held in memory."""
    levels = [image]
    for _ in range(halvings(image.shape)):
        levels.append(halved(levels[-1]))
    return Pyramid(tuple(levels), um_per_px)


def open_image(path: Path) -> Pyramid:
    """Open a JPEG, PNG or other plain image, decoding it on first use into a memory-mapped cache.

    Such files do not say how large a pixel is: their dots per inch are for printers.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be decoded, is not RGB, or is larger than this reader takes.
    """
    return Pyramid(mapped(folder_for(path, VERSION, lambda temporary: _decode(path, temporary))))


def _decode(path: Path, folder: Path) -> None:
    _write_whole(path, folder)  # a function of its own, so that the decoded image is gone before the rest is made
    write_others(folder)


def _write_whole(path: Path, folder: Path) -> None:
    """Decode the image into level 0, turning whatever a decoder raises into one sentence."""
    from PIL import Image, UnidentifiedImageError

    damaged = f"{path}: the image is damaged ({{}}); restore it from its source"
    with _own_size_guard():
        try:
            with Image.open(path, formats=FORMATS) as image:
                _check(path, image)
                write_first(folder, image.size, _strips_of_image(image))
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
    if image.mode not in {"RGB", "RGBA"}:
        bands = len(image.getbands())
        plural = "channel" if bands == 1 else "channels"
        raise DataError(f"{path}: has {bands} {plural} (mode {image.mode}), H&E needs 3; save it as RGB")
    if min(width, height) < 2:  # noqa: PLR2004 - nothing can be cut from a line
        raise DataError(f"{path}: has {width} x {height} pixels; a section needs at least 2 x 2")


def _strips_of_image(image: Image.Image) -> Iterator[NDArray[np.uint8]]:
    width, height = image.size
    for top in range(0, height, STRIP):
        yield on_white(np.asarray(image.crop((0, top, width, min(top + STRIP, height)))))
