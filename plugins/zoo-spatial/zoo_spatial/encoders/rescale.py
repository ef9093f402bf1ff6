"""``rescale``: one patch resized to several scales, as the published HisCMCL code does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from zoo.contracts import Encoder
from zoo_spatial.nn.fusion import LevelFusion


class Rescale(nn.Module):
    """Resize the patch to each scale, encode all with one base encoder, fuse: ``image`` [B, 3, H, W] -> [B, F].

    This sees no more tissue than the patch itself; ``multilevel`` does. It is here so that the published figures can be
    reproduced.

    Parameters
    ----------
    base
        Any image encoder.
    scales
        Sides in pixels (bilinear, as published: 224, 336 and 448).
    dropout
        In the fusion.

    References
    ----------
    ``MultiScaleImageEncoder`` of wenwenmin/HisCMCL at cad8a82, model.py 171-285.
    """

    reads = ("image",)

    def __init__(self, *, base: Encoder, scales: list[int] = [224, 336, 448], dropout: float = 0.2) -> None:  # noqa: B006
        super().__init__()
        if not scales or min(scales) < 1:
            raise ValueError(f"scales are sides in pixels, at least one, not {scales}")
        self.base = base
        self.scales = list(scales)
        self.out_features = base.out_features
        self.fusion = LevelFusion(base.out_features, len(scales), dropout=dropout)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return fused features [B, F]."""
        image = batch["image"]
        levels = [
            image if image.shape[-1] == side else functional.interpolate(image, size=(side, side), mode="bilinear")
            for side in self.scales
        ]
        fused: torch.Tensor = self.fusion([self.base({"image": level}) for level in levels])
        return fused
