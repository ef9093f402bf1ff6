"""``ordinal``: to mistake a dose for its neighbour costs less than to mistake it for a far one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from zoo.nn.known import logits_of, mean_of_known


class Ordinal(nn.Module):
    """Cross-entropy of logits [B, K] against targets that fall off with the distance from the ``label`` [B].

    The logits are ``logits`` of items, or ``bag`` of bags. Class k of an item with label y has the target
    ``softmax_k(-scale |p_k - p_y|)`` with the classes at positions p. A label of -1 is left out. The entropy of the
    target is taken off, so that a loss of zero means it was met; the gradient does not see it.

    Of the formulations for ordered classes this one needs K logits and is read by a softmax, like plain cross-entropy:
    any head and any task take it. Cumulative ones (a logit for each of the K - 1 steps) need a head of their own. What
    it asks for is a soft answer: with a finite scale the softmax of a perfect model is the target, not one.

    Parameters
    ----------
    num_classes
        K, filled in.
    scale
        How fast the target falls off, in one divided by the unit of the positions. Towards infinity this is
        ``cross-entropy``; with 1, classes one apart differ by a factor of e in the target.
    positions
        Where the classes lie, rising: the logarithm of the dose, say. Without them 0, 1, 2 and so on.

    Raises
    ------
    ValueError
        scale is not positive, or the positions are not one rising number a class.

    References
    ----------
    Díaz, Marathe, Soft Labels for Ordinal Regression, CVPR 2019, doi:10.1109/CVPR.2019.00487, with the absolute
    difference as distance; positions and the subtraction are ours.
    """

    targets: torch.Tensor

    def __init__(self, *, num_classes: int, scale: float = 1.0, positions: list[float] | None = None) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale is greater than 0, not {scale}")
        at = torch.tensor(list(range(num_classes)) if positions is None else positions, dtype=torch.float32)
        if len(at) != num_classes or not bool((at.diff() > 0).all()):
            raise ValueError(f"positions are {num_classes} rising numbers, one a class, not {positions}")
        targets = (-scale * (at - at[:, None]).abs()).softmax(dim=1)
        self.register_buffer("targets", targets, persistent=False)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the mean over the labelled items."""
        label = batch["label"]
        guessed = logits_of(outputs).log_softmax(dim=1)
        losses = functional.kl_div(guessed, self.targets[label.clamp(min=0)], reduction="none").sum(dim=1)
        return mean_of_known(losses, label)
