"""``affine``: turn, shift, zoom, shear, mirror and bend images at random, sampling them once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import Bend, Fill, between, change_chosen, inverse_matrices, once, probability, span, warp

COLUMNS = 8


class Affine:
    """Turn, shift, zoom, shear, mirror and bend every item's images by numbers of its own, all in one sampling.

    Published pipelines do so with several transforms, each of which samples what the one before has sampled: one map
    costs a fraction of the time and blurs once. Angles, shifts and zooms are those of torchvision's ``RandomAffine``
    (an image is mirrored, sheared along x, zoomed, turned, shifted, then bent as ``elastic`` does); sampling is
    bilinear.

    Parameters
    ----------
    degrees
        Turn by an angle drawn evenly from [-degrees, degrees].
    translate
        Shift along x and y by at most this share of the side, drawn evenly.
    scale
        Zoom by a factor drawn evenly from this range.
    shear
        Shear along x by an angle drawn evenly from [-shear, shear] degrees.
    flip
        Mirror left to right and top to bottom, each for half of the items.
    elastic_alpha, elastic_sigma
        ``alpha`` and ``sigma`` of ``elastic``; an alpha of 0 bends nothing.
    p
        Share of the items that are changed; the others stay as they are, to the last digit.
    fill
        What lies outside of an image: black (``zeros``), its ``border``, or its reflection (``reflect``).
    """

    def __init__(
        self,
        *,
        degrees: float = 0.0,
        translate: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
        flip: bool = False,
        elastic_alpha: float = 0.0,
        elastic_sigma: float = 6.0,
        p: float = 1.0,
        fill: Fill = "zeros",
    ) -> None:
        bounds = (("degrees", degrees, 180), ("translate", translate, 1), ("shear", shear, 80))
        for name, value, most in bounds:
            if not 0 <= value <= most:
                raise ValueError(f"{name} lies between 0 and {most}, not {value}")
        self.degrees, self.translate, self.shear = degrees, translate, shear
        self.scale = span("scale", scale, 0.01, 100)
        self.flip, self.fill, self.p = flip, fill, probability(p)
        self.bend = Bend.checked(elastic_alpha, elastic_sigma, "elastic_")

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with changed images [B, C, H, W]."""
        numbers = draw(batch, generator, COLUMNS)
        chosen = numbers[:, 0] < self.p
        inverse, shift = self._maps(numbers[chosen])
        noise = once(lambda size: self.bend.noise(len(inverse), size, generator))

        def move(images: torch.Tensor) -> torch.Tensor:
            displaced = noise(tuple(images.shape[2:])) if self.bend.alpha else None
            return warp(images, inverse, shift, displaced=displaced, sigma=self.bend.sigma, fill=self.fill)

        return map_images(batch, lambda images: change_chosen(images, chosen, move))

    def _maps(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        even = numbers * 2 - 1
        angle, slant = even[:, 1] * math.radians(self.degrees), even[:, 2] * math.radians(self.shear)
        inverse = inverse_matrices(angle, between(numbers[:, 3], self.scale), slant)
        if self.flip:
            inverse = inverse * torch.where(even[:, 6:8] < 0, -1.0, 1.0)[:, :, None]
        return inverse, even[:, 4:6] * self.translate
