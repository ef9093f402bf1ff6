"""``rotate``: turn images at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from zoo.nn.images import change_some, draw, map_images

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
        angles = (numbers * 2 - 1) * math.radians(self.degrees)
        return map_images(batch, lambda images: _turned(images, angles))


def _quarter_turns(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    for turn in range(1, QUARTERS):
        images = change_some(images, turns == turn, partial(torch.rot90, k=turn, dims=(2, 3)))
    return images


def _turned(images: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    angles = angles.to(images.device)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    ratio = images.shape[2] / images.shape[3]
    matrix = torch.stack([torch.stack([cos, -sin * ratio, zero], 1), torch.stack([sin / ratio, cos, zero], 1)], dim=1)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
