"""``batch-transformer``: the spot encoder as published, in which a batch is one sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class _Block(nn.Module):
    """Pre-norm attention and feed-forward with an inner width of heads x head_dim."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_out = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_qkv = nn.Linear(dim, 3 * heads * head_dim, bias=False)
        self.back = nn.Linear(heads * head_dim, dim)
        self.feed = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        length = len(tokens)
        qkv = self.to_qkv(self.norm(tokens)).view(length, 3, self.heads, -1).permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        tokens = tokens + self.back(mixed.transpose(0, 1).reshape(length, -1))
        fed: torch.Tensor = tokens + self.feed(self.norm_out(tokens))
        return fed


class BatchTransformer(nn.Module):
    """Expression plus looked-up absolute positions, all spots of a batch as one sequence: [B, G] -> [B, G].

    This reproduces a flaw on purpose: the embedding of a spot depends on which spots share its batch, in evaluation
    too. Use ``spot-transformer`` unless the published figures are what you are after.

    Parameters
    ----------
    num_genes
        G, filled in from the dataset.
    heads, head_dim, layers
        As published: 16 x 128 in HisCMCL, 8 x 64 in mclSTExp, two blocks.
    positions
        Rows of each table of positions. The published table has 65,536 rows; rows that no spot uses are never trained,
        so a shorter table that covers the array is the same model.

    References
    ----------
    wenwenmin/HisCMCL at cad8a82 and shizhiceng/mclSTExp at fdd3ab1, model.py (doi:10.1093/bib/bbae551).
    """

    reads = ("expression", "position")
    independent = False  # the flaw: features of an item depend on its batch

    def __init__(
        self, *, num_genes: int, heads: int = 16, head_dim: int = 128, layers: int = 2, positions: int = 1024
    ) -> None:
        super().__init__()
        self.out_features = num_genes
        self.columns = nn.Embedding(positions, num_genes)
        self.rows = nn.Embedding(positions, num_genes)
        self.blocks = nn.Sequential(*(_Block(num_genes, heads, head_dim) for _ in range(layers)))

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, G]."""
        place = batch["position"].long()
        if int(place.min()) < 0 or int(place.max()) >= self.columns.num_embeddings:
            raise ValueError(f"a position lies outside 0..{self.columns.num_embeddings - 1}; raise 'positions'")
        tokens = batch["expression"] + self.columns(place[:, 0]) + self.rows(place[:, 1])
        read: torch.Tensor = self.blocks(tokens)
        return read
