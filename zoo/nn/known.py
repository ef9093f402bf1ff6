"""Losses over the items whose label is known."""

from __future__ import annotations

import torch

UNKNOWN = -1
"""The label of an item of which it is not known."""


def mean_of_known(losses: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return the mean of the losses [B] of items with a known label; zero, with a gradient of zero, where none has."""
    known = label != UNKNOWN
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)
