"""Sums, means, maxima and softmax over bags that are packed one after the other, at the cost of their instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from zoo.errors import DataError


@dataclass(frozen=True, slots=True)
class Segments:
    """Which rows of a packed tensor belong to which bag.

    Every method takes rows [N] or [N, M] and works down each column by itself. Sums are accumulated in 64 bits and
    everything is returned in at least 32, whatever the rows have. No method loops over bags or pads them: time and
    memory follow from N. A number that is not finite stays in its own bag.

    Attributes
    ----------
    offsets
        Bag b has rows ``offsets[b]`` to ``offsets[b + 1]``: [B + 1], whole numbers.
    sizes
        Rows of each bag [B].
    index
        The bag of each row [N].
    """

    offsets: torch.Tensor
    sizes: torch.Tensor
    index: torch.Tensor

    @classmethod
    def of(cls, batch: Mapping[str, Any], rows: int) -> Segments:
        """Read the ``offsets`` of a batch whose bags have this many rows together.

        Raises
        ------
        DataError
            A bag is empty, or the offsets do not cover the rows from the first to the last.
        """
        offsets: torch.Tensor = batch["offsets"]
        sizes = offsets.diff()
        # one question to the device, because each waits for it
        wrong = (sizes < 1).any() | (offsets[:1] != 0).any() | (offsets[-1:] != rows).any()
        if not len(sizes) or bool(wrong):
            raise DataError(_fault(offsets.tolist(), rows, batch.get("id")))
        bags = torch.arange(len(sizes), device=offsets.device)
        return cls(offsets, sizes, torch.repeat_interleave(bags, sizes, output_size=rows))

    def sum(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the sum over each bag [B, ...]."""
        total: torch.Tensor = _Sum.apply(rows, self)
        return total

    def mean(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the mean over each bag [B, ...]."""
        return self.sum(rows) / self._along(self.sizes, rows)

    def softmax(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the softmax within each bag [N, ...]; the columns of a bag add up to one."""
        scores = _wide(scores)
        highest = self._reduce(scores.detach(), "max")
        raised = (scores - self.spread(highest)).exp()
        return raised / self.spread(self.sum(raised))

    def max(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the maximum over each bag [B, ...]; rows that tie share the gradient, as in ``torch.amax``."""
        return self._weigh(rows, self.max_shares(rows))

    def top_mean(self, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the mean of the k highest rows of each bag [B, ...], of all where there are fewer."""
        return self._weigh(rows, self.top_shares(rows, k))

    def max_shares(self, rows: torch.Tensor) -> torch.Tensor:
        """Return by how much each row makes its bag's maximum [N, ...]: one, or an even share where rows tie."""
        rows = _wide(rows.detach())
        chosen = (rows == self.spread(self._reduce(rows, "max"))).to(rows.dtype)
        return chosen / self.spread(self._reduce(chosen, "sum"))

    def top_shares(self, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return by how much each row makes the mean of its bag's k highest [N, ...]: one in k, or nothing.

        Of rows that tie for the last place the first is taken.
        """
        rows = _wide(rows.detach())
        order = rows.argsort(dim=0, descending=True, stable=True)
        order = order.gather(0, self.index[order].argsort(dim=0, stable=True))  # the bags in turn, each from its top
        rank = torch.arange(len(rows), device=rows.device) - self.spread(self.offsets[:-1])
        share = (rank < k) / self.spread(self.sizes.clamp(max=k)).to(rows.dtype)
        return torch.zeros_like(rows).scatter_(0, order, self._along(share, rows).expand_as(rows))

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """Return for each row the value of its bag: [B, ...] -> [N, ...]."""
        return values.index_select(0, self.index)

    def _weigh(self, rows: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Return the sum over each bag [B, ...] of rows times their shares; a row without a share may be infinite."""
        return self.sum(torch.where(shares == 0, 0, rows * shares))

    def _reduce(self, rows: torch.Tensor, how: str) -> torch.Tensor:
        """Reduce a column after the other, each a row of consecutive numbers, which the kernels are fast with."""
        wide = torch.float64 if how == "sum" else _wide(rows).dtype
        columns = rows.reshape(len(rows), -1).T.to(wide).contiguous()
        starts = torch.arange(len(columns), device=rows.device)[:, None] * len(rows) + self.offsets[:-1]
        bounds = torch.nn.functional.pad(starts.flatten(), (0, 1), value=columns.numel())
        reduced = torch.segment_reduce(columns.flatten(), how, offsets=bounds, unsafe=True)
        return reduced.view(len(columns), -1).T.reshape(-1, *rows.shape[1:]).to(_wide(rows).dtype)

    @staticmethod
    def _along(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return values.view(-1, *[1] * (like.ndim - 1))


class _Sum(torch.autograd.Function):
    """The sum over each bag; its gradient is handed to every row of the bag."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, segments: Segments) -> torch.Tensor:
        ctx.segments, ctx.dtype = segments, rows.dtype
        return segments._reduce(rows, "sum")  # noqa: SLF001 - its other half

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.segments.spread(gradient).to(ctx.dtype), None


def _wide(rows: torch.Tensor) -> torch.Tensor:
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _fault(offsets: list[int], rows: int, names: Any) -> str:
    """Return the sentence for offsets that are no bags."""
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != rows:  # noqa: PLR2004 - of one bag there are two
        shown = f"from {offsets[0]} to {offsets[-1]}" if offsets else "nowhere"
        return f"offsets lead {shown}, but there are {rows} instances; they lead from 0 to the number of instances"
    bag = next(b for b, (start, end) in enumerate(pairwise(offsets)) if end <= start)
    called = f" ('{names[bag]}')" if names else ""
    return (
        f"bag {bag}{called} of the batch has no instance (offsets {offsets[bag]} to {offsets[bag + 1]}); "
        "every bag holds at least one, so leave it out of the data"
    )
