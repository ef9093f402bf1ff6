"""``hello-head``: of each class, something between the mean of a bag's instances and the loudest of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.segments import Segments


class HelloHead(nn.Module):
    """Log-sum-exp of instances: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    The logit of a class is ``log(mean(exp(r s))) / r`` over the logits s that the instances of a bag have for it: their
    mean where r is small, their maximum where it is large. r is learnt from ``sharpness`` on, and stays above 0.
    ``attention`` is how much of the logits' change an instance makes, mean over classes: the softmax of ``r s``.

    References
    ----------
    Pinheiro, Collobert, CVPR 2015, arXiv:1411.6228, where r is fixed.
    """

    def __init__(self, *, in_features: int, num_classes: int, sharpness: float = 1.0) -> None:
        super().__init__()
        if not 0 < sharpness < math.inf:
            raise ValueError(f"sharpness is a number above 0, not {sharpness}")
        self.classify = nn.Linear(in_features, num_classes)
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness).log())

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags, sharpness = Segments.of(batch, len(features)), self.log_sharpness.exp()
        instance = self.classify(features).float()
        raised = sharpness * instance
        highest = bags.max(raised.detach())  # taken out, so that no exponential is too large, and added again
        total = highest + bags.mean((raised - bags.spread(highest)).exp()).log()
        attention = bags.softmax(raised).mean(dim=1)
        return {"bag": total / sharpness, "instance": instance, "attention": attention, "size": bags.sizes.float()}
