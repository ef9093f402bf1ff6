"""``per-instance``: an encoder of images over the instances of bags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.contracts import Encoder


class PerInstance(nn.Module):
    """The base encoder's features of every instance: ``instances`` [N, C, H, W] -> [N, F].

    All bags of a batch go through together, as one batch of images.

    Parameters
    ----------
    base
        An encoder that reads ``image`` and nothing else.
    at_once
        Instances that go through the base at once; all where not given. It bounds the memory of evaluation and of a
        ``frozen`` encoder. In training every activation waits for its gradient all the same, and batch statistics are
        then those of such a part.

    Raises
    ------
    ValueError
        at_once is below 1, or the base reads something that an instance does not have.

    References
    ----------
    Ours.
    """

    reads = ("instances",)
    makes = ("image",)

    def __init__(self, *, base: Encoder, at_once: int | None = None) -> None:
        super().__init__()
        if at_once is not None and at_once < 1:
            raise ValueError(f"at_once is a number of instances of at least 1, not {at_once}")
        if tuple(base.reads) != ("image",):
            raise ValueError(f"base reads {', '.join(base.reads)}, but an instance has its image and nothing else")
        self.base = base
        self.at_once = at_once
        self.out_features = base.out_features

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [N, F]."""
        instances: torch.Tensor = batch["instances"]
        if self.at_once is None or len(instances) <= self.at_once:
            return self.base({"image": instances})
        return torch.cat([self.base({"image": part}) for part in torch.split(instances, self.at_once)])
