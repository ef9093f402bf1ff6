"""``channel-jitter``: change brightness, contrast and gamma of every channel at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images
from zoo.nn.warp import change_chosen, once, parts, probability


class ChannelJitter:
    """Change brightness, contrast and gamma of every channel of every item by factors of its own, into [0, 1].

    The channels of a fluorescence image are separate exposures, so each has factors of its own, drawn evenly from
    [1 - x, 1 + x]. Values are first raised to the power ``gamma``, then multiplied (``brightness``), then drawn from or
    to the channel's mean (``contrast``). The last two are one multiplication and one addition, with one clamp at the
    end.

    Parameters
    ----------
    brightness, contrast, gamma
        The half-width x of each range; 0 switches one off.
    p
        Share of the items that are changed.
    """

    def __init__(self, *, brightness: float = 0.0, contrast: float = 0.0, gamma: float = 0.0, p: float = 1.0) -> None:
        for name, value, most in (("brightness", brightness, 1), ("contrast", contrast, 1), ("gamma", gamma, 0.9)):
            if not 0 <= value <= most:
                raise ValueError(f"{name} lies between 0 and {most}, not {value}")
        self.widths = torch.tensor([brightness, contrast, gamma])
        self.gamma, self.p = gamma, probability(p)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with changed images [B, C, H, W] in [0, 1]."""
        chosen = draw(batch, generator, 1)[:, 0] < self.p

        def factors(channels: tuple[int, ...]) -> torch.Tensor:
            even = draw(batch, generator, 3 * channels[0]).view(-1, *channels, 3)[chosen] * 2 - 1
            return 1 + even * self.widths

        drawn = once(factors)

        def jitter(images: torch.Tensor) -> torch.Tensor:
            return self._changed(images, drawn(tuple(images.shape[1:2])))

        return map_images(batch, lambda images: change_chosen(images, chosen, jitter))

    def _changed(self, images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        brightness, contrast, gamma = (factors.to(images)[:, :, i, None, None] for i in range(3))
        out = torch.empty_like(images)
        scale = brightness * contrast
        for part in parts(images):
            source = images[part]
            if self.gamma:  # a power by way of logarithms takes two thirds of the time of one
                source = source.log2().mul_(gamma[part]).exp2_()
            middle = source.mean(dim=(2, 3), keepdim=True) * brightness[part] * (1 - contrast[part])
            torch.mul(source, scale[part], out=out[part]).add_(middle).clamp_(0, 1)
        return out
