"""How far long work is, shown while it lasts: bars on a terminal, a line now and then everywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo import console, progress
from zoo.cli.course import Course, Row, duration

if TYPE_CHECKING:
    from rich.table import Table

    from zoo.progress import Step
    from zoo.training import Record

EVERY_S = 30.0
"""Seconds between two lines where there are no bars."""
LASTS_S = 10.0
"""Seconds that work lasts before a line is worth saying of it."""
SHOWN_AFTER_S = 0.3
"""Seconds that work lasts before it gets a bar; what is over sooner would only flicker."""
MOST_ROWS = 5
BAR, COUNT, LEFT, WIDE = 24, 16, 18, 90
"""Characters of a bar and of the columns beside it, which keep their places; and of a terminal with room for them."""


class Watch:
    """What is under way: a training (:class:`Course`), and steps of work, the outermost first."""

    def __init__(self) -> None:
        self.course: Course | None = None
        self.steps: list[Step] = []

    def take(self, record: Record) -> None:
        """Take what a training tells of itself."""
        self.course = self.course or Course()
        self.course.take(record)

    @property
    def aside(self) -> str:
        """What is worth saying beside a line that is said anyway: nothing, where bars show it."""
        return ""

    def began(self, step: Step) -> None:
        """Take that work has begun."""
        self.steps.append(step)

    def moved(self, step: Step) -> None:
        """Take that more of it is done."""

    def ended(self, step: Step) -> None:
        """Take that it is over."""
        if step in self.steps:
            self.steps.remove(step)

    def rows(self) -> list[Row]:
        """Return what is worth showing now: the whole training, what is at work in it, and steps that last."""
        now = time.monotonic()
        steps = [step for step in tuple(self.steps) if now - step.began >= SHOWN_AFTER_S]
        outer = [_row(step, now) for step in steps if step.told]
        inner = [_row(step, now) for step in steps if not step.told]
        course = self.course
        row = course.at_work if course else None
        at_work = [row] if row else []
        whole = [course.overall] if course else []
        return [*whole, *[*outer, *at_work, *inner][: MOST_ROWS - len(whole)]]


class Lines(Watch):
    """Tells where there are no bars: when work begins that says so, and at most every so many seconds how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self._said = time.monotonic()

    def take(self, record: Record) -> None:
        """Take what a training tells, and say now and then how far an epoch is."""
        super().take(record)
        if record.kind in {"epoch", "member"}:  # these have a line of their own
            self._said = time.monotonic()
        elif record.kind in {"batch", "progress"} and self.course and self.course.row and self._due():
            console.say(line(replace(self.course.row, left=self.course.row.left or self.course.time_left)))

    @property
    def aside(self) -> str:
        """The time that is left, where it is worth being said."""
        left = self.course.left if self.course else None
        return f", {self.course.time_left}" if self.course and left and left >= EVERY_S else ""

    def began(self, step: Step) -> None:
        """Say that work has begun, where it wants a line of its own."""
        super().began(step)
        if step.told:
            console.say(f"{step.what} begins")

    def moved(self, step: Step) -> None:
        """Say how far the work is that this is a part of, if nothing was said for a while."""
        now = time.monotonic()
        outer = next((one for one in tuple(self.steps) if not one.told), step)
        if now - outer.began >= LASTS_S and self._due():
            console.say(line(_row(outer, now)))

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._said < EVERY_S:
            return False
        self._said = now
        return True


@contextmanager
def watching() -> Iterator[Watch]:
    """Show how far all work is that lasts while the context does; nothing with ``-q``, and nothing on stdout ever."""
    if console.quiet() or os.environ.get("RANK", "0") != "0":  # of several processes the first shows it for all
        yield Watch()
        return
    if not draws():
        lines = Lines()
        with progress.listening(lines):
            yield lines
        return
    from rich.live import Live

    watch, shown = Watch(), console.stderr()
    # results go to stdout past the bars; what is said on stderr appears above them
    live = Live(
        get_renderable=lambda: _table(watch.rows(), shown.width),
        console=shown,
        transient=True,
        refresh_per_second=8,
        redirect_stdout=False,
    )
    with progress.listening(watch), live:
        yield watch


def draws() -> bool:
    """Return whether bars are drawn: nobody asked to be quiet, and there is a terminal that can show one."""
    return not console.quiet() and sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def _row(step: Step, now: float) -> Row:
    gone = now - step.began
    if step.total and step.done:
        left = gone * (step.total - step.done) / step.done
        return Row(step.what, step.done, step.total, step.unit, f"about {duration(left)} left" if gone > 1 else "")
    return Row(step.what, step.done, step.total, step.unit, f"{duration(gone)} so far" if gone > 1 else "")


def line(row: Row) -> str:
    """Return what is under way on one line."""
    return ", ".join(filter(None, [f"{row.what}: {count(row)}".removesuffix(": "), row.left]))


def count(row: Row) -> str:
    """Return how much is done, of how much."""
    if row.share:
        return f"{row.done:.0%}"
    if row.unit == progress.BYTES:
        done, total = (console.size(int(number)).strip() for number in (row.done, row.total or 0))
        return f"{done} of {total}" if row.total else done
    unit = f" {row.unit}" if row.unit else ""
    if row.total is None:
        return f"{int(row.done):,}{unit}" if row.done else ""
    return f"{int(row.done):,} of {int(row.total):,}{unit}"


def _table(rows: list[Row], width: int) -> Table:
    """Return rows as they fit the terminal: names give way first, and there are no bars where it is narrow."""
    from rich.progress_bar import ProgressBar
    from rich.table import Column, Table
    from rich.text import Text

    wide = width >= WIDE
    columns = [
        Column(no_wrap=True, overflow="ellipsis", ratio=1),
        *([Column(width=BAR)] if wide else []),
        Column(no_wrap=True, justify="right", min_width=COUNT if wide else None),
        Column(no_wrap=True, justify="right", min_width=LEFT if wide else None, style="dim"),
    ]
    table = Table.grid(*columns, padding=(0, 2, 0, 0), expand=True)
    for row in rows:
        bar = ProgressBar(row.total or 1, row.done, width=BAR, complete_style="cyan", finished_style="cyan")
        table.add_row(Text(row.what), *([bar] if wide else []), count(row), row.left)
    return table
