"""``flip``: mirror images at random."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from zoo.nn.images import change_some, draw, map_images


class Flip:
    """Mirror every item's images left to right and (``vertical``) top to bottom, each with probability ``p``."""

    def __init__(self, *, p: float = 0.5, vertical: bool = True) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability between 0 and 1, not {p}")
        self.p = p
        self.dimensions = (3, 2) if vertical else (3,)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with mirrored images [B, C, H, W]."""
        chosen = draw(batch, generator, 2) < self.p

        def change(images: torch.Tensor) -> torch.Tensor:
            for column, dimension in enumerate(self.dimensions):
                images = change_some(images, chosen[:, column], partial(torch.flip, dims=(dimension,)))
            return images

        return map_images(batch, change)
