"""``cross-entropy``: how unlikely a model holds the label of a bag to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from zoo.nn.known import UNKNOWN, mean_of_known


class CrossEntropy(nn.Module):
    """Mean of ``-w log softmax(bag)`` at the label: ``bag`` [B, K] against ``label`` [B]; a label of -1 is left out.

    It is divided by the number of labelled items and not, as PyTorch does, by their weights: of a batch with one bag
    nothing of the weights would remain, and parts of a batch would not add up to the whole.

    Parameters
    ----------
    num_classes
        K, filled in.
    smoothing
        The target is 1 - smoothing at the label, and smoothing shared by all K classes on top. For a target of
        1 - e and e / (K - 1) elsewhere state e K / (K - 1).
    weights
        The weight of each class, in the order of the classes; all one where not given. The recipe states them, because
        a loss sees a batch at a time: what it counted there would follow from the size of batches, and what was counted
        beforehand over all data would know the test groups. For inverse frequency write n / (K n_k) with the n_k items
        of each class in the training groups.

    Raises
    ------
    ValueError
        smoothing is no share, or the weights are not one positive number a class.

    References
    ----------
    Label smoothing: Szegedy et al., CVPR 2016, arXiv:1512.00567.
    """

    weights: torch.Tensor

    def __init__(self, *, num_classes: int, smoothing: float = 0.0, weights: list[float] | None = None) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing is a share from 0 up to but not 1, not {smoothing}")
        if weights is not None and (len(weights) != num_classes or not min(weights) > 0):
            raise ValueError(f"weights are {num_classes} positive numbers, one a class, not {weights}")
        self.smoothing = smoothing
        self.register_buffer("weights", torch.tensor(weights or [1.0] * num_classes), persistent=False)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the mean over the labelled items."""
        label = batch["label"]
        losses = functional.cross_entropy(
            outputs["bag"], label, ignore_index=UNKNOWN, label_smoothing=self.smoothing, reduction="none"
        )
        return mean_of_known(losses * self.weights[label.clamp(min=0)], label)
