"""``han-spectral``: the spectrum of every pixel first, with attention over bands, then the pixels' neighbourhood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class HanSpectral(nn.Module):
    """Features of hyperspectral tiles: ``image`` [B, C, H, W], a band a channel, -> [B, F] with F = 2 * width.

    Bands are weighed by what the mean spectrum of the tile and its spread over pixels say of them; a network of single
    pixels (1 x 1) turns each spectrum into ``width`` features; ``blocks`` convolutions look at their neighbours. Mean
    and maximum over the tile are its features, so that a few pixels that differ are not averaged away.

    Parameters
    ----------
    in_chans
        Bands; filled in from the dataset.
    width
        Features of a pixel.
    hidden
        Of the attention over bands.
    depth
        Layers of the network of single pixels.
    blocks
        Convolutions of 3 x 3 pixels, each with a residual path; 0 looks at single pixels only.
    dropout
        Of the features.

    References
    ----------
    Shi et al., Anal Chem 2023;95:10957, doi:10.1021/acs.analchem.3c00979 describe a hyperspectral attention net in
    words; neither sizes nor code are published, and every size here is ours. The attention over bands is that of Hu et
    al., arXiv:1709.01507, with the spread over pixels added.
    """

    reads = ("image",)

    def __init__(
        self,
        *,
        in_chans: int,
        width: int = 32,
        hidden: int = 16,
        depth: int = 2,
        blocks: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, value in (("width", width), ("hidden", hidden), ("depth", depth)):
            if value < 1:
                raise ValueError(f"{name} is a number of at least 1, not {value}")
        if blocks < 0:
            raise ValueError(f"blocks is a number of at least 0, not {blocks}")
        self.out_features = 2 * width
        self.bands = nn.Sequential(nn.Linear(2 * in_chans, hidden), nn.GELU(), nn.Linear(hidden, in_chans))
        layers: list[nn.Module] = []
        for number in range(depth):
            layers += [nn.Conv2d(in_chans if number == 0 else width, width, 1), nn.GELU()]
        self.spectrum = nn.Sequential(*layers)
        self.space = nn.ModuleList(_Neighbours(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(2 * width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, F]."""
        image = batch["image"]
        pixels = self.spectrum(image * self.weights(image)[:, :, None, None])
        for block in self.space:
            pixels = block(pixels)
        pooled = torch.cat([pixels.mean(dim=(2, 3)), pixels.amax(dim=(2, 3))], dim=1)
        features: torch.Tensor = self.dropout(self.norm(pooled))
        return features

    def weights(self, image: torch.Tensor) -> torch.Tensor:
        """Return the weight of every band of every tile [B, C]; a network that has learnt nothing gives 1."""
        spread = image.std(dim=(2, 3), correction=0)
        return 2 * torch.sigmoid(self.bands(torch.cat([image.mean(dim=(2, 3)), spread], dim=1)))


class _Neighbours(nn.Module):
    """A depthwise and a pointwise convolution with a residual path; each tile is normalised by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = pixels + self.net(pixels)
        return found
