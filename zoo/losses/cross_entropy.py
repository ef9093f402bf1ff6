"""``cross-entropy``: how unlikely a model holds the label of an item, or of a bag, to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from zoo.errors import DataError, UsageError
from zoo.nn.known import UNKNOWN, known_labels, logits_of, mean_of_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

BALANCED = "balanced"


class CrossEntropy(nn.Module):
    """Mean of ``-w log softmax(logits)`` at the label: ``logits`` [B, K] against ``label`` [B]; -1 is left out.

    Heads of bags give ``bag`` [B, K] in the place of ``logits``. The sum is divided by the number of labelled items and
    not, as PyTorch does, by their weights: of a batch with one item nothing of the weights would remain, and parts of a
    batch would not add up to the whole.

    Parameters
    ----------
    num_classes
        K, filled in.
    smoothing
        The target is 1 - smoothing at the label, and smoothing shared by all K classes on top. For a target of
        1 - e and e / (K - 1) elsewhere state e K / (K - 1).
    weights
        The weight of each class, in the order of the classes; all one where not given. With ``balanced`` it is
        n / (K n_k) with the n labelled items of the training groups and the n_k of class k, so that all classes count
        alike and an item counts one on average; a class that no training item has weighs nothing. The weights belong to
        the loss of validation too.

    Raises
    ------
    ValueError
        smoothing is no share, or the weights are not one positive number a class.
    UsageError
        The head gives no logits; or weights are to be balanced, and the data have no labels or were not counted.
    DataError
        Weights are to be balanced, and no training item has a label, or one has a label that is no class.

    References
    ----------
    Label smoothing: Szegedy et al., CVPR 2016, arXiv:1512.00567.
    """

    weights: torch.Tensor

    def __init__(
        self,
        *,
        num_classes: int,
        smoothing: float = 0.0,
        weights: list[float] | Literal["balanced"] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing is a share from 0 up to but not 1, not {smoothing}")
        stated = None if isinstance(weights, str) else weights
        if stated is not None and (len(stated) != num_classes or not min(stated) > 0):
            raise ValueError(f"weights are {num_classes} positive numbers, one a class, not {stated}")
        self.smoothing = smoothing
        self.balanced = weights == BALANCED
        self.counted = False
        self.register_buffer("weights", torch.tensor(stated or [1.0] * num_classes), persistent=False)

    def fit(self, dataset: Any, items: NDArray[np.int64]) -> None:
        """Count the classes of the training items, where the weights are to follow from them."""
        if not self.balanced:
            return
        labels = known_labels(dataset, items, "weights: balanced")
        counts = np.bincount(labels[labels != UNKNOWN])
        if len(counts) > len(self.weights):
            what = f"a training item has the label {len(counts) - 1}, and there are {len(self.weights)} classes from 0"
            raise DataError(f"weights: balanced: {what}; mend the labels, or num_classes")
        counts = np.pad(counts, (0, len(self.weights) - len(counts)))
        weights = np.where(counts > 0, counts.sum() / (len(counts) * np.maximum(counts, 1)), 0.0)
        self.weights.copy_(torch.from_numpy(weights))
        self.counted = True

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the mean over the labelled items."""
        if self.balanced and not self.counted:
            raise UsageError("weights: balanced follow from the training items; call fit first, or state the weights")
        label = batch["label"]
        losses = functional.cross_entropy(
            logits_of(outputs), label, ignore_index=UNKNOWN, label_smoothing=self.smoothing, reduction="none"
        )
        return mean_of_known(losses * self.weights[label.clamp(min=0)], label)
