"""``gated-abmil``: attention over instances, with a gate on each of its hidden numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.nn.bag_scores import bag_outputs, refuse_sizes
from zoo.nn.segments import Segments


class GatedAbmil(nn.Module):
    """Gated attention over instances h [N, F]: ``bag`` [B, K], ``instance`` [N, K], ``attention`` [N], ``size`` [B].

    ``a = softmax(w (tanh(V h) * sigmoid(U h)))`` within each bag; all else is as in ``abmil``. The gate lets the
    attention be more than nearly linear in h, as tanh is around zero.

    Parameters
    ----------
    in_features
        F of the encoder, filled in.
    num_classes
        K, filled in.
    hidden
        Width of the attention (rows of V and of U); 128 in the authors' code.
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
        self.widths = [hidden, hidden, num_classes]
        # V, U and the classifier in one product: fewer passes over h and its gradient, which are the large ones
        self.project = nn.Linear(in_features, sum(self.widths))
        self.weigh = nn.Linear(hidden, num_classes if per_class else 1, bias=False)

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the outputs for features [N, F] of the bags that ``offsets`` [B + 1] tells apart."""
        bags = Segments.of(batch, len(features))
        value, gate, instance = torch.split(self.project(self.dropout(features)), self.widths, dim=1)
        attention = bags.softmax(self.weigh(value.tanh() * gate.sigmoid()))
        if self.per_class:
            return {**bag_outputs(bags, instance, attention), "class_attention": attention}
        return bag_outputs(bags, instance, attention[:, 0])
