"""A stained image that fields of view are cut from, however it is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


class Slide(Protocol):
    """An RGB image of a section; never held in memory as a whole where it is large."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""

    @property
    def um_per_px(self) -> float | None:
        """Size of a pixel in micrometres as the file states it; None where it does not."""

    def fields(self, centres_px: NDArray[np.float32], field_px: float, size: int) -> torch.Tensor:
        """Cut square fields of view of ``field_px`` around centres [n, 2], uint8 [n, 3, size, size]."""

    def overview(self, size: int) -> torch.Tensor:
        """Return the whole image squeezed into uint8 [3, size, size]."""

    def thumbnail(self, longest: int) -> NDArray[np.uint8]:
        """Return the whole image in its proportions, uint8 [H, W, 3], its longer side at most ``longest``."""


def open_slide(path: Path) -> Slide:
    """Open an image file as a slide.

    A TIFF in tiles (BigTIFF, OME-TIFF, SVS, pyramids) is read where it is looked at and never as a whole. A TIFF in
    strips, a JPEG or a PNG is decoded once into a memory-mapped pyramid in ``ZOO_HOME``.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be decoded, is not 8-bit RGB, or is larger than is taken.
    """
    from zoo_spatial.slides.pyramid import open_image
    from zoo_spatial.slides.tiff_slide import is_tiff, open_tiff

    return open_tiff(path) if is_tiff(path) else open_image(path)
