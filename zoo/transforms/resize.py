"""``resize``: bring images to one size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from zoo.nn.images import map_images

LARGEST_PX = 16384


class Resize:
    """Bring every image to one height and width, bilinear; where it becomes smaller, smoothed so that nothing aliases.

    No pixel leaves the range of the image it is made from.

    Parameters
    ----------
    size
        Height and width in pixels, or one number for both; what is not square is stretched.

    Raises
    ------
    ValueError
        ``size`` is out of bounds.
    """

    def __init__(self, *, size: int | tuple[int, int]) -> None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        if not all(1 <= side <= LARGEST_PX for side in sides):
            raise ValueError(f"size lies between 1 and {LARGEST_PX} pixels, not {size}")
        self.sides = sides

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the batch with images [B, C, height, width]."""
        return map_images(batch, self._resized)

    def _resized(self, images: torch.Tensor) -> torch.Tensor:
        if tuple(images.shape[2:]) == self.sides or not images.numel():
            return images.new_empty(*images.shape[:2], *self.sides) if not images.numel() else images
        sized = functional.interpolate(images, self.sides, mode="bilinear", antialias=True, align_corners=False)
        low, high = images.aminmax()  # weights that do not quite add up to one
        return sized.clamp_(low, high)
