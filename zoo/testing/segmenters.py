"""Whether a segmenter keeps what :class:`zoo.contracts.Segmenter` promises, on a simulated field of nuclei."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.testing.findings import Finding, attempt, failed, place_of, warned
from zoo.testing.values import Look, difference, everyones_generators, looked_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.testing.subject import Subject

    Planes = dict[str, NDArray[Any]]

HEIGHT, WIDTH = 96, 128
"""Pixels of the simulated field, which is not square."""
RADIUS, APART = 7.0, 32
"""Of a nucleus, and from the middle of one to the next, in pixels."""
DARK, LIGHT, NOISE = 0.05, 0.6, 0.01
FEW = 3
"""Cells that may be found where there are none."""
WHITE = {"uint8": 255, "uint16": 65535, "float32": 1}


def simulated_field(names: tuple[str, ...] = ("nucleus",), *, kind: str = "uint8", cells: bool = True) -> Planes:
    """Return planes of a SIMULATED field with twelve nuclei, discs on noise; those not of nuclei show a body around.

    Parameters
    ----------
    names
        What the planes show.
    kind
        ``uint8``, ``uint16`` or ``float32`` (in [0, 1]).
    cells
        Whether there are any; without them a plane is noise.
    """
    rng = np.random.default_rng(0)
    y, x = np.indices((HEIGHT, WIDTH))
    # how far each pixel is from the middle of the nearest nucleus
    far = np.hypot((y % APART) - APART / 2, (x % APART) - APART / 2)
    planes = {}
    for name in names:
        width = RADIUS if "nucle" in name else 1.7 * RADIUS
        lit = LIGHT / (1 + np.exp(far - width)) if cells else np.zeros_like(far)
        plane = np.clip(DARK + lit + NOISE * rng.normal(size=far.shape), 0, 1)
        planes[name] = (plane * WHITE[kind]).astype(kind)
    return planes


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a segmenter; one whose weights or package are not here is skipped."""
    yield from looked_at(subject, _Checks)


class _Checks:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.part: Any = subject.make()
        self.target = type(self.part)
        told = getattr(self.part, "needs", ("nucleus",))
        self.names = tuple(told) if isinstance(told, tuple) else ("nucleus",)

    def looks(self) -> list[tuple[str, Look]]:
        """Give the looks at it."""
        names = ("needs", "cells", "repeat", "unchanged", "kinds", "empty", "planes", "pickle")
        return [(name, getattr(self, name)) for name in names]

    @cached_property
    def field(self) -> Planes:
        """The field, of what it needs and nothing more."""
        return simulated_field(self.names)

    def cells_of(self, planes: Mapping[str, NDArray[Any]], part: Any = None) -> Any:
        """Return what it finds in copies of planes."""
        return (self.part if part is None else part)({name: plane.copy() for name, plane in planes.items()})

    def needs(self) -> Iterator[Finding]:
        """Look whether it says what it needs."""
        told = getattr(self.part, "needs", None)
        if not isinstance(told, tuple) or not told or not all(isinstance(name, str) and name for name in told):
            what = f"needs is {told!r}; name the planes without which it cannot work, as in needs = ('nucleus',)"
            yield failed("needs", what, place_of(self.target, "needs"))

    def cells(self) -> Iterator[Finding]:
        """Look whether labels are 0 and 1 to n, of the size of the field."""
        found = self.cells_of(self.field)
        yield from self._labelled("cells", found)
        if isinstance(found, np.ndarray) and not found.any():
            what = (
                "finds none of the twelve nuclei of a simulated field (discs of 14 pixels); see that its defaults fit"
            )
            yield warned("cells", what, place_of(self.target, "__call__"))

    def _labelled(self, check: str, found: Any) -> Iterator[Finding]:
        if not isinstance(found, np.ndarray) or found.dtype != np.int32 or found.shape != (HEIGHT, WIDTH):
            shape = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else type(found).__name__
            what = f"returns {shape} for a field of {HEIGHT} x {WIDTH} pixels"
            yield self.failed(check, f"{what}; return an int32 array [H, W] of the size of the planes")
            return
        there = np.unique(found[found != 0])
        if len(there) and (there[0] < 1 or there[-1] != len(there)):
            what = f"labels {len(there)} cells by numbers from {there[0]} to {there[-1]}"
            yield self.failed(check, f"{what}; number them 1 to {len(there)} without holes")

    def repeat(self) -> Iterator[Finding]:
        """Segment a field twice, and by a new segmenter."""
        results = []
        for seed, part in enumerate((self.part, self.part, self.subject.make())):
            with everyones_generators(seed):
                results.append(self.cells_of(self.field, part))
        if not all(np.array_equal(results[0], other) for other in results[1:]):
            what = "the same field gives other cells the second time; seed what is drawn, and keep no state of a field"
            yield self.failed("repeat", what)

    def unchanged(self) -> Iterator[Finding]:
        """Look whether the planes that it was handed are as they were."""
        handed = {name: plane.copy() for name, plane in self.field.items()}
        self.part(handed)
        apart = difference(self.field, handed)
        if apart:
            yield self.failed("unchanged", f"changes the planes that it was given: {apart}; work on a copy")

    def kinds(self) -> Iterator[Finding]:
        """Segment the field in 8 and 16 bits and in floating point."""
        for kind in WHITE:
            with attempt("kinds", self.target) as refused:
                refused.extend(self._labelled("kinds", self.cells_of(simulated_field(self.names, kind=kind))))
            for finding in refused:
                yield failed("kinds", f"of {kind} planes: {finding.message}", finding.place)

    def empty(self) -> Iterator[Finding]:
        """Segment a field of nothing, and one of noise."""
        noise = simulated_field(self.names, cells=False)
        for what, planes in (("zeros", {name: np.zeros_like(p) for name, p in noise.items()}), ("noise", noise)):
            with attempt("empty", self.target) as refused:
                found = self.cells_of(planes)
                refused.extend(self._labelled("empty", found))
            for finding in refused:
                yield failed("empty", f"in a field of {what}: {finding.message}", finding.place)
            count = 0 if refused else int(found.max())
            if count > FEW:
                told = f"finds {count} cells in a field of {what} without any, where {FEW} would be few"
                finding = self.failed("empty", f"{told}; ask that a cell stands out of its ground")
                # what noise of a few grey levels looks like is for each segmenter to weigh
                yield finding if what == "zeros" else warned("empty", finding.message, finding.place)

    def planes(self) -> Iterator[Finding]:
        """Segment a field with a plane that nobody knows."""
        found = self.cells_of({**self.field, "something-else": self.field[self.names[0]] // 2})
        yield from self._labelled("planes", found)

    def pickle(self) -> Iterator[Finding]:
        """Send it to another process and back."""
        try:
            # our own object, made a moment ago
            other = pickle.loads(pickle.dumps(self.part))  # noqa: S301
        except (pickle.PickleError, TypeError, AttributeError) as error:
            what = f"cannot be sent to the processes that segment ({error}); load what is heavy in the first call"
            yield failed("pickle", what, place_of(self.target, "__init__") or place_of(self.target))
            return
        if not np.array_equal(self.cells_of(self.field), self.cells_of(self.field, other)):
            yield self.failed("pickle", "finds other cells in another process; send all settings along")

    def failed(self, check: str, message: str) -> Finding:
        """Return a broken promise, with the line that segments."""
        return failed(check, message, place_of(self.target, "__call__") or place_of(self.subject.target))
