"""``info-nce``: an image and the spot it shows are each other's nearest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from zoo.nn.gather import gather


class InfoNCE(nn.Module):
    """Symmetric contrastive loss of ``image`` [B, D] and ``spot`` [B, D] with identity targets.

    ``(CE(s, i) + CE(s^T, i)) / 2`` with ``s = S I^T / temperature``, over the batch of all processes together.

    Parameters
    ----------
    temperature
        Divides the similarities.
    normalise
        Make the embeddings unit vectors first, so that similarities are cosines. Off in mclSTExp and HisCMCL.
    learn
        Learn the temperature, starting from the one given.

    References
    ----------
    van den Oord et al., arXiv:1807.03748; the symmetric form of Radford et al., arXiv:2103.00020.
    """

    def __init__(self, *, temperature: float = 1.0, normalise: bool = False, learn: bool = False) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature is greater than 0, not {temperature}")
        self.normalise = normalise
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:  # noqa: ARG002
        """Return the loss of the global batch."""
        image, spot = gather(outputs["image"]), gather(outputs["spot"])
        if self.normalise:
            image, spot = functional.normalize(image, dim=1), functional.normalize(spot, dim=1)
        similarity = spot @ image.T * self.log_scale.exp()
        target = torch.arange(len(similarity), device=similarity.device)
        loss: torch.Tensor = functional.cross_entropy(similarity, target) + functional.cross_entropy(
            similarity.T, target
        )
        return loss / 2
