"""``blur``: blur images at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import between, blurred, change_chosen, probability, span

CUT = 3.0  # sigmas after which a Gaussian is cut off
MOST = 50.0


class Blur:
    """Blur every item's images by a Gaussian of a width of its own, as torchvision's ``GaussianBlur``.

    Borders are reflected.

    Parameters
    ----------
    sigma
        Range in pixels from which the width is drawn evenly.
    size
        Taps of the Gaussian along a side, an odd number (published pipelines often say 3). Without it, as many as
        reach to three times the largest sigma.
    p
        Share of the items that are blurred.
    """

    def __init__(self, *, sigma: tuple[float, float] = (0.1, 1.0), size: int | None = None, p: float = 0.5) -> None:
        self.sigma = span("sigma", sigma, 0.01, MOST)
        if size is not None and not (size % 2 and 1 <= size <= 2 * CUT * MOST):
            raise ValueError(f"size is an odd number of pixels between 1 and {2 * CUT * MOST:g}, not {size}")
        self.radius = math.ceil(CUT * sigma[1]) if size is None else size // 2
        self.p = probability(p)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with blurred images [B, C, H, W]."""
        numbers = draw(batch, generator, 2)
        chosen = numbers[:, 0] < self.p
        sigma = between(numbers[chosen, 1], self.sigma)
        return map_images(
            batch, lambda images: change_chosen(images, chosen, lambda some: blurred(some, sigma, self.radius))
        )
