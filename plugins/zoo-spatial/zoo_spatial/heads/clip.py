"""``clip``: image and spot in one space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.contracts import Encoder
from zoo_spatial.nn.projection import Projection


class Clip(nn.Module):
    """Project image features and spot features into one space: {``image``: [B, D], ``spot``: [B, D]}.

    Without ``expression`` in the batch (new tissue) there is no ``spot``.

    Parameters
    ----------
    in_features
        F of the image encoder, filled in.
    spot
        The encoder of the spot's expression.
    dim
        D.
    dropout
        In both projections.

    References
    ----------
    The two-tower head of BLEEP (Xie et al., NeurIPS 2023, arXiv:2306.01859).
    """

    def __init__(self, *, in_features: int, spot: Encoder, dim: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.spot = spot
        self.project_image = Projection(in_features, dim, dropout=dropout)
        self.project_spot = Projection(spot.out_features, dim, dropout=dropout)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the embeddings."""
        outputs = {"image": self.project_image(features)}
        if "expression" in batch:
            outputs["spot"] = self.project_spot(self.spot(batch))
        return outputs
