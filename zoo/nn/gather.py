"""The embeddings of all processes, so that a contrastive loss is the loss of the global batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist

_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


class _Gather(torch.autograd.Function):
    """All-gather whose gradient is summed over the processes.

    Every process computes the loss of the whole batch, so each holds a part of the gradient of every embedding; the sum
    times the averaging of data-parallel training is the gradient that a single process would have.
    """

    @staticmethod
    def forward(ctx: object, local: torch.Tensor) -> torch.Tensor:  # noqa: ARG004 - the shape is PyTorch's
        parts = [torch.empty_like(local) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()].contiguous()


@contextmanager
def alone() -> Iterator[None]:
    """Within this block every process keeps to its own batch (each validates on everything)."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def gather(local: torch.Tensor) -> torch.Tensor:
    """Return the rows [B, ...] of all processes, in order of rank; the tensor itself in a single process."""
    if _ALONE.get() or not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return local
    gathered: torch.Tensor = _Gather.apply(local)
    return gathered
