"""Whether a stage keeps what :class:`zoo.stage_contract.Stage` promises, run in its recipe, made short."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import pipeline
from zoo.experiment import fit_dataset, folds_of
from zoo.stage_contract import Made
from zoo.staging import Staged
from zoo.testing import trial
from zoo.testing.findings import Finding, attempt, failed, place_of, skipped
from zoo.testing.values import difference, everyones_generators, examined, not_plain
from zoo.training import Member, Record

if TYPE_CHECKING:
    from zoo.splits import Split
    from zoo.testing.subject import Subject

MOST = 128
"""Items of the data up to which a stage is run."""


@dataclass
class _Heard:
    """What was heard of one run of a stage: what it yielded, what it returned, which items it read."""

    yielded: list[Any] = field(default_factory=list)
    returned: Any = None
    read: set[int] = field(default_factory=set)


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a stage, and run it twice with the stages before it."""
    with attempt("builds", subject.target) as refused:
        checks = _Checks(subject)
    if refused:
        yield from refused
        return
    found = list(
        examined(checks.target, [("generator", checks.generator), ("data", checks.data), ("runs", checks.run)])
    )
    yield from found
    if all(finding.verdict == "PASS" for finding in found):
        looks = ("tells", "made", "repeat", "items")
        yield from examined(checks.target, [(name, getattr(checks, name)) for name in looks])


