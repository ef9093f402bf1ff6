"""``mlp``: layers one after the other, and at the end a number for each class."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from zoo.errors import UsageError


class Mlp(nn.Module):
    """Classes of items: features [B, F] -> ``logits`` [B, K].

    Dropout and a linear layer, as often as there are layers; after every hidden one batch normalisation and a ReLU.
    Without ``sizes`` it is one linear layer.

    Parameters
    ----------
    in_features
        F of the encoder, filled in.
    num_classes
        K, filled in.
    sizes
        Widths of the hidden layers.
    dropout
        Before every linear layer; or a list with a number for each of them, which are one more than ``sizes``. A
        published classifier of cell images has sizes [1024, 512] and a dropout of [0.5, 0.4, 0.3].
    norm
        Batch normalisation after each hidden layer.

    Raises
    ------
    ValueError
        No layer can be made of these numbers.
    UsageError
        A batch of one item is to be normalised in training.

    References
    ----------
    QianXingLuo/cell-drug-classification at 9ab7380, consulted for the published sizes.
    """

    def __init__(
        self,
        *,
        in_features: int,
        num_classes: int,
        sizes: tuple[int, ...] = (),
        dropout: float | tuple[float, ...] = 0.0,
        norm: bool = True,
    ) -> None:
        super().__init__()
        shares = dropout if isinstance(dropout, tuple | list) else (dropout,) * (len(sizes) + 1)
        _refuse(sizes, shares)
        layers: list[nn.Module] = [nn.Dropout(shares[0])]
        for (before, after), share in zip(pairwise((in_features, *sizes)), shares[1:], strict=True):
            between = [nn.BatchNorm1d(after)] if norm else []
            layers += [nn.Linear(before, after), *between, nn.ReLU(), nn.Dropout(share)]
        self.layers = nn.Sequential(*layers, nn.Linear((in_features, *sizes)[-1], num_classes))
        self.normalises = norm and len(sizes) > 0

    def forward(self, features: torch.Tensor, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """Return the logits for features [B, F]."""
        if self.training and self.normalises and len(features) == 1:
            way = "set train.batch higher, train.drop_last: true, or head.norm: false"
            raise UsageError(f"a batch of 1 item cannot be normalised, at least 2 can; {way}")
        return {"logits": self.layers(features)}


def _refuse(sizes: tuple[int, ...], shares: tuple[float, ...]) -> None:
    if min(sizes, default=1) < 1:
        raise ValueError(f"sizes are widths of at least 1, not {list(sizes)}")
    if len(shares) != len(sizes) + 1:
        need = f"{len(sizes)} sizes make {len(sizes) + 1} linear layers"
        raise ValueError(f"dropout is one number or one before each linear layer; {need}, not {len(shares)}")
    for share in shares:
        if not 0 <= share < 1:
            raise ValueError(f"dropout is a probability from 0 up to but not 1, not {share}")
