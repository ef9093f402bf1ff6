"""A recipe with stages: those that all folds and seeds share first, then the others member by member."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo import pipeline, scoring, workbench
from zoo.errors import UsageError
from zoo.training import Member, Record, as_items

if TYPE_CHECKING:
    from accelerate import Accelerator

    from zoo.contracts import Dataset
    from zoo.filled import Filled
    from zoo.interrupts import Interrupts
    from zoo.run import Run
    from zoo.splits import Split
    from zoo.stage_contract import Made


class Staged:
    """A recipe with stages: those that all folds and seeds share first, then the others for each member."""

    def __init__(self, filled: Filled, untouched: Dataset, place: workbench.Workplace) -> None:
        if place.accelerator.num_processes > 1:
            raise UsageError("a recipe with stages trains in one process; start it without torchrun, a seed at a time")
        self.filled, self.untouched, self.place = filled, untouched, place
        self.views = [untouched, *filled.views(untouched)]
        self.dataset: Dataset = self.views[-1]
        self.taken: dict[str, Made] = {}

    def begin(self, folds: list[Split], first: str | None) -> Iterator[Record]:
        """Drop what is to be made anew, and run what neither fold nor seed changes."""
        begin = len(self.views) if first is None else pipeline.place_of(self.filled, first)
        common = pipeline.shared(pipeline.plan(self.filled, self.views, folds[0], self.filled.frame.train.seeds[0]))
        pipeline.forget(common, begin)
        nobody = as_items([])
        facts = dict(self.untouched.facts)
        task = self.filled.build("task", facts)
        everyone = Member(pipeline.EVERYONE, 0, self.filled, self.untouched, task, nobody, nobody, facts)
        yield from pipeline.run(self.place, everyone, common, self.views, self.taken)
        for fold, seed in itertools.product(folds, self.filled.frame.train.seeds) if first is not None else ():
            steps = pipeline.plan(self.filled, self.views, fold, seed)
            pipeline.forget(steps, max(begin, len(common)))

    def train(
        self, member: Member, fold: Split, run: Run, accelerator: Accelerator, interrupts: Interrupts
    ) -> Iterator[Record]:
        """Run the stages of a member, and score the model that comes of them."""
        steps, taken = pipeline.plan(self.filled, self.views, fold, member.seed), dict(self.taken)
        yield from pipeline.run(self.place, member, steps, self.views, taken)
        found = pipeline.outcome(steps, taken)
        model = workbench.built(self.filled, pipeline.final(found, self.filled), member.facts)
        yield scoring.scored(member, fold, run, model.to(accelerator.device), interrupts, came=found)
