"""``colour-jitter``: change brightness, contrast and saturation at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.nn.images import draw, map_images

LUMA = (0.299, 0.587, 0.114)


class ColourJitter:
    """Scale brightness, contrast and saturation of every item by factors drawn evenly from [1 - x, 1 + x].

    The formulae are torchvision's ``ColorJitter``; unlike it, each item of the batch has its own draw and the order is
    fixed (brightness, contrast, saturation). Saturation takes three channels; the others any number.

    Parameters
    ----------
    brightness, contrast, saturation
        The half-width x of each range; 0 switches one off.
    """

    def __init__(self, *, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0) -> None:
        for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} lies between 0 and 1, not {value}")
        self.widths = (brightness, contrast, saturation)

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with changed images [B, C, H, W] in [0, 1]."""
        numbers = draw(batch, generator, 3) * 2 - 1
        factors = [(1 + numbers[:, i] * width).view(-1, 1, 1, 1) for i, width in enumerate(self.widths)]
        return map_images(batch, lambda images: self._changed(images, factors))

    def _changed(self, images: torch.Tensor, factors: list[torch.Tensor]) -> torch.Tensor:
        brightness, contrast, saturation = (factor.to(images.device) for factor in factors)
        if self.widths[0]:
            images = (images * brightness).clamp(0, 1)
        if self.widths[1]:
            middle = _grey(images).mean(dim=(2, 3), keepdim=True)
            images = torch.lerp(middle, images, contrast).clamp(0, 1)
        if self.widths[2]:
            images = torch.lerp(_grey(images), images, saturation).clamp(0, 1)
        return images


def _grey(images: torch.Tensor) -> torch.Tensor:
    if images.shape[1] != len(LUMA):
        return images.mean(dim=1, keepdim=True)
    weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)
