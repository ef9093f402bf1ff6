"""``denoise``: smooth noise away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import map_images
from zoo.nn.reflect import reflected

WIDEST_PX = 32
PIXELS_ON_CPU, PIXELS_ON_DEVICE = 2**18, 2**25


class Denoise:
    """Smooth every channel with a Gaussian, the image being reflected at its border.

    The kernel is cut off at three standard deviations, and at no less than one pixel.

    Parameters
    ----------
    sigma
        Standard deviation in pixels; 0.8 is what OpenCV takes a kernel of 3 x 3 pixels for.

    Raises
    ------
    ValueError
        ``sigma`` is out of bounds.
    """

    def __init__(self, *, sigma: float = 0.8) -> None:
        if not 0 < sigma <= WIDEST_PX:
            raise ValueError(f"sigma is above 0 and at most {WIDEST_PX} pixels, not {sigma}")
        radius = max(1, round(3 * sigma))
        weights = [math.exp(-(distance**2) / (2 * sigma**2)) for distance in range(radius + 1)]
        total = 2 * math.fsum(weights) - weights[0]
        self.weights = [weight / total for weight in weights]  # of the pixel itself, and of those to either side

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the batch with smoothed images [B, C, H, W]."""
        return map_images(batch, self._smoothed)

    def _smoothed(self, images: torch.Tensor) -> torch.Tensor:
        planes = images.detach().flatten(0, 1).contiguous()
        if not planes.numel():
            return images
        radius, (height, width) = len(self.weights) - 1, planes.shape[1:]
        rows, columns = (_around(size, radius, images.device) for size in (height, width))
        smooth = torch.empty_like(planes)
        # sums of shifted images in parts that stay in the cache: several times as fast as a depthwise convolution
        budget = PIXELS_ON_CPU if planes.device.type == "cpu" else PIXELS_ON_DEVICE
        part = max(1, budget // (height * width))
        high = planes.new_empty(min(part, len(planes)), len(rows), width)
        wide = planes.new_empty(min(part, len(planes)), height, len(columns))
        for out, some in zip(torch.split(smooth, part), torch.split(planes, part), strict=True):
            tall, broad = high[: len(some)], wide[: len(some)]
            torch.index_select(some, 1, rows, out=tall)
            inner = broad.narrow(2, radius, width)
            self._sum(tall, 1, inner)
            for start in (0, radius + width):
                edge = inner.index_select(2, columns[start : start + radius])
                broad.narrow(2, start, radius).copy_(edge)
            self._sum(broad, 2, out)
        return smooth.view(images.shape)

    def _sum(self, padded: torch.Tensor, dimension: int, out: torch.Tensor) -> None:
        """Write the weighted sum of the shifted images; ``padded`` has the kernel's radius more on either side."""
        radius, size = len(self.weights) - 1, out.shape[dimension]
        torch.mul(padded.narrow(dimension, radius, size), self.weights[0], out=out)
        for distance, weight in enumerate(self.weights[1:], start=1):
            for start in (radius - distance, radius + distance):
                out.add_(padded.narrow(dimension, start, size), alpha=weight)


def _around(size: int, radius: int, device: torch.device) -> torch.Tensor:
    return reflected(torch.arange(-radius, size + radius, device=device), size)
