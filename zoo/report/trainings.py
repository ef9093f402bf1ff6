"""The trainings of a run, read from the log: how each went, which epoch was its best, and whether it had converged.

By plain rules, which the page tells. A training had *not converged* where its loss (of the validation groups if there
are any) still fell by more than a twentieth over the last tenth of its epochs; or where its best epoch was its last,
while the learning rate was still above a tenth of its highest. It was *overfitted* where the weights of its last epoch
were kept although the validation loss was then more than a fifth above its lowest, or above where it had begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.report.facts import RunFacts, inside
from zoo.report.words import number

FALL, TAIL, LOW, RISE = 0.05, 0.1, 0.1, 0.2
"""Shares: of the loss, of the epochs, of the highest learning rate, of the lowest validation loss."""
LEAST = 3
"""Epochs from which on a training is judged."""
SUM, LOSS, VAL_LOSS = "val_sum", "loss", "val_loss"
RULE = (
    "A training counts as not converged where its loss (that of the validation groups, if there are any) still fell by "
    "more than 5 % over the last tenth of its epochs, or where its best epoch was its last one while the learning rate "
    "was still above a tenth of its highest; as overfitted where the weights of the last epoch were kept although the "
    "validation loss was by then more than 20 % above its lowest, or above where it had begun."
)


@dataclass(frozen=True, slots=True)
class Training:
    """One training: of a member, of a voter of its ensemble, or within one of its stages.

    Attributes
    ----------
    name
        As the log has it.
    member
        Whose it is.
    part
        Which of a member's trainings; empty where it has one.
    lines
        Its epochs in order.
    rule
        What the recipe says of stopping early, None where it does not.
    """

    name: str
    member: str
    part: str
    lines: list[Mapping[str, Any]]
    rule: Mapping[str, Any] | None = None

    def values(self, key: str) -> list[tuple[int, float]]:
        """Return (epoch from 1, value) where a value is a number."""
        found = [(int(line["epoch"]) + 1, number(line.get(key))) for line in self.lines]
        return [(epoch, value) for epoch, value in found if value is not None]

    @property
    def rates(self) -> dict[str, list[tuple[int, float]]]:
        """Part of the model -> its learning rate by epoch."""
        found: dict[str, list[tuple[int, float]]] = {}
        for line in self.lines:
            rates = line.get("lr")
            for name, value in rates.items() if isinstance(rates, dict) else ():
                rate = number(value)
                if rate is not None:
                    found.setdefault(str(name), []).append((int(line["epoch"]) + 1, rate))
        return found

    @property
    def metric(self) -> str:
        """What its best epoch is chosen by, as the log calls it; empty where nothing was validated."""
        stated = (self.rule or {}).get("metric")
        several = isinstance(stated, Mapping) and len(stated) > 1
        one = next(iter(stated), None) if isinstance(stated, Mapping) else stated
        for key in (SUM if several else f"val_{one}", VAL_LOSS):
            if self.values(key):
                return key
        return ""

    def best(self, directions: Mapping[str, bool]) -> int | None:
        """Return its best epoch, None where nothing was validated or nobody knows which way is better."""
        key = self.metric
        mode = {"min": False, "max": True}.get(str((self.rule or {}).get("mode")))
        up = True if key == SUM else False if key == VAL_LOSS else directions.get(key.removeprefix("val_"))
        up = up if mode is None else mode
        values = self.values(key) if key else []
        if not values or up is None:
            return None
        # the first of equal ones, as a training chooses it
        return max(values, key=lambda pair: (pair[1] if up else -pair[1], -pair[0]))[0]

    def trouble(self, directions: Mapping[str, bool]) -> str:
        """Return what is wrong with it, a few words; empty where nothing is, or where it is too short to tell."""
        epochs = [int(line["epoch"]) + 1 for line in self.lines]
        if len(epochs) < LEAST:
            return ""
        validated = self.values(VAL_LOSS)
        losses = [value for _, value in validated] if len(validated) >= LEAST else [v for _, v in self.values(LOSS)]
        what = "validation loss" if len(validated) >= LEAST else "loss"
        fell = _fell(losses)
        if fell > FALL:
            return f"not converged: the {what} still fell by {fell:.0%} at the end"
        if self.best(directions) == epochs[-1] and not self._ran_down():
            return "not converged: the best epoch was the last one"
        lowest = min(validated, key=lambda pair: pair[1], default=None)
        if self.rule is None and lowest and len(validated) >= LEAST and lowest[1] > 0:
            rose = validated[-1][1] / lowest[1] - 1
            if rose > RISE or validated[-1][1] > validated[0][1]:
                return f"overfitted: the validation loss was lowest in epoch {lowest[0]} and ended {rose:.0%} above"
        return ""

    def _ran_down(self) -> bool:
        """Return whether the learning rate had fallen low by the end, as a schedule lets it."""
        rates = [values for values in self.rates.values() if values]
        return bool(rates) and all(values[-1][1] <= LOW * max(rate for _, rate in values) for values in rates)


def _fell(losses: Sequence[float]) -> float:
    """Return by which share a loss fell over the last tenth of its values, held against the tenth before."""
    size = max(1, round(TAIL * len(losses)))
    if len(losses) < max(LEAST, 2 * size):
        return 0.0
    before, last = sum(losses[-2 * size : -size]) / size, sum(losses[-size:]) / size
    return (before - last) / abs(before) if before else 0.0


def of(facts: RunFacts) -> list[Training]:
    """Return the trainings of a run in the order of its log."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in facts.records:
        found.setdefault(line["member"], []).append(line)
    members = sorted({*facts.planned, *(one.member for one in facts.members)}, key=len, reverse=True)
    trainings = []
    for name, lines in found.items():
        member = next((one for one in members if name == one or name.startswith(f"{one}-")), name)
        part = name[len(member) :].removeprefix("-")
        ordered = sorted(lines, key=lambda line: line["epoch"])
        trainings.append(Training(name, member, part, ordered, _rule(facts, part)))
    return trainings


