"""``spot-expression``: a spot's measured expression as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


class SpotExpression(nn.Module):
    """The spot's expression without a network: ``expression`` [B, G] -> [B, G].

    BLEEP and HECLIP (for highly expressed genes) project this; HECLIP for highly variable genes holds images against it
    directly (head ``clip`` with ``dim: null``). HECLIP's published code builds a linear spot encoder that its forward
    pass never uses; this is what is left without it.

    Parameters
    ----------
    num_genes
        G, filled in from the dataset.

    References
    ----------
    Xie et al. (BLEEP), NeurIPS 2023, arXiv:2306.01859; Wang et al. (HECLIP), doi:10.1093/bioinformatics/btaf363.
    """

    reads = ("expression",)

    def __init__(self, *, num_genes: int) -> None:
        super().__init__()
        self.out_features = num_genes

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the expression [B, G]."""
        expression: torch.Tensor = batch["expression"]
        return expression
