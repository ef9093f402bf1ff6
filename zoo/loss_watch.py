"""The loss of each batch on its way to the epoch's mean."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from zoo.checkpoint import Progress
from zoo.errors import RunError


class LossWatch:
    """Adds up the loss and stops the run when it is not finite.

    On a GPU the value of a batch is read one batch later, so that the queue of the device never runs dry; nothing is
    written before the last value has been read.
    """

    def __init__(self, *, lag: bool) -> None:
        self.lag = lag
        self._pending: tuple[torch.Tensor, int, int, list[str]] | None = None

    def add(self, loss: torch.Tensor, progress: Progress, ids: list[str], last_good: Path) -> None:
        """Take the loss of the batch that ``progress`` stands at."""
        self.settle(progress, last_good)
        self._pending = (loss, progress.epoch, progress.batch, ids)
        if not self.lag:
            self.settle(progress, last_good)

    def settle(self, progress: Progress, last_good: Path) -> None:
        """Read the value that is still on its way."""
        if self._pending is None:
            return
        loss, epoch, batch, ids = self._pending
        self._pending = None
        value = float(loss)
        if not math.isfinite(value):
            shown = ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")  # noqa: PLR2004
            raise RunError(
                f"the loss became {value} in epoch {epoch + 1}, batch {batch + 1} (items {shown}); the last good "
                f"checkpoint is {last_good}; lower train.lr, set train.clip, or look at these items"
            )
        progress.loss_sum += value
        progress.loss_count += 1
