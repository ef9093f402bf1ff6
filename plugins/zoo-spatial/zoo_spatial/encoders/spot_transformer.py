"""``spot-transformer``: a spot's expression read together with its nearest spots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class SpotTransformer(nn.Module):
    """A transformer over a spot and its nearest spots on the same section, read out at the spot.

    ``expression`` [B, G], ``near_expression`` [B, K, G], ``near_offset`` [B, K, 2] (in spot pitches) -> [B, F].

    The published code lets the spots that happen to share a batch attend to each other and looks positions up in a
    table of absolute coordinates. Here each spot brings its own sequence (itself, then its K nearest spots, which the
    dataset fixes), and positions are offsets from the spot. So an embedding does not depend on the batch, nor on where
    the section lay on the slide; a test holds this.

    Parameters
    ----------
    num_genes
        G, filled in from the dataset.
    dim
        F, the width of the transformer.
    heads, layers
        Of the transformer (pre-norm, GELU).
    dropout
        Throughout.

    References
    ----------
    After mclSTExp (Min et al., Brief Bioinform 2024, doi:10.1093/bib/bbae551) and HisCMCL
    (doi:10.1093/bioinformatics/btag342).
    """

    reads = ("expression", "near_expression", "near_offset")

    def __init__(
        self, *, num_genes: int, dim: int = 256, heads: int = 8, layers: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of heads {heads}; choose one that is")
        self.out_features = dim
        self.embed = nn.Linear(num_genes, dim)
        self.place = nn.Sequential(nn.Linear(2, dim), nn.GELU(), nn.Linear(dim, dim))
        layer = nn.TransformerEncoderLayer(
            dim, heads, dim_feedforward=2 * dim, dropout=dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, F]."""
        own, near, offset = batch["expression"], batch["near_expression"], batch["near_offset"]
        tokens = self.embed(torch.cat([own[:, None], near], dim=1))
        offset = torch.cat([torch.zeros_like(own[:, None, :2]), offset], dim=1)
        read: torch.Tensor = self.blocks(tokens + self.place(offset))[:, 0]
        return read
