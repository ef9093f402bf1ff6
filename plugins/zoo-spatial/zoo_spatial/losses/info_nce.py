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
    target t is the identity as published, or (``expression``) the softmax over the batch of the cosine between the
    spots' measured expression, centred on the batch: spots that express alike are then no longer pushed apart. Soft
    targets are an idea of BLEEP (arXiv:2306.01859), which takes them from the embeddings; from expression they cannot
    collapse.

    Parameters
    ----------
    temperature
        Divides the similarities.
    normalise
        Make the embeddings unit vectors first, so that similarities are cosines. Off in mclSTExp and HisCMCL.
    learn
        Learn the temperature, starting from the one given.
    targets
        ``identity``, or ``expression`` for soft ones.
    target_temperature
        Divides the cosines of soft targets; lower is closer to the identity.

    References
    ----------
    van den Oord et al., arXiv:1807.03748; the symmetric form of Radford et al., arXiv:2103.00020.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalise: bool = False,
        learn: bool = False,
        targets: Literal["identity", "expression"] = "identity",
        target_temperature: float = 0.2,
    ) -> None:
        super().__init__()
        for name, value in (("temperature", temperature), ("target_temperature", target_temperature)):
            if not value > 0:
                raise ValueError(f"{name} is greater than 0, not {value}")
        self.normalise = normalise
        self.soft = targets == "expression"
        self.target_temperature = target_temperature
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the loss of the global batch."""
        image, spot = gather(outputs["image"]), gather(outputs["spot"])
        if self.normalise:
            image, spot = functional.normalize(image, dim=1), functional.normalize(spot, dim=1)
        similarity = spot @ image.T * self.log_scale.exp()
        target = self._soft_targets(batch) if self.soft else torch.arange(len(similarity), device=similarity.device)
        loss: torch.Tensor = functional.cross_entropy(similarity, target) + functional.cross_entropy(
            similarity.T, target
        )
        return loss / 2

    def _soft_targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the share of each spot of the batch in the target of each other [B, B]; rows add up to one."""
        expression = gather(batch["expression"].float())
        alike = functional.normalize(expression - expression.mean(dim=0), dim=1)
        return (alike @ alike.T / self.target_temperature).softmax(dim=1)
