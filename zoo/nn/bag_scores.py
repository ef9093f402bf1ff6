"""What heads for bags have in common: scores of single instances, and what a bag makes of them."""

from __future__ import annotations

import torch
from torch import nn

from zoo.nn.segments import Segments


def refuse_sizes(*, hidden: int | None, dropout: float) -> None:
    """Raise ValueError where no layer can be made of these."""
    if hidden is not None and hidden < 1:
        raise ValueError(f"hidden is a width of at least 1, not {hidden}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a probability from 0 up to but not 1, not {dropout}")


def instance_scores(in_features: int, num_classes: int, *, hidden: int | None, dropout: float) -> nn.Sequential:
    """Return the layers that score an instance by itself: [N, F] -> [N, K], with a hidden layer where one is given."""
    refuse_sizes(hidden=hidden, dropout=dropout)
    if hidden is None:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(in_features, num_classes))
    first = (nn.Dropout(dropout), nn.Linear(in_features, hidden), nn.ReLU())
    return nn.Sequential(*first, nn.Dropout(dropout), nn.Linear(hidden, num_classes))


def bag_outputs(bags: Segments, instance: torch.Tensor, shares: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return a head's outputs for instances [N, K] and their shares in the bag, [N] or for each class [N, K].

    The bag's logits are the mean of its instances' logits, weighted by the shares. Because the scoring of an instance
    ends in a linear layer and shares add up to one, this equals that layer on the weighted mean of its input, and
    costs K numbers an instance instead of F.
    """
    columns = shares if shares.ndim > 1 else shares[:, None]
    return {
        "bag": bags.sum(instance * columns),
        "instance": instance.to(torch.promote_types(instance.dtype, torch.float32)),
        "attention": columns.mean(dim=1),
        "size": bags.sizes.float(),
    }
