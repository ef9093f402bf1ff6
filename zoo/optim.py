"""Optimizer and learning rate of a recipe; the rate follows from the step alone, so a resume needs no state of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.schema import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

DIVISION = 10.0
FINAL_DIVISION = 100.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Factor on the learning rate at each optimizer step.

    ``one-cycle`` rises along a cosine from 1/10 to 1 over ``warmup`` of the steps and falls along a cosine to 1/1000
    (Smith & Topin, arXiv:1708.07120; the shape and divisions of PyTorch's ``OneCycleLR``, momentum left alone).
    ``cosine`` falls from 1 to 0.
    """

    kind: str
    steps: int
    warmup: float

    def factor(self, step: int) -> float:
        """Return the factor for a step counted from 0."""
        if self.kind == "constant":
            return 1.0
        last = max(1, self.steps - 1)
        if self.kind == "cosine":
            return _cosine(1.0, 0.0, min(1.0, step / last))
        rise = max(1.0, self.warmup * self.steps - 1)
        if step <= rise:
            return _cosine(1 / DIVISION, 1.0, step / rise)
        return _cosine(1.0, 1 / (DIVISION * FINAL_DIVISION), min(1.0, (step - rise) / max(1.0, last - rise)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def make_optimizer(parts: dict[str, nn.Module], settings: TrainSettings) -> torch.optim.Optimizer:
    """Return AdamW or Adam with one group a part, each with its own learning rate (its ``initial_lr``)."""
    import torch

    groups = []
    for name, part in parts.items():
        parameters = [p for p in part.parameters() if p.requires_grad]
        rate = settings.lr if isinstance(settings.lr, float) else settings.lr.get(name, max(settings.lr.values()))  # type: ignore[call-overload]
        if parameters:
            groups.append({"params": parameters, "lr": rate, "initial_lr": rate, "name": name})
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=settings.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to its initial one times a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
