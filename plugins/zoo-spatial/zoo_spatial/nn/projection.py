"""Projection of features into a joint space."""

from __future__ import annotations

from torch import Tensor, nn


class Projection(nn.Module):
    """``LayerNorm(z + Dropout(Linear(GELU(z))))`` with ``z = Linear(x)``: [B, F] -> [B, D].

    The block of BLEEP (Xie et al., NeurIPS 2023, arXiv:2306.01859), kept by mclSTExp, HECLIP and HisCMCL.
    """

    def __init__(self, in_features: int, dim: int, *, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, dim)
        self.residual = nn.Sequential(nn.GELU(), nn.Linear(dim, dim), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return embeddings [B, D]."""
        z = self.linear(features)
        embedded: Tensor = self.norm(z + self.residual(z))
        return embedded
