"""``erase``: cover a random rectangle of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import between, once, probability, span


class Erase:
    """Cover a rectangle of every item's images, in all channels (random erasing: Zhong et al. 2020, arXiv:1708.04896).

    Where the paper draws area and shape anew until the rectangle fits, the shape is drawn from those that fit.

    Parameters
    ----------
    p
        Share of the items that have a rectangle covered.
    scale
        Range of the share of the image that is covered, drawn evenly.
    ratio
        Range of height by width, drawn evenly in its logarithm.
    fill
        With what: black (``zero``), the mean of each channel (``mean``), or uniform ``noise`` in [0, 1].
    """

    def __init__(
        self,
        *,
        p: float = 0.3,
        scale: tuple[float, float] = (0.02, 0.15),
        ratio: tuple[float, float] = (0.3, 3.3),
        fill: Literal["zero", "mean", "noise"] = "zero",
    ) -> None:
        self.p, self.fill = probability(p), fill
        self.scale = span("scale", scale, 0, 1)
        self.ratio = span("ratio", ratio, 0.01, 100)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with images [B, C, H, W] that are partly covered."""
        numbers = draw(batch, generator, 5)
        chosen = numbers[:, 0] < self.p
        rows = chosen.nonzero()[:, 0]
        noise = once(lambda shape: torch.rand(len(rows), *shape, generator=generator))

        def cover(images: torch.Tensor) -> torch.Tensor:
            high, wide = self._rectangles(numbers, chosen, images.shape[2], images.shape[3])
            covered = (high.to(images)[:, :, None] * wide.to(images)[:, None])[:, None]
            out = images * (1 - covered)
            if self.fill != "zero":
                where = rows.to(images.device)
                value = _means(images[where]) if self.fill == "mean" else noise(tuple(images.shape[1:])).to(images)
                out.index_add_(0, where, covered[where] * value)
            return out

        return map_images(batch, cover)

    def _rectangles(
        self, numbers: torch.Tensor, chosen: torch.Tensor, high: int, wide: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return [B, H] and [B, W], true in the rows and in the columns of the rectangle of each item chosen."""
        area = between(numbers[:, 1], self.scale)
        low = (area * high / wide).clamp(min=self.ratio[0]).log()
        most = (high / wide / area.clamp(min=1e-9)).clamp(max=self.ratio[1]).log()
        ratio = (low + numbers[:, 2] * (most - low)).exp()
        height = (area * high * wide * ratio).sqrt().round().clamp(max=high)
        width = (area * high * wide / ratio).sqrt().round().clamp(max=wide)
        return _within(numbers[:, 3], height * chosen, high), _within(numbers[:, 4], width, wide)


def _within(number: torch.Tensor, length: torch.Tensor, side: int) -> torch.Tensor:
    """Return [B, side], true from a random start for so many pixels."""
    start = (number * (side - length + 1)).floor()
    places = torch.arange(side)
    return (places >= start[:, None]) & (places < (start + length)[:, None])


def _means(images: torch.Tensor) -> torch.Tensor:
    return images.mean(dim=(2, 3), keepdim=True)
