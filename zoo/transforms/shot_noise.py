"""``shot-noise``: the noise of counted photons and of a camera's readout, at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import between, change_chosen, once, probability, span

MOST_PHOTONS = 1e6


class ShotNoise:
    """Add to every pixel x a normal error of variance ``x / photons + readout^2``, into [0, 1].

    Photons that a pixel counts scatter by the square root of their number, so that bright places are noisier, and dim
    fields relatively so. The counts are those of a Poisson distribution, for which a normal one of the same variance
    stands in: near from ten photons on, and it can be drawn alike on every device. A model that is to read fields of
    short exposures learns from those of long ones.

    Parameters
    ----------
    photons
        Range of the photons that white stands for, drawn evenly in its logarithm for each item.
    readout
        Standard deviation that is there without any light, where white is 1.
    p
        Share of the items that are changed.

    Raises
    ------
    ValueError
        A number lies out of its bounds.

    References
    ----------
    Foi et al., IEEE Transactions on Image Processing 2008, doi:10.1109/TIP.2008.2001399.
    """

    def __init__(self, *, photons: tuple[float, float] = (50.0, 1000.0), readout: float = 0.0, p: float = 0.5) -> None:
        low, high = span("photons", photons, 1.0, MOST_PHOTONS)
        if not 0 <= readout <= 1:
            raise ValueError(f"readout lies between 0 and 1, not {readout}")
        self.log_photons = (math.log(low), math.log(high))
        self.readout, self.p = readout, probability(p)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with noisier images [B, C, H, W] in [0, 1]."""
        numbers = draw(batch, generator, 2)
        chosen = numbers[:, 0] < self.p
        photons = between(numbers[chosen, 1], self.log_photons).exp()
        errors = once(lambda shape: torch.randn(shape, generator=generator))

        def noisy(images: torch.Tensor) -> torch.Tensor:
            error = errors(tuple(images.shape)).to(images)
            variance = images.clamp(min=0) / photons.to(images)[:, None, None, None] + self.readout**2
            return (images + variance.sqrt() * error).clamp(0, 1)

        return map_images(batch, lambda images: change_chosen(images, chosen, noisy))
