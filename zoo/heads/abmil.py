"""``abmil``: a bag is the mean of its instances, weighted by learnt attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.bag_scores import bag_outputs, refuse_sizes
from zoo.nn.segments import Segments


class Abmil(nn.Module):
    """Attention over instances h [N, F]: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    ``a = softmax(w tanh(V h))`` within each bag, and one linear layer classifies the mean of the h weighted by a
    (``bag``) and each h by itself (``instance``). The attention of a bag adds up to one. V has a bias, as in the
    authors' code and not in the paper; w has none, because the softmax would take it out again.

    Parameters
    ----------
    in_features
        F of the encoder, filled in.
    num_classes
        K, filled in.
    hidden
        Width of the attention (rows of V); 128 in the authors' code.
    dropout
        On h, in training.
    per_class
        Give each class an attention of its own, ``class_attention`` [N, K] (w with K rows); ``attention`` is their
        mean then.

    Raises
    ------
    ValueError
        No layer can be made of these numbers.
    DataError
        A bag is empty, or the offsets do not cover the instances.

    References
    ----------
    Ilse, Tomczak, Welling, ICML 2018, arXiv:1802.04712. Code consulted: AMLab-Amsterdam/AttentionDeepMIL at eb0434b.
    """

    def __init__(
        self,
        *,
        in_features: int,
        num_classes: int,
        hidden: int = 128,
        dropout: float = 0.0,
        per_class: bool | None = None,
    ) -> None:
        super().__init__()
        refuse_sizes(hidden=hidden, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.per_class = per_class
        self.widths = [hidden, num_classes]
        # V and the classifier in one product: fewer passes over h and its gradient, which are the large ones
        self.project = nn.Linear(in_features, sum(self.widths))
        self.weigh = nn.Linear(hidden, num_classes if per_class else 1, bias=False)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags = Segments.of(batch, len(features))
        hidden, instance = torch.split(self.project(self.dropout(features)), self.widths, dim=1)
        attention = bags.softmax(self.weigh(hidden.tanh()))
        if self.per_class:
            return {**bag_outputs(bags, instance, attention), "class_attention": attention}
        return bag_outputs(bags, instance, attention[:, 0])
