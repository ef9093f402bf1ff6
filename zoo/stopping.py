"""When training is over: how validation scores are weighed, which epoch was the best, and how the rate ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from zoo.checkpoint import Progress
from zoo.optim import Schedule
from zoo.schema import EarlyStop, TrainSettings

SUM = "val_sum"


@dataclass(frozen=True, slots=True)
class Stopping:
    """The rule by which a member's training ends; everything that changes is in its :class:`Progress`.

    Attributes
    ----------
    settings
        Of ``train``.
    scores
        Names of the task's scores, and whether higher is better.
    """

    settings: TrainSettings
    scores: Mapping[str, bool]

    @property
    def rule(self) -> EarlyStop | None:
        """What the recipe says of stopping early."""
        return self.settings.early_stop

    @property
    def needs_scores(self) -> bool:
        """Whether the loss of the validation groups is not enough to decide."""
        return self.rule is not None and set(self.rule.weights) != {"loss"}

    def summed(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the weighted sum of validation scores under its name; nothing where one score decides."""
        if self.rule is None or len(self.rule.weights) == 1:
            return {}
        signed = {name: weight if self._is_up(name) else -weight for name, weight in self.rule.weights.items()}
        return {SUM: sum(weight * values[f"val_{name}"] for name, weight in signed.items())}

    def judged(self, progress: Progress, values: Mapping[str, float]) -> tuple[Progress, bool]:
        """Return the progress after an epoch's validation, and whether it was the best so far."""
        if self.rule is None:
            return progress, False
        metric = next(iter(self.rule.weights))
        several = len(self.rule.weights) > 1
        value = values[SUM if several else f"val_{metric}"]
        up = {"min": False, "max": True, None: several or self._is_up(metric)}[self.rule.mode]
        best = progress.best
        if math.isfinite(value) and (best is None or (value > best if up else value < best)):
            return replace(progress, best=value, best_epoch=progress.epoch, waited=0), True
        return self._waited(replace(progress, waited=progress.waited + 1), self.rule), False

    def _waited(self, progress: Progress, rule: EarlyStop) -> Progress:
        """Stop after this epoch where it was waited long enough, or let the learning rate fall from here on."""
        if progress.waited < rule.patience or progress.cool_epoch >= 0:
            return progress
        if rule.cool is None:
            return replace(progress, stopped=True)
        return replace(progress, cool_epoch=progress.epoch + 1, cool_step=progress.steps)

    def epochs(self, progress: Progress) -> int:
        """Return how many epochs there are: as many as are set, fewer where the learning rate falls already."""
        if self.rule is None or self.rule.cool is None or progress.cool_epoch < 0:
            return self.settings.epochs
        return min(self.settings.epochs, progress.cool_epoch + self.rule.cool)

    def factor(self, schedule: Schedule, progress: Progress, steps_an_epoch: int) -> float:
        """Return the factor on the learning rate of the next step."""
        if progress.cool_step < 0:
            return schedule.factor(progress.steps)
        over = (self.epochs(progress) - progress.cool_epoch) * steps_an_epoch
        return schedule.cut_short(progress.steps, progress.cool_step, over)

    def _is_up(self, metric: str) -> bool:
        return self.scores.get(metric, False)
