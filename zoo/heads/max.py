"""``max``: of each class, the instance that speaks loudest for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.bag_scores import bag_outputs, instance_scores
from zoo.nn.segments import Segments


class Max(nn.Module):
    """Each class takes its highest instance: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    The logit of a class is the highest that any instance of the bag has for it. ``attention`` is the share of the
    classes that chose an instance; instances that tie share a choice, and the gradient. Only chosen instances learn.

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
    Wang et al., Revisiting multiple instance neural networks, arXiv:1610.02501 (their mi-Net with max
    pooling, of logits here and of probabilities there).
    """

    def __init__(self, *, in_features: int, num_classes: int, hidden: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.classify = instance_scores(in_features, num_classes, hidden=hidden, dropout=dropout)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags = Segments.of(batch, len(features))
        instance = self.classify(features)
        return bag_outputs(bags, instance, bags.max_shares(instance))
