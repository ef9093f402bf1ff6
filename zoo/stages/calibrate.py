"""``calibrate``: probabilities and thresholds fitted to the validation groups."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from zoo.errors import UsageError
from zoo.stage_contract import Made, Taken, Work


class Calibrate:
    """Fit to the validation items what the task makes of outputs: temperatures, and a threshold for each class.

    What exactly is fitted is the task's business (``calibrate(outputs, dataset, items)``); it goes into the bank of the
    model. Neither training nor test items are looked at.

    Parameters
    ----------
    model
        The stage whose model is calibrated.
    temperature
        Whether logits are divided by a fitted number, so that probabilities are as often right as they say.
    thresholds
        Whether each class is called from a probability of its own, and not from one half.

    Raises
    ------
    UsageError
        The task has nothing to calibrate, or the stage named trained no model.
    DataError
        There are no validation groups.

    References
    ----------
    Guo et al., ICML 2017, arXiv:1706.04599.
    """

    judges = True

    def __init__(self, *, model: Taken, temperature: bool = True, thresholds: bool = True) -> None:
        self.model, self.temperature, self.thresholds = model, temperature, thresholds

    def run(self, work: Work) -> Generator[Any, None, Made]:
        """Calibrate the model."""
        model, fit = work.take(self.model).model, getattr(work.task, "calibrate", None)
        if model is None or fit is None:
            lacks = f"stage '{self.model}' trained no model" if model is None else "the task has nothing to calibrate"
            raise UsageError(f"{lacks}; leave the stage out, or name another")
        items = work.items("val")
        yield work.progress(0, len(items), "outputs")
        outputs = work.outputs(model, items)
        found = fit(outputs, work.dataset, items, temperature=self.temperature, thresholds=self.thresholds)
        told = {name: [round(float(value), 4) for value in values] for name, values in found.items()}
        return Made(calibration=found, summary=told)
