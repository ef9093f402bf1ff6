"""Optimizer and learning rate of a recipe; the rate follows from the step alone, so a resume needs no state of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    ``cosine`` falls from 1 to 0. A schedule that is cut short falls along a cosine from where it is to where it would
    have ended.
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
        return _cosine(1.0, self.end, min(1.0, (step - rise) / max(1.0, last - rise)))

    @property
    def end(self) -> float:
        """The factor that the schedule falls to; a constant one falls to 0 where it is cut short."""
        return 1 / (DIVISION * FINAL_DIVISION) if self.kind == "one-cycle" else 0.0

    def cut_short(self, step: int, since: int, over: int) -> float:
        """Return the factor for a step where the schedule was cut short at step ``since``, to end ``over`` later."""
        return _cosine(self.factor(since), self.end, min(1.0, (step - since + 1) / max(1, over)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, slots=True)
class Part:
    """Parameters that share a learning rate: those of a part of the model, and what that part stands in."""

    parameters: list[nn.Parameter]
    within: str | None = None


def make_optimizer(parts: Mapping[str, Part], settings: TrainSettings) -> torch.optim.Optimizer:
    """Return AdamW or Adam with one group a part, each with its own learning rate (its ``initial_lr``)."""
    import torch

    groups = []
    for name, part in parts.items():
        parameters = [p for p in part.parameters if p.requires_grad]
        rate = _rate(settings.lr, name, part.within)
        if parameters:
            groups.append({"params": parameters, "lr": rate, "initial_lr": rate, "name": name})
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=settings.weight_decay)


def _rate(lr: float | Mapping[str, float], name: str, within: str | None) -> float:
    if isinstance(lr, float):
        return lr
    return lr.get(name, lr.get(within or name, max(lr.values())))


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to its initial one times a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
