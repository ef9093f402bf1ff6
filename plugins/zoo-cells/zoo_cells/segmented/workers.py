"""Tasks dealt out to processes, one at a time each, so that a process that dies takes one task with it and no more."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from zoo.errors import DataError, RunError, UsageError, ZooError

MOST = 8
"""Processes where a recipe does not say; more wait for the disk."""
PATIENCE_S = 3.0
SHOWN = 200

Work = Callable[[Any], None]
Task = tuple[int, Any]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def outcomes(work: Work, tasks: Sequence[Task], processes: int | None = None) -> Iterator[tuple[int, str]]:
    """Do numbered tasks, and yield the number of each when it is done, with "" or why it could not be done.

    A task is lost where it raises :class:`zoo.errors.DataError` or anything that is not ours, or where its process
    dies. What a signal means is left to this process; the others end with it, however it ends. They share the cores:
    each computes with its part of them.

    Parameters
    ----------
    work
        What is done to each; it is pickled once for each process, and tasks are.
    processes
        How many; 0 works in this one, where a crash is not survived, and None takes the cores, at most 8.

    Raises
    ------
    ZooError
        What every other task would meet as well: weights that are not there, a full disk, processes that cannot be
        started.
    """
    count = min(len(tasks), min(cores(), MOST) if processes is None else processes)
    if count < 1 or multiprocessing.current_process().daemon:
        work = copy.deepcopy(work)  # what a segmenter loads at its first field stays in the copy
        for number, task in tasks:
            yield number, _told(_outcome(work, task))
        return
    crew = list[_Worker]()
    try:
        crew.extend(_Worker(work, max(1, cores() // count)) for _ in range(count))
        yield from _dealt(crew, deque(tasks))
    finally:
        for one in crew:
            one.process.terminate()
        for one in crew:
            one.end()


def _dealt(crew: list[_Worker], waiting: deque[Task]) -> Iterator[tuple[int, str]]:
    """Hand each process its next task as soon as it is free, and put another in the place of one that died."""
    while crew:
        for connection in wait([one.connection for one in crew]):
            worker = next(one for one in crew if one.connection is connection)
            number, said = worker.number, worker.said()
            if said is None:
                crew.remove(worker)
                told = worker.death()
                if waiting:
                    crew.append(_Worker(worker.work, worker.threads))
            elif waiting:
                told = _told(said)
                worker.give(waiting.popleft())
            else:
                told = _told(said)
                crew.remove(worker)
                worker.end()
            if number is not None:
                yield number, told


class _Worker:
    """A process, and the number of the task that it is at work on: None until it has said that it is there."""

    def __init__(self, work: Work, threads: int) -> None:
        self.work, self.threads = work, threads
        self.number: int | None = None
        # not forked from this process, in which threads of torch may hold locks
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, dict(os.environ), threads), daemon=True)
        self.process.start()
        theirs.close()
        self._send(work)

    def give(self, task: Task) -> None:
        """Let it begin with a task."""
        self.number = task[0]
        self._send(task[1])

    def _send(self, value: Any) -> None:
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it died, which is met when it is listened to
                self.connection.send(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            what = f"{type(value).__name__} cannot be handed to another process ({error})"
            raise UsageError(f"{what}; say processes: 0 to segment in this one") from error

    def said(self) -> str | ZooError | None:
        """Return what came of its task, None where it died."""
        try:
            said: str | ZooError = self.connection.recv()
        except (EOFError, OSError):
            return None
        return said

    def death(self) -> str:
        """Return how it died.

        Raises
        ------
        RunError
            It never came to work.
        """
        self.end()
        code = self.process.exitcode
        if self.number is None:
            what = f"a process that segments fields could not be started (exit code {code})"
            raise RunError(f"{what}; a script of yours needs if __name__ == '__main__', or say processes: 0")
        return f"the segmenter's process died (exit code {code})"

    def end(self) -> None:
        """Let it go: it ends by itself when nobody is there to hand it tasks."""
        self.connection.close()
        self.process.join(PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(connection: Connection, environment: dict[str, str], threads: int) -> None:
    """Do one task after the other until there are no more, or until the process that hands them out is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a file that is half written is removed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment)
    _compute_with(threads)
    with suppress(EOFError, OSError):
        work = connection.recv()
        connection.send("")
        while True:
            connection.send(_outcome(work, connection.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute_with(threads: int) -> None:
    import torch
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = str(threads)  # of libraries that are not loaded yet
    torch.set_num_threads(threads)
    threadpool_limits(threads)


def _outcome(work: Work, task: Any) -> str | ZooError:
    """Return "" where it is done, why it is lost, or the error that stops everything."""
    try:
        work(task)
    except DataError as error:
        return str(error)
    except ZooError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a stranger's segmenter raises costs its field alone
        said = " ".join(str(error).split())[:SHOWN]
        return f"the segmenter failed ({type(error).__name__}{': ' if said else ''}{said})"
    return ""


def _told(said: str | ZooError) -> str:
    if isinstance(said, ZooError):
        raise said
    return said
