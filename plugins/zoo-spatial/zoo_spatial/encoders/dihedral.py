"""``dihedral``: features averaged over the eight ways to turn and mirror a patch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from zoo.contracts import Encoder

QUARTERS = 4
IMAGE_DIMENSIONS = 4


class Dihedral(nn.Module):
    """Mean of the base encoder's features over eight views of every image in evaluation; the base alone in training.

    Tissue has no upright side. Images (square, [B, C, H, W]) are turned by quarter turns and mirrored, all fields of
    view of an item together, so features no longer depend on how the section was laid on the slide. Costs eight passes,
    in evaluation only.

    Parameters
    ----------
    base
        Any encoder that reads images.

    References
    ----------
    Ours; to average over the eight views of a square is older than any paper that we could name.
    """

    def __init__(self, *, base: Encoder) -> None:
        super().__init__()
        self.base = base
        self.reads = base.reads
        self.out_features = base.out_features

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, F]."""
        if self.training:
            return self.base(batch)
        views = [self.base(view) for view in _views(batch)]
        return torch.stack(views).mean(dim=0)


def _views(batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    images = {n: v for n, v in batch.items() if isinstance(v, torch.Tensor) and v.ndim == IMAGE_DIMENSIONS}
    for turns in range(QUARTERS):
        turned = {name: value.rot90(turns, (2, 3)) for name, value in images.items()}
        yield {**batch, **turned}
        yield {**batch, **{name: value.flip(3) for name, value in turned.items()}}
