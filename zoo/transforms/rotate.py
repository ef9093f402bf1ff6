"""``rotate``: turn images at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from zoo.nn.images import change_some, draw, map_images
from zoo.nn.warp import inverse_matrices, warp

QUARTERS = 4


class Rotate:
    """Turn every item's images by a random angle about their centre.

    Parameters
    ----------
    degrees
        Turn by an angle drawn evenly from [-degrees, degrees], bilinear, corners filled with black as torchvision's
        ``RandomRotation`` does. Without it, turn by a random multiple of 90 degrees, which loses nothing.
    """

    def __init__(self, *, degrees: float | None = None) -> None:
        if degrees is not None and not 0 < degrees <= 180:  # noqa: PLR2004 - half a turn
            raise ValueError(f"degrees lies between 0 and 180, not {degrees}")
        self.degrees = degrees

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with turned images [B, C, H, W]."""
        numbers = draw(batch, generator, 1)[:, 0]
        if self.degrees is None:
            turns = (numbers * QUARTERS).long()
            return map_images(batch, lambda images: _quarter_turns(images, turns))
        angles = (1 - numbers * 2) * math.radians(self.degrees)
        inverse, shift = inverse_matrices(angles, torch.ones_like(angles), torch.zeros_like(angles)), torch.zeros(1, 2)
        return map_images(batch, lambda images: warp(images, inverse, shift))


def _quarter_turns(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    for turn in range(1, QUARTERS):
        images = change_some(images, turns == turn, partial(torch.rot90, k=turn, dims=(2, 3)))
    return images
