"""``embed``: the features of every instance, computed once."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from zoo.errors import UsageError
from zoo.stage_contract import Made, Taken, Work


class Embed:
    """Compute the features [N, F] of the instances of training and validation items with an earlier stage's encoder.

    Features are 32-bit and kept in one array, 4 F bytes an instance; a stage ``train`` or ``refine`` takes them by
    ``features``. They are those of ``transforms.eval``: what is drawn anew for every batch has no place here.

    Parameters
    ----------
    model
        The stage that trained the encoder.

    Raises
    ------
    UsageError
        That stage trained no model.
    DataError
        The data are no bags.
    """

    def __init__(self, *, model: Taken) -> None:
        self.model = model

    def run(self, work: Work) -> Generator[Any, None, Made]:
        """Compute the features."""
        model = work.take(self.model).model
        if model is None:
            raise UsageError(f"stage '{self.model}' trained no model; name one that did")
        return (yield from work.embed(model))
