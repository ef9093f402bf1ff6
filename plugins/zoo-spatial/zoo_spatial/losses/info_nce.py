"""``info-nce``: an image and the spot it shows are each other's nearest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from zoo.nn.gather import gather


class InfoNCE(nn.Module):
    """Symmetric contrastive loss of ``image`` [B, D] and ``spot`` [B, D].

    ``(CE(s, t) + CE(s^T, t)) / 2`` with ``s = S I^T / temperature``, over the batch of all processes together. The
    target t is the identity (mclSTExp, HisCMCL); or (``embeddings``) the softmax of ``(I I^T + S S^T) / 2 /
    temperature``, as BLEEP has it, gradients passing through it too; or (``expression``) the softmax over the batch of
    the cosine between the spots' measured expression, centred on the batch. Soft targets no longer push apart what is
    alike; from expression they cannot collapse.

    Parameters
    ----------
    temperature
        Divides the similarities.
    normalise
        Make the embeddings unit vectors first, so that similarities are cosines. Off in mclSTExp and HisCMCL.
    learn
        Learn the temperature, starting from the one given.
    targets
        ``identity``, or ``embeddings`` or ``expression`` for soft ones.
    target_temperature
        Divides the cosines of the targets from expression; lower is closer to the identity.

    References
    ----------
    van den Oord et al., arXiv:1807.03748; the symmetric form of Radford et al., arXiv:2103.00020; soft targets of Xie
    et al. (BLEEP), NeurIPS 2023, arXiv:2306.01859. BLEEP multiplies the similarities of its targets by the temperature
    instead of dividing them; at its published temperature of 1 that is the same.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalise: bool = False,
        learn: bool = False,
        targets: Literal["identity", "embeddings", "expression"] = "identity",
        target_temperature: float = 0.2,
    ) -> None:
        super().__init__()
        for name, value in (("temperature", temperature), ("target_temperature", target_temperature)):
            if not value > 0:
                raise ValueError(f"{name} is greater than 0, not {value}")
        self.normalise = normalise
        self.targets = targets
        self.target_temperature = target_temperature
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the loss of the global batch."""
        image, spot = gather(outputs["image"]), gather(outputs["spot"])
        if self.normalise:
            image, spot = functional.normalize(image, dim=1), functional.normalize(spot, dim=1)
        similarity = spot @ image.T * self.log_scale.exp()
        target = self._target(image, spot, batch)
        transposed = target if self.targets != "embeddings" else target.T
        loss: torch.Tensor = functional.cross_entropy(similarity, target) + functional.cross_entropy(
            similarity.T, transposed
        )
        return loss / 2

    def _target(self, image: torch.Tensor, spot: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the place of each spot's own image [B], or the share of each in the target of each other [B, B]."""
        if self.targets == "identity":
            return torch.arange(len(image), device=image.device)
        if self.targets == "embeddings":
            alike = (image @ image.T + spot @ spot.T) / 2
            return (alike * self.log_scale.exp()).softmax(dim=1)
        expression = gather(batch["expression"].float())
        alike = functional.normalize(expression - expression.mean(dim=0), dim=1)
        return (alike @ alike.T / self.target_temperature).softmax(dim=1)
