"""Whether a sampler keeps what :class:`zoo.contracts.Sampler` promises."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.testing.findings import Finding, failed, place_of
from zoo.testing.values import Look, everyones_generators, looked_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.testing.subject import Subject

EPOCHS = 5


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a sampler over the training items of the subject's recipe."""
    yield from looked_at(subject, _Checks, runs)


def runs(subject: Subject) -> None:
    """Draw one epoch; raises what the sampler raises in a recipe that it is not made for."""
    _Checks(subject).drawn()


class _Checks:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.part: Any = subject.make()
        self.target = type(self.part)
        self.size = subject.filled.frame.train.batch

    def looks(self) -> list[tuple[str, Look]]:
        """Give the looks at it."""
        return [(name, getattr(self, name)) for name in ("items", "count", "repeat", "draws", "unchanged", "batch")]

    @cached_property
    def train(self) -> NDArray[np.int64]:
        """The items that it is handed."""
        return np.asarray(self.subject.items("train"), dtype=np.int64)

    def drawn(self, epoch: int = 0, *, part: Any = None, batch: int = 0) -> NDArray[Any]:
        """Return the items of an epoch, drawn from a generator of its own."""
        sampler, rng = (self.part if part is None else part), np.random.default_rng(epoch)
        return np.asarray(sampler(self.train.copy(), self.subject.dataset, batch=batch or self.size, rng=rng))

    def items(self) -> Iterator[Finding]:
        """Look for items, all of which it was handed."""
        found = self.drawn()
        if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
            what = f"returns {found.dtype} {list(found.shape)}"
            yield self.failed("items", f"{what}; return the numbers of at least one item, in one row")
            return
        strange = np.setdiff1d(found, self.train)
        if len(strange):
            what = f"returns item {strange[0]}, which is none of the {len(self.train)} training items"
            yield self.failed("items", f"{what}; return items of those handed over, and not their places")

    def count(self) -> Iterator[Finding]:
        """Count the items of several epochs."""
        counts = [len(self.drawn(epoch)) for epoch in range(EPOCHS)]
        if len(set(counts)) > 1:
            what = f"{', '.join(map(str, counts))} items in {EPOCHS} epochs"
            yield self.failed("count", f"returns {what}; every epoch needs as many, for the steps are counted ahead")

    def repeat(self) -> Iterator[Finding]:
        """Draw an epoch again: by the same sampler, and by a new one."""
        once = self.drawn(1)
        for who, part in (("asked again it", self.part), ("a new one", self.subject.make())):
            if not np.array_equal(once, self.drawn(1, part=part)):
                what = f"{who} draws other items from the same generator"
                yield self.failed("repeat", f"{what}; keep no state between epochs, or a resumed run is another")
                return

    def draws(self) -> Iterator[Finding]:
        """Look whether it draws from the generators that all code shares."""
        results, used = [], list[str]()
        for seed in (0, 1):
            with everyones_generators(seed) as found:
                results.append(self.drawn())
            used += found
        if used or not np.array_equal(results[0], results[1]):
            whose = ", ".join(dict.fromkeys(used)) or "a generator other than rng"
            yield self.failed(
                "draws", f"draws from {whose}, which a resumed run cannot go on with; draw from rng alone"
            )

    def unchanged(self) -> Iterator[Finding]:
        """Look whether the items that it was handed are as they were."""
        handed = self.train.copy()
        self.part(handed, self.subject.dataset, batch=self.size, rng=np.random.default_rng(0))
        if not np.array_equal(handed, self.train):
            what = "changes the items that it was given in place (rng.shuffle does); use rng.permutation"
            yield self.failed("unchanged", what)

    def batch(self) -> Iterator[Finding]:
        """Ask for batches that hold more than all items, as of a small fold."""
        large = self.size * (len(self.train) // self.size + 1)
        found = self.drawn(batch=large)
        if not len(found):
            what = f"returns nothing for a batch of {large} and {len(self.train)} items"
            yield self.failed("batch", f"{what}; return what there is, a last batch may be smaller")

    def failed(self, check: str, message: str) -> Finding:
        """Return a broken promise, with the line that draws."""
        return failed(check, message, place_of(self.target, "__call__") or place_of(self.subject.target))
