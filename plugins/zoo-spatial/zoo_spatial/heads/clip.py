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

    The image's features [B, F] are handed on as ``features``, for the task to tell by them what is new. Without
    ``expression`` in the batch (new tissue) there is no ``spot``. With ``dim: null`` the space is that of the spot's
    own features, which are taken as they are, and D is their number: with the encoder ``spot-expression``, images are
    projected into gene space and held against measured expression, as HECLIP does for variable genes.

    Parameters
    ----------
    in_features
        F of the image encoder, filled in.
    spot
        The encoder of the spot's expression.
    dim
        D; null for that of the spot's features.
    dropout
        In the projections.

    References
    ----------
    The two-tower head of BLEEP (Xie et al., NeurIPS 2023, arXiv:2306.01859); without a spot tower HECLIP's (Wang et
    al., Bioinformatics 2025, doi:10.1093/bioinformatics/btaf363).
    """

    def __init__(self, *, in_features: int, spot: Encoder, dim: int | None = 256, dropout: float = 0.1) -> None:
        super().__init__()
        if dim is not None and dim < 1:
            raise ValueError(f"dim is a number of dimensions of at least 1, not {dim}; null takes those of the spot")
        self.spot = spot
        self.project_image = Projection(in_features, spot.out_features if dim is None else dim, dropout=dropout)
        self.project_spot: nn.Module = nn.Identity()
        if dim is not None:
            self.project_spot = Projection(spot.out_features, dim, dropout=dropout)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the embeddings."""
        outputs = {"image": self.project_image(features), "features": features}
        if "expression" in batch:
            outputs["spot"] = self.project_spot(self.spot(batch))
        return outputs
