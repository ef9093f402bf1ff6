"""Several levels of one image as one feature vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LevelFusion(nn.Module):
    """Weight the levels of each item by a softmax learnt from all of them, then mix: L x [B, F] -> [B, F].

    As the fusion of HisCMCL's published code (``Linear -> softmax`` over levels; weighted concatenation; ``Linear,
    LayerNorm, ReLU, Dropout``; doi:10.1093/bioinformatics/btag342). One level alone passes through the mixing layer.
    """

    def __init__(self, features: int, levels: int, *, dropout: float) -> None:
        super().__init__()
        self.weigh = nn.Linear(features * levels, levels)
        self.mix = nn.Sequential(
            nn.Linear(features * levels, features), nn.LayerNorm(features), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return mixed features [B, F]."""
        weights = self.weigh(torch.cat(levels, dim=1)).softmax(dim=1)
        weighted = [level * weights[:, i : i + 1] for i, level in enumerate(levels)]
        mixed: Tensor = self.mix(torch.cat(weighted, dim=1))
        return mixed