class _Checks:
    """A stage, and what was heard of it when it ran in a recipe that is short."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.part: Any = subject.make()
        self.target = type(self.part)
        self.number = int(subject.path[1])
        self.filled = trial.short(subject.filled)
        self.heard: list[_Heard] = []
        self.tested: set[int] = set()

    @property
    def is_fitted(self) -> bool:
        """Whether what it makes hangs on split and seed."""
        return bool(getattr(self.part, "fitted", True))

    def generator(self) -> Iterator[Finding]:
        """Look whether ``run`` is a generator."""
        run = getattr(self.target, "run", None)
        if run is None or not inspect.isgeneratorfunction(run):
            lacks = "has no method run" if run is None else "run is no generator: it holds no yield"
            what = f"{lacks}; write 'def run(self, work): ...', which yields work.progress(...) and returns Made(...)"
            yield self.failed("generator", what)

    def data(self) -> Iterator[Finding]:
        """Look whether ``fitted`` and ``judges`` say yes or no, and ``over`` gives data."""
        for name in ("fitted", "judges"):
            told = getattr(self.part, name, False)
            if not isinstance(told, bool):
                yield self.failed("data", f"{name} is {told!r}; say True or False", name)

    def run(self) -> Iterator[Finding]:
        """Run the stage and those before it, from nothing, once and once more."""
        items = len(self.filled.build("data", {}))
        if items > MOST:
            what = f"its recipe has {items} items, and checks run at most {MOST}; give a smaller one by recipe=PATH"
            yield skipped("runs", what)
            return
        for seed in (0, 1):
            with trial.own_folders() as folder, everyones_generators(seed):
                self.heard.append(self._run(folder))

    def _run(self, folder: Path) -> _Heard:
        filled, heard = self.filled, _Heard()
        place = trial.workplace(filled, folder / "run")
        untouched = filled.build("data", {})
        folds = folds_of(filled, untouched)
        staged = Staged(filled, untouched, place)
        with _listening(staged.dataset, heard.read):
            if self.is_fitted:
                _drained(staged.begin(folds, None))
                fit_dataset(filled, staged.dataset, folds[0])
                member = trial.member_of(filled, staged.dataset, folds[0])
            else:
                task = filled.build("task", dict(untouched.facts))
                none, facts = np.zeros(0, np.int64), dict(untouched.facts)
                member = Member(pipeline.EVERYONE, 0, filled, untouched, task, none, none, facts)
            self._step(staged, member, folds[0], heard)
        self.tested = set(folds[0].items(staged.dataset.groups[folds[0].unit], "test"))
        return heard

    def _step(self, staged: Staged, member: Member, fold: Split, heard: _Heard) -> None:
        """Run the stages before this one, then this one, hearing what it says."""
        steps = pipeline.plan(self.filled, staged.views, fold, member.seed)
        before, own, taken = steps[: self.number], steps[self.number], dict(staged.taken)
        _drained(pipeline.run(staged.place, member, before, staged.views, taken))
        heard.read.clear()
        run = own.stage.run

        def overheard(work: Any) -> Generator[Any, None, Any]:
            steps = run(work)
            while True:
                try:
                    told = next(steps)
                except StopIteration as stop:
                    heard.returned = stop.value
                    # what cannot be kept is told of, and would stop the run here
                    return None if list(self._unkept(stop.value)) else stop.value
                heard.yielded.append(told)
                if isinstance(told, Record):
                    yield told

        own.stage.run = overheard
        _drained(pipeline.run(staged.place, member, [own], staged.views, taken))

    def tells(self) -> Iterator[Finding]:
        """Look whether it yields what the run can tell of."""
        strange = [told for told in self.heard[0].yielded if not isinstance(told, Record)]
        if strange:
            what = f"yields {strange[0]!r:.60}; yield what work.progress, work.fit and work.embed give"
            yield self.failed("tells", what)

    def made(self) -> Iterator[Finding]:
        """Look whether what it hands on can be kept."""
        for what in self._unkept(self.heard[0].returned):
            yield self.failed("made", what)

    def _unkept(self, made: Any) -> Iterator[str]:
        """Say what of a result cannot be kept."""
        if made is None:
            return
        if not isinstance(made, Made):
            yield f"returns a {type(made).__name__}; return Made(...), or nothing"
            return
        for name, values in {**made.arrays, **made.calibration}.items():
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
                given = getattr(values, "dtype", type(values).__name__)
                yield f"'{name}' is {given}; hand on arrays of numbers"
        strange = not_plain(dict(made.summary), "summary")
        if strange:
            yield f"{strange}, which no JSON has; tell text, whole numbers and finite floats"

    def repeat(self) -> Iterator[Finding]:
        """Hold what it made twice against each other."""
        once, then = (_values(heard.returned) for heard in self.heard)
        apart = difference(once, then)
        if apart:
            what = f"made again it is another: {apart}"
            yield self.failed("repeat", f"{what}; draw from nothing but work, for what is kept is not made again")

    def items(self) -> Iterator[Finding]:
        """Look whether it read items of test groups."""
        seen = sorted(self.heard[0].read & self.tested)
        if self.is_fitted and seen:
            what = f"reads {len(seen)} items of the test groups (item {seen[0]} is the first)"
            yield self.failed("items", f"{what}; take items from work.items('train') and work.items('val') alone")

    def failed(self, check: str, message: str, name: str = "run") -> Finding:
        """Return a broken promise, with the line that has to do with it."""
        return failed(check, message, place_of(self.target, name) or place_of(self.subject.target))


@contextmanager
def _listening(dataset: Any, read: set[int]) -> Iterator[None]:
    """Note which items of a dataset are read."""
    batch = dataset.batch

    def heard(items: Any) -> Any:
        read.update(np.asarray(items).tolist())
        return batch(items)

    with suppress(AttributeError):  # it has slots, and cannot be listened to
        dataset.batch = heard
    yield


def _drained(records: Iterator[Any]) -> None:
    for _ in records:
        pass


def _values(made: Any) -> dict[str, Any]:
    """Return all numbers that were handed on, by name."""
    if not isinstance(made, Made):
        return {}
    models = {"": made.model, **made.others} if made.model else dict(made.others)
    weights = {f"{who} {name}".strip(): value for who, model in models.items() for name, value in model.weights.items()}
    return {**made.arrays, **made.calibration, **weights}
