"""``image-centric``: HECLIP's contrastive loss, in which images alone say what is alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from zoo.nn.gather import gather


class ImageCentric(nn.Module):
    """Contrastive loss of ``image`` [B, D] against ``spot`` [B, D], from image to spot only.

    With ``s = I S^T / temperature`` and ``t = softmax(I I^T / temperature)`` over rows, the loss is the mean over
    images j of ``- sum_i t[j, i] log softmax(s[j])[i]``: an image's spots are to be spread as its images are. Gradients
    pass through the targets, as in the published code. It is the loss over the batch of all processes together.

    The published code transposes the targets, whose rows then no longer add up to one: an image that many others
    resemble counts for more. ``targets: published`` does so; the default keeps the rows.

    Parameters
    ----------
    temperature
        Divides the similarities.
    normalise
        Make the embeddings unit vectors first. Off as published, where dot products in a space of thousands of genes
        saturate the softmax and the soft targets come close to the identity.
    targets
        ``row-normalised``, or ``published`` for the transposed ones.

    References
    ----------
    Wang et al. (HECLIP), Bioinformatics 2025, doi:10.1093/bioinformatics/btaf363, arXiv:2501.14948.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        normalise: bool = False,
        targets: Literal["row-normalised", "published"] = "row-normalised",
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature is greater than 0, not {temperature}")
        self.temperature = temperature
        self.normalise = normalise
        self.transposed = targets == "published"

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the loss of the global batch."""
        del batch
        image, spot = gather(outputs["image"]), gather(outputs["spot"])
        if self.normalise:
            image, spot = functional.normalize(image, dim=1), functional.normalize(spot, dim=1)
        target = (image @ image.T / self.temperature).softmax(dim=1)
        similarity = image @ spot.T / self.temperature
        return functional.cross_entropy(similarity, target.T if self.transposed else target)
