"""How far long work is: parts tell, and whoever listens shows it; where nobody listens, nothing is kept and said.

A loop that may take long is told of in one line, and nothing that it does depends on it::

    for path in track(paths, "reading slides", unit="slides"):
        ...
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
BYTES = "B"
"""The unit of work that is counted in bytes."""


@dataclass(slots=True, eq=False)
class Step:
    """Work that is under way.

    Attributes
    ----------
    what
        What is being done, as one would say it: ``reading slides``.
    total
        How much there is to do, None where nobody knows.
    unit
        What is counted (``slides``), in the plural; :data:`BYTES` for bytes.
    told
        Whether its beginning is worth a line of its own where there are no bars.
    done, began
        How much of it is done, and when it began (``time.monotonic``).
    """

    what: str
    total: float | None = None
    unit: str = ""
    told: bool = False
    done: float = 0
    began: float = 0.0

    def advance(self, by: float = 1) -> None:
        """Tell that so much more is done."""
        self.done += by
        for listener in _listeners:
            listener.moved(self)


class Listener(Protocol):
    """Who shows how far work is; called from whichever thread does the work."""

    def began(self, step: Step) -> None:
        """Take that work has begun."""

    def moved(self, step: Step) -> None:
        """Take that more of it is done."""

    def ended(self, step: Step) -> None:
        """Take that it is over, done or not."""


_listeners: list[Listener] = []
# a process that was forked has no terminal of its own
os.register_at_fork(after_in_child=_listeners.clear)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let somebody be told of all work of this process, in whichever thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        if listener in _listeners:
            _listeners.remove(listener)


@contextmanager
def step(what: str, total: float | None = None, unit: str = "", *, told: bool = False) -> Iterator[Step]:
    """Tell of work for as long as it lasts; what is yielded is told how far it is (see :class:`Step`)."""
    now = Step(what, total, unit, told, began=time.monotonic())
    hearing = tuple(_listeners)
    for listener in hearing:
        listener.began(now)
    try:
        yield now
    finally:
        for listener in hearing:
            listener.ended(now)


def track(things: Iterable[T], what: str, total: float | None = None, unit: str = "") -> Iterable[T]:
    """Return things as they are, and tell how many of them have been dealt with while somebody goes through them.

    Parameters
    ----------
    things
        Gone through once.
    what, unit
        See :class:`Step`.
    total
        How many they are, where they do not know it themselves.
    """
    if not _listeners:
        return things
    return _tracked(things, what, len(things) if total is None and isinstance(things, Sized) else total, unit)


def _tracked(things: Iterable[T], what: str, total: float | None, unit: str) -> Iterator[T]:
    with step(what, total, unit) as now:
        for thing in things:
            yield thing
            now.advance()


@contextmanager
def without_bars_of_others() -> Iterator[None]:
    """Keep the client of the Hugging Face Hub from drawing bars of its own, whoever calls it in here."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
