"""Whether a transform keeps what :class:`zoo.contracts.Transform` promises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.testing.findings import Finding, failed, place_of, skipped
from zoo.testing.values import OFFSETS, Look, copied, difference, everyones_generators, kept, looked_at, size

if TYPE_CHECKING:
    from zoo.contracts import Batch
    from zoo.testing.subject import Subject

SOME = 4
IMAGE_DIMENSIONS = 4
SEED = 1
NEAR = 1e-4
"""How far the results of two devices may lie apart."""


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a transform over a batch of the subject's recipe; one that is fitted is fitted to its training items."""
    yield from looked_at(subject, _Checks, runs)


def runs(subject: Subject) -> None:
    """Change one batch; raises what the transform raises in a recipe that it is not made for."""
    _Checks(subject).changed()


class _Checks:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.made: Any = subject.make()
        self.target = type(self.made)
        self.is_fitted = hasattr(self.made, "fit")

    def looks(self) -> list[tuple[str, Look]]:
        """Give the looks at it; those at what was fitted where it is fitted."""
        names = ["batch", "unchanged", "finite", "generator", "draws", "single"]
        names += ["fit", "restore"] if self.is_fitted else []
        return [(name, getattr(self, name)) for name in (*names, "cuda")]

    @cached_property
    def part(self) -> Any:
        """The transform, fitted where it is one that is."""
        return self.fitted() if self.is_fitted else self.made

    def fitted(self) -> Any:
        """Return a new one, fitted to the training items."""
        new = self.subject.make()
        new.fit(self.subject.dataset, np.asarray(self.subject.items("train")))
        return new

    @cached_property
    def given(self) -> Batch:
        """The batch that it is handed."""
        return self.subject.batch(SOME)

    def changed(self, part: Any = None, batch: Batch | None = None, *, seed: int = SEED) -> Mapping[str, Any]:
        """Return what it makes of a batch, which is a copy, with a generator of its own."""
        handed = copied(self.given if batch is None else batch)
        found: Mapping[str, Any] = (self.part if part is None else part)(handed, torch.Generator().manual_seed(seed))
        return found

    def batch(self) -> Iterator[Finding]:
        """Look whether a batch comes out that the model can take in the place of the one that went in."""
        found = self.changed()
        if not isinstance(found, Mapping):
            yield self.failed("batch", f"returns a {type(found).__name__}; return the batch, with what was changed")
            return
        lacking = sorted(set(self.given) - set(found))
        if lacking:
            yield self.failed(
                "batch", f"leaves out {', '.join(lacking)}; return {{**batch, ...}}, the others as they were"
            )
            return
        count = len(found[OFFSETS]) - 1 if OFFSETS in found else len(found["id"])
        if count != size(self.given) or found["id"] != self.given["id"]:
            what = f"makes {count} items of {size(self.given)}, or names them anew; return each item once, in order"
            yield self.failed("batch", what)
        for name, value in self.given.items():
            if isinstance(value, torch.Tensor):
                yield from self._like("batch", name, value, found)

    def _like(self, check: str, name: str, was: torch.Tensor, found: Mapping[str, Any]) -> Iterator[Finding]:
        now = found[name]
        rows = {len(was), int(found[OFFSETS][-1])} if OFFSETS in found else {len(was)}
        if not isinstance(now, torch.Tensor) or now.dtype != was.dtype:
            what = f"makes '{name}' {getattr(now, 'dtype', type(now).__name__)} of {was.dtype}"
            yield self.failed(check, f"{what}; a model is built for {was.dtype}, so keep it")
        elif not self.is_fitted and len(now) not in rows:
            wanted = " or ".join(map(str, sorted(rows)))
            yield self.failed(check, f"makes {len(now)} rows of '{name}' of {len(was)}; return {wanted}")

    def unchanged(self) -> Iterator[Finding]:
        """Look whether the batch that it was handed is as it was."""
        handed = copied(self.given)
        self.part(handed, torch.Generator().manual_seed(SEED))
        apart = difference(self.given, handed)
        if apart:
            what = f"changes the batch that it was given in place: {apart}"
            yield self.failed("unchanged", f"{what}; return a new mapping, and new tensors where values change")

    def finite(self) -> Iterator[Finding]:
        """Look whether images are numbers still."""
        for name, value in self.changed().items():
            is_image = isinstance(value, torch.Tensor) and value.ndim == IMAGE_DIMENSIONS and value.is_floating_point()
            if is_image and not bool(torch.isfinite(value).all()):
                count = int((~torch.isfinite(value)).sum())
                what = f"leaves {count} of {value.numel()} values of '{name}' that are no finite numbers"
                yield self.failed("finite", f"{what}; bound what it divides by")

    def generator(self) -> Iterator[Finding]:
        """Change a batch twice from one state of the generator."""
        apart = difference(self.changed(), self.changed())
        if apart:
            what = f"the same generator gives two results: {apart}"
            yield self.failed("generator", f"{what}; draw with generator=generator, and keep no state between batches")

    def draws(self) -> Iterator[Finding]:
        """Look whether it draws from the generators that all code shares."""
        results, used = [], list[str]()
        for seed in (0, 1):
            with everyones_generators(seed) as found:
                results.append(self.changed())
            used += found
        if used:
            what = f"draws from {', '.join(dict.fromkeys(used))}, which a resumed run cannot go on with"
            yield self.failed("draws", f"{what}; draw from the generator that it is given")
        elif difference(*results):
            yield self.failed("draws", "another seed of the process changes the result; draw from the generator alone")

    def single(self) -> Iterator[Finding]:
        """Change a batch of one item."""
        one = self.subject.batch(1)
        found = self.changed(batch=one)
        for name, value in one.items():
            if isinstance(value, torch.Tensor) and name in found:
                yield from self._like("single", name, value, found)

    def fit(self) -> Iterator[Finding]:
        """Fit twice: what is fitted follows from the items handed over, and from nothing else."""
        train, states = np.asarray(self.subject.items("train")), []
        for seed, before in ((0, None), (1, np.arange(len(self.subject.dataset)))):
            new = self.subject.make()
            with everyones_generators(seed):
                if before is not None:
                    new.fit(self.subject.dataset, before)
                new.fit(self.subject.dataset, train)
            states.append(json.dumps(new.state(), sort_keys=True, default=str))
        if states[0] != states[1]:
            what = "fitted to the same items twice it is another, by what it was fitted to before or by what it draws"
            yield self.failed("fit", f"{what}; fit to the items handed over, and forget what was there", "fit")

    def restore(self) -> Iterator[Finding]:
        """Write down what was fitted, and take it back."""
        state, strange = kept(self.part.state())
        if strange:
            yield self.failed("restore", strange, "state")
            return
        new = self.fitted()
        new.restore(state)
        apart = difference(self.changed(), self.changed(new), tolerance=NEAR)
        if apart:
            what = f"one that takes the state back gives another result: {apart}"
            yield self.failed("restore", f"{what}; put into state() all that fit finds", "state")

    def cuda(self) -> Iterator[Finding]:
        """Change a batch on the device as well."""
        if not torch.cuda.is_available():
            yield skipped("cuda", "no CUDA device is here; run the checks once where there is one")
            return
        moved = {n: v.cuda() if isinstance(v, torch.Tensor) else v for n, v in self.given.items()}
        apart = difference(self.changed(), self.changed(batch=moved), tolerance=NEAR)
        if apart:
            what = f"CPU and CUDA give two results: {apart}"
            yield self.failed("cuda", f"{what}; draw on the CPU, where the generator is, and move what was drawn")

    def failed(self, check: str, message: str, name: str = "__call__") -> Finding:
        """Return a broken promise, with the line that has to do with it."""
        return failed(check, message, place_of(self.target, name) or place_of(self.subject.target))
