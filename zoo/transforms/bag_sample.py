"""``bag-sample``: take at most so many instances of each bag, at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.batches import rows_of


class BagSample:
    """Keep at most ``at_most`` instances of each bag, drawn anew for every batch; the bags stay in order.

    It bounds what a bag of tens of thousands of instances costs in training; in evaluation all are used. Whatever else
    a batch has of each instance (``features``, ``instance_label``) is kept with it.

    Parameters
    ----------
    at_most
        Instances of a bag.

    Raises
    ------
    ValueError
        It would leave nothing.
    """

    def __init__(self, *, at_most: int) -> None:
        if at_most < 1:
            raise ValueError(f"at_most is a number of instances of at least 1, not {at_most}")
        self.at_most = at_most

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with smaller bags: ``instances`` [N', C, H, W] and their ``offsets`` [B + 1]."""
        offsets = batch["offsets"].cpu()
        sizes = offsets.diff()
        if int(sizes.max()) <= self.at_most:
            return batch
        bag = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        drawn = torch.rand(len(bag), generator=generator, dtype=torch.float64)
        # sorted by bag and by what was drawn; the first of each bag are kept, in their old order
        order = torch.argsort(bag + drawn)
        place = torch.arange(len(bag)) - offsets[bag]
        kept = order[place < self.at_most].sort().values
        smaller = torch.cat([offsets[:1], sizes.clamp(max=self.at_most).cumsum(0)])
        of_instances = {
            name: value[kept.to(value.device)]
            for name, value in batch.items()
            if isinstance(value, torch.Tensor) and rows_of(name, batch) == "instances"
        }
        return {**batch, **of_instances, "offsets": smaller.to(batch["offsets"].device)}
