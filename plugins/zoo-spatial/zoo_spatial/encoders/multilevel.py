"""``multilevel``: the spot, its neighbourhood and its section through one image encoder, fused by learnt weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from zoo.contracts import Encoder
from zoo_spatial.nn.fusion import LevelFusion

Level = Literal["spot", "neighbourhood", "global"]
READS = {"spot": "image", "neighbourhood": "neighbourhood", "global": "overview"}


class Multilevel(nn.Module):
    """What the README of HisCMCL promises: features of a patch, of a true wider field around it, and of the section.

    ``image`` [B, 3, H, W], ``neighbourhood`` [B, 3, H, W] and ``overview`` [S, 3, h, w] (with ``overview_index`` [B])
    -> [B, F]. One base encoder serves all levels. A section is encoded once a batch, however many of its spots are in
    it.

    The published code resizes one patch instead (see ``rescale``); it has neither a wider field nor a section level.
    The README's cross-attention is not specified anywhere and is not guessed at here: fusion is the published code's.

    Parameters
    ----------
    base
        Any image encoder.
    levels
        Which levels, at least one.
    dropout
        In the fusion.

    References
    ----------
    Liu, Min, Zhu, Bioinformatics 2026, doi:10.1093/bioinformatics/btag342. Code consulted: wenwenmin/HisCMCL at
    cad8a82.
    """

    def __init__(
        self,
        *,
        base: Encoder,
        levels: list[Level] = ["spot", "neighbourhood", "global"],  # noqa: B006 - copied, never changed
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if not levels or len(set(levels)) != len(levels):
            raise ValueError(f"levels names each level at most once and at least one, not {levels}")
        self.base = base
        self.levels = list(levels)
        self.reads = tuple(READS[level] for level in levels)
        self.out_features = base.out_features
        self.fusion = LevelFusion(base.out_features, len(levels), dropout=dropout)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return fused features [B, F]."""
        names = [READS[level] for level in self.levels]
        side = batch[names[0]].shape[-1]
        images = [_sized(batch[name], side) for name in names]
        # one pass for all levels: batch normalisation would otherwise learn the running statistics of a mixture that it
        # never saw in training, which costs the model its floor
        encoded = torch.split(self.base({"image": torch.cat(images)}), [len(image) for image in images])
        features = [
            part[batch["overview_index"]] if name == "overview" else part
            for name, part in zip(names, encoded, strict=True)
        ]
        fused: torch.Tensor = self.fusion(features)
        return fused


def _sized(images: torch.Tensor, side: int) -> torch.Tensor:
    if images.shape[-1] == side:
        return images
    return functional.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
