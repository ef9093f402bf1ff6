"""``topk``: of each class, the mean of the few instances that speak loudest for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.bag_scores import bag_outputs, instance_scores
from zoo.nn.segments import Segments


class Topk(nn.Module):
    """Each class takes its k highest instances: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    The logit of a class is the mean of the k highest logits that instances of the bag have for it, of all in a smaller
    bag. Each class chooses for itself, so that none has to be named the background and K classes are treated alike; an
    instance may be chosen by several. ``attention`` is the share of all choices that fell on an instance. Only chosen
    instances learn.

    MM-MIL names one class as the positive one, chooses ten tiles by its probability and trains each of them on the
    label of the bag. Here it is the mean of the chosen that is trained.

    Parameters
    ----------
    in_features
        F of the encoder, filled in.
    num_classes
        K, filled in.
    k
        Instances that a class takes of each bag; 10 in MM-MIL. One is ``max``.
    hidden
        Width of a hidden layer with ReLU in front of the instances' logits; without it they are linear in F.
    dropout
        In front of each linear layer, in training.

    Raises
    ------
    ValueError
        k is below 1, or no layer can be made of the other numbers.
    DataError
        A bag is empty, or the offsets do not cover the instances.

    References
    ----------
    Durand, Mordan, Thome, Cord, CVPR 2017, doi:10.1109/CVPR.2017.631: their spatial pooling without its lowest
    regions (alpha = 0). Shi et al., doi:10.1364/BOE.480687 (Biophotonics-COMI/MM-MIL at 5209784).
    """

    def __init__(
        self, *, in_features: int, num_classes: int, k: int = 10, hidden: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is a number of instances of at least 1, not {k}")
        self.k = k
        self.classify = instance_scores(in_features, num_classes, hidden=hidden, dropout=dropout)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags = Segments.of(batch, len(features))
        instance = self.classify(features)
        return bag_outputs(bags, instance, bags.top_shares(instance, self.k))
