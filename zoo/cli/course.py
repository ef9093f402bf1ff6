"""How far a training is: what its records tell, and how long the rest of it will take at this pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.training import Record

SHARED = "all"
"""Whose the stages are that all members share."""
SURE_S = 2.0
"""Seconds of training before anything is said of the time left."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is under way: so much ``done`` of a ``total``, and what is known of the time it takes (``left``), in words.

    A ``share`` counts nothing: it is done from 0 to 1.
    """

    what: str
    done: float
    total: float | None
    unit: str = ""
    left: str = ""
    share: bool = False


class Course:
    """The course of a run over all its members, as its records tell of it.

    The time left follows from the epochs of all members. How long the stages of a recipe take nobody knows before one
    member has been through them; until then it is that of the training at hand.

    Parameters
    ----------
    now
        The clock.
    """

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or time.monotonic
        self.members, self.voters, self.staged, self.at_most = 1, 1, False, False
        self.finished = self._begun = 0
        self._inside = self._since_inside = 0.0
        self._since: float | None = None
        self._first = self._last = self._now()
        self._going: tuple[tuple[str, int], int, float] | None = None
        self.row: Row | None = None

    def take(self, record: Record) -> None:
        """Take what the loop tells."""
        values = record.values
        if record.kind == "plan":
            self.members, self.voters = max(1, values["members"]), max(1, values["voters"])
            self.staged, self.at_most = values["stages"] > 0, values["may_stop"]
        elif record.kind == "member":
            self._begun += 1
            self._inside, self.row = 0.0, None
            self._since = None if self.staged else self._since
        elif record.kind == "batch":
            self._batch(record)
        elif record.kind == "epoch":
            self._inside = (record.epoch + 1) / max(1, record.epochs)
            self.row = None if record.epoch + 1 >= record.epochs else self.row  # what comes next is no epoch
        elif record.kind == "progress":
            self._stage(values)
        elif record.kind == "stage":
            self.row = None
            self._first = self._now() if not self.finished and record.member == SHARED else self._first
        elif record.kind == "scored":
            self.finished, self._begun, self._inside, self.row = self.finished + 1, 0, 0.0, None
            self._last = self._now()

    def _stage(self, values: dict[str, Any]) -> None:
        done, total, now = values["done"], values["total"], self._now()
        if self._going is None or self._going[0] != (values["stage"], total):
            self._going = ((values["stage"], total), done, now)
        _, at, since = self._going
        left = (now - since) * (total - done) / (done - at) if done > at and now - since >= SURE_S else None
        told = f"about {duration(left)} left" if left is not None else ""
        self.row = Row(f"{values['stage']}: {values['what']}", done, total, left=told)

    def _batch(self, record: Record) -> None:
        done, total = record.values["batch"], record.values["batches"]
        self._inside = (record.epoch + done / max(1, total)) / max(1, record.epochs)
        self.row = Row(f"{record.member} epoch {record.epoch + 1}/{record.epochs}", done, total, "batches")
        if self._since is None:  # from behind the first batch, which also builds what all later ones use
            self._since, self._since_inside = self._now(), self._position

    @property
    def _position(self) -> float:
        """How much is done of that of which the time left is told: of the run, or of one training in a stage."""
        return min(1.0, self._inside) if self.staged else self.fraction

    @property
    def fraction(self) -> float:
        """How much of the whole run is done, from 0 to 1."""
        if self.staged:
            return self.finished / self.members
        own = (max(0, self._begun - 1) + self._inside) / self.voters
        return min(1.0, (self.finished + min(1.0, own)) / self.members)

    @property
    def left(self) -> float | None:
        """How many seconds are left, None where nobody knows yet."""
        now = self._now()
        if self.staged and 0 < self.finished < self.members:
            each = (self._last - self._first) / self.finished
            return max(0.0, each * self.members - (now - self._first))
        if self._since is None or now - self._since < SURE_S or self._position >= 1:
            return None
        gone = self._position - self._since_inside
        return None if gone <= 0 else (now - self._since) * (1 - self._position) / gone

    @property
    def time_left(self) -> str:
        """The time left in words, empty where nobody knows yet."""
        left = self.left
        about = "at most" if self.at_most else "about"
        return "" if left is None else f"{about} {duration(left)} left"

    @property
    def of_training(self) -> bool:
        """Whether the time left is that of the training at hand, and not of the run."""
        return self.staged and not self.finished

    @property
    def at_work(self) -> Row | None:
        """What is at work now: the epoch of a training, or a stage."""
        if self.row is None or self.row.left or not self.of_training:
            return self.row
        return replace(self.row, left=self.time_left)

    @property
    def overall(self) -> Row:
        """The whole run."""
        place = f", member {min(self.finished + 1, self.members)}/{self.members}" if self.members > 1 else ""
        left = "" if self.of_training else self.time_left
        return Row(f"training{place}", self.fraction, 1.0, left=left, share=True)


def duration(seconds: float) -> str:
    """Return a time as one would say it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:  # noqa: PLR2004 - an hour and a half
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
