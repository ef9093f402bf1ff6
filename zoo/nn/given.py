"""An encoder for features that were computed before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.errors import DataError


class Given(nn.Module):
    """Hand on the ``features`` [N, F] of a batch, in 32 bits; there is nothing to learn.

    Parameters
    ----------
    out_features
        F.

    Raises
    ------
    DataError
        The features of a batch have another width.
    """

    reads = ("features",)

    def __init__(self, *, out_features: int) -> None:
        super().__init__()
        self.out_features = out_features

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the features [N, F]."""
        features: torch.Tensor = batch["features"]
        if features.ndim != 2 or features.shape[1] != self.out_features:  # noqa: PLR2004 - N F
            what = f"features of a batch are {list(features.shape)}, and {self.out_features} a row were announced"
            raise DataError(f"{what}; compute them anew with the encoder they are to come from")
        return features.float()
