"""Ctrl-C and SIGTERM as a flag that the loop reads between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zoo.errors import Interrupted


class Interrupts:
    """Holds the number of the signal that asked to stop, 0 until then."""

    def __init__(self) -> None:
        self.signal_number = 0
        self._stops: str | None = None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_number and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C does not wait for the step to end
        self.signal_number = number
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._stops is not None and self.signal_number:
            raise Interrupted(self._stops, signal_number=self.signal_number)

    @contextmanager
    def at_once(self, message: str) -> Iterator[None]:
        """Within this block a signal, also one that came before, stops the work with a message."""
        self._stops = message
        try:
            self._stop_if_asked()
            yield
        finally:
            self._stops = None

    @contextmanager
    def listening(self) -> Iterator[Interrupts]:
        """Take both signals within this block; outside the main thread they stay as they are."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
