"""``mean``: a bag is the mean of its instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.bag_scores import bag_outputs, instance_scores
from zoo.nn.segments import Segments


class Mean(nn.Module):
    """Every instance counts alike: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    The logits of a bag are the mean of its instances' logits. ``attention`` is one divided by the size of the bag: this
    head does not say where. It is the rival that attention has to beat.

    Parameters
    ----------
    in_features
        F of the encoder, filled in.
    num_classes
        K, filled in.
    hidden
        Width of a hidden layer with ReLU in front of the instances' logits; without it they are linear in F.
    dropout
        In front of each linear layer, in training.

    Raises
    ------
    ValueError
        No layer can be made of these numbers.
    DataError
        A bag is empty, or the offsets do not cover the instances.

    References
    ----------
    Wang et al., Revisiting multiple instance neural networks, arXiv:1610.02501 (their mi-Net with mean
    pooling, of logits here and of probabilities there).
    """

    def __init__(self, *, in_features: int, num_classes: int, hidden: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.classify = instance_scores(in_features, num_classes, hidden=hidden, dropout=dropout)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags = Segments.of(batch, len(features))
        return bag_outputs(bags, self.classify(features), bags.spread(1 / bags.sizes))