def _rule(facts: RunFacts, part: str) -> Mapping[str, Any] | None:
    """Return what the recipe says of stopping a training early: its own block, or that of the stage it belongs to."""
    stages = facts.said("stages")
    if not isinstance(stages, list) or not part:
        found = facts.said("train", "early_stop")
        return found if isinstance(found, Mapping) else None
    stage, _, called = part.partition("+")
    named = (one for one in stages if isinstance(one, Mapping) and one.get("name") == stage)
    block: Mapping[str, Any] = next(named, {})
    blocks = {str(key): value for key, value in block.items() if isinstance(value, Mapping) and "epochs" in value}
    fitting = [value for key, value in blocks.items() if key.removesuffix("train").strip("_") in called]
    found = inside(fitting[0] if called and fitting else next(iter(blocks.values()), {}), "early_stop")
    return found if isinstance(found, Mapping) else None


def directions(facts: RunFacts) -> dict[str, bool]:
    """Return for each score whether higher is better, read off the margins; what cannot be told so is left out.

    A margin is positive where the model is better, whichever way its score goes, and held against the best of floors.
    """
    found = {}
    for score, margin in facts.table.above_floor.items():
        column, floor = facts.table.scores.get(score), facts.table.best_floor(score)
        if column and column.mean is not None and floor and margin.mean:
            distance = column.mean - floor[1]
            if distance:
                found[score] = (distance > 0) == (margin.mean > 0)
        if score not in found and floor:
            others = [columns[score].mean for columns in facts.table.floors.values() if score in columns]
            apart = [value for value in others if value is not None and value != floor[1]]
            if apart:
                found[score] = floor[1] > apart[0]
    return found


def troubled(trainings: Sequence[Training], ways: Mapping[str, bool]) -> list[tuple[Training, str]]:
    """Return the trainings of which something is to be told, and what."""
    told = [(training, training.trouble(ways)) for training in trainings]
    return [(training, what) for training, what in told if what]
