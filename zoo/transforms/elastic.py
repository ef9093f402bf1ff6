"""``elastic``: bend images at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import Bend, Fill, change_chosen, once, probability, warp


class Elastic:
    """Bend every item's images by a smooth random displacement of its own.

    It is torchvision's ``ElasticTransform``: uniform noise in [-1, 1] for each pixel and axis, blurred by a Gaussian,
    times ``alpha`` / side in a frame where a side counts 2 (after Simard et al. 2003,
    doi:10.1109/ICDAR.2003.1227801). On 224 pixels the defaults move a pixel by 0.8 pixels (standard deviation). Where
    images are turned or shifted as well, ``affine`` with ``elastic_alpha`` does both in one sampling.

    Parameters
    ----------
    alpha
        How far: the standard deviation in pixels is 0.081 alpha / sigma.
    sigma
        How smoothly, in pixels, at least 1.
    p
        Share of the items that are bent.
    fill
        What lies outside of an image: black (``zeros``), its ``border``, or its reflection (``reflect``).
    """

    def __init__(self, *, alpha: float = 60.0, sigma: float = 6.0, p: float = 1.0, fill: Fill = "zeros") -> None:
        self.bend = Bend.checked(alpha, sigma)
        self.p, self.fill = probability(p), fill

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with bent images [B, C, H, W]."""
        chosen = draw(batch, generator, 1)[:, 0] < self.p
        count = int(chosen.sum())
        noise = once(lambda shape: self.bend.noise(count, shape, generator))
        inverse, shift = torch.eye(2).repeat(count, 1, 1), torch.zeros(count, 2)

        def bent(images: torch.Tensor) -> torch.Tensor:
            displaced = noise(tuple(images.shape[2:]))
            return warp(images, inverse, shift, displaced=displaced, sigma=self.bend.sigma, fill=self.fill)

        return map_images(batch, lambda images: change_chosen(images, chosen, bent))
