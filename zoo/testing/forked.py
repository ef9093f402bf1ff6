"""The process in which parts are imported to see what they do: reads orders, forks, and tells what was seen.

A line of JSON on stdin is an order, a line on stdout its answer. The process ends with its stdin.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import re
import sys
import sysconfig
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from zoo.registry import Entry
from zoo.testing.findings import is_own, own_folders, sentence, shown

NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"}
PROCESSES = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"}
LIBRARY = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))
PACKAGES = tuple(sysconfig.get_paths()[name] for name in ("purelib", "platlib"))
MACHINERY = {__file__, str(Path(__file__).parents[1] / "registry.py")}
GRACE_S = 5
SLOWEST = 3


class RefusedError(RuntimeError):
    """A part asked for what it may not have at import."""


class _Watch:
    """What one import does, noted while it does it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.module = entry.target.partition(":")[0]
        self.seen: dict[str, Any] = {"refused": [], "warnings": []}
        self.began: list[tuple[float, str]] = []
        self.asked: str = ""

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an event of the interpreter; refuse the network and processes of the part's own."""
        if event == "import":
            self.began.append((time.process_time(), str(arguments[0]).partition(".")[0]))
        elif event in NETWORK | PROCESSES:
            self._refuse(event, arguments)

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        named = arguments[1] if event in {"socket.connect", "socket.sendto"} else arguments[0] if arguments else ""
        if event in NETWORK and isinstance(named, str) and event == "socket.connect":
            return  # a socket of this machine's own file system
        what = " ".join(map(str, named)) if isinstance(named, list | tuple) else str(named)
        place, own = self.place()
        if event in PROCESSES and not own:  # of a package that it imports, which the part cannot mend
            self.seen["warnings"].append((f"what it imports starts a process ({what[:80]})", place))
            return
        asks = "asks the network for" if event in NETWORK else "starts the process"
        way = "do it when the part is first used, and not when it is imported"
        if not self.seen["refused"]:
            self.seen["refused"].append((f"{asks} {what[:80]!r} when it is imported; {way}", place))
        raise RefusedError(f"{asks} {what[:80]}")

    def place(self) -> tuple[str, bool]:
        """Return the line that runs now, the part's own where one of its lines does, and whether it is its own."""
        homes = own_folders(self.module)
        lines, frame = [], sys._getframe(1)  # noqa: SLF001 - who is at work
        step: FrameType | None = frame
        while step is not None:
            if _counts(step.f_code.co_filename):
                lines.append((step.f_code.co_filename, step.f_lineno))
            step = step.f_back
        own = [line for line in lines if is_own(line[0], homes)]
        file, number = (own or lines or [("", 0)])[0]
        return (f"{shown(file)}:{number}" if file else ""), bool(own)

    def ends(self, code: int) -> None:
        """Stand in for ``os._exit``."""
        self.seen |= {"ended": f"os._exit({code})", "place": self.place()[0]}
        raise RefusedError(f"os._exit({code})")

    def imported(self) -> dict[str, Any]:
        """Import the part, and return what was seen."""
        started = time.process_time()
        self.began.append((started, self.module.partition(".")[0]))
        try:
            target = self.entry.load()
        except BaseException as error:  # noqa: BLE001 - whatever the part raises is what is looked for
            self.seen = {**self._raised(error.__cause__ or error), **self.seen}
            return self.seen
        ended = time.process_time()
        code = getattr(target, "__code__", None)
        file = getattr(sys.modules.get(self.module), "__file__", "") or ""
        self.seen["place"] = f"{shown(file)}:{code.co_firstlineno if code else 1}"
        bounds = [*self.began, (ended, "")]
        spent: dict[str, float] = {}
        for (begun, name), (following, _) in pairwise(bounds):
            spent[name] = spent.get(name, 0.0) + following - begun
        slowest = sorted(spent.items(), key=lambda item: -item[1])[:SLOWEST]
        return {**self.seen, "seconds": ended - started, "slowest": slowest}

    def _raised(self, error: BaseException) -> dict[str, Any]:
        homes = own_folders(self.module)
        steps = [s for s in traceback.extract_tb(error.__traceback__) if _counts(s.filename)]
        own = [s for s in steps if is_own(s.filename, homes)]
        last = [*steps, *own][-1:]
        place = "".join(f"{shown(step.filename)}:{step.lineno}" for step in last)
        if isinstance(error, SyntaxError) and error.filename:
            place = f"{shown(error.filename)}:{error.lineno}"
        if isinstance(error, ModuleNotFoundError) and error.name:
            if not steps and (self.module == error.name or self.module.startswith(f"{error.name}.")):
                return {"nowhere": f"there is no module '{error.name}'"}
            if error.name.partition(".")[0] != self.module.partition(".")[0]:
                return {"lacks": error.name.partition(".")[0], "place": place}
        if isinstance(error, AttributeError) and not steps:
            return {"nowhere": str(error)}
        if isinstance(error, RefusedError):
            return {"place": place}
        return {"raised": sentence(error), "place": place}


def _counts(file: str) -> bool:
    """Return whether a file is neither of Python itself nor of what looks on."""
    library = file.startswith(LIBRARY) and not file.startswith(PACKAGES)
    return not (library or file.startswith("<") or file in MACHINERY)


class _Mouth(io.TextIOWrapper):
    """Lets everything through, and notes who spoke first."""

    def __init__(self, number: int, watch: _Watch) -> None:
        super().__init__(os.fdopen(os.dup(number), "wb", 0), write_through=True, errors="replace")
        self.watch = watch

    def write(self, text: str) -> int:
        if text.strip() and "printed_at" not in self.watch.seen:
            self.watch.seen["printed_at"] = self.watch.place()[0]
        return super().write(text)


def _look(order: dict[str, Any], folder: Path) -> None:
    """Import a part in this process, which was forked for it, and write down what was seen."""
    sys.path[:] = order["path"]
    os.chdir(order["cwd"])
    for name, number in (("out", 1), ("err", 2)):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(handle, number)
    crash = (folder / "crash").open("w")  # open as long as this process lives
    faulthandler.enable(crash)
    faulthandler.dump_traceback_later(order["limit_s"], exit=True, file=crash)
    warnings.simplefilter("ignore")
    watch = _Watch(Entry(**order["entry"]))
    sys.stdout, sys.stderr = _Mouth(1, watch), _Mouth(2, watch)
    leave: Callable[[int], Any] = os._exit
    os._exit = watch.ends  # type: ignore[assignment] # so that its line can be told
    sys.addaudithook(watch.hear)
    seen = watch.imported()
    sys.stdout.flush()
    sys.stderr.flush()
    (folder / "seen").write_text(json.dumps(seen, default=str))
    leave(0)


def _forked(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                _look(order, folder)
            os.kill(os.getpid(), 9)
        status = _waited(child, order["limit_s"] + GRACE_S)
        printed = "".join(
            (folder / end).read_text(errors="replace") for end in ("out", "err") if (folder / end).exists()
        )
        if (folder / "seen").exists():
            return {**json.loads((folder / "seen").read_text()), "printed": printed}
        crash = (folder / "crash").read_text() if (folder / "crash").exists() else ""
        return {"printed": printed, **_crashed(order, crash, status)}


def _waited(child: int, limit_s: float) -> int:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _crashed(order: dict[str, Any], crash: str, status: int) -> dict[str, Any]:
    lines = re.findall(r'File "([^"]+)", line (\d+)', crash)
    known = [(file, number) for file, number in lines if _counts(file)]
    file, number = (known or [("", "0")])[0]
    first = crash.strip().partition("\n")[0].rstrip(":! ")
    late = f"it did not end in {order['limit_s']} s"
    why = late if first.startswith("Timeout") else first or f"exit status {status}"
    return {"ended": why, "place": f"{shown(file)}:{number}" if file else ""}


def serve(orders: TextIO, answers: TextIO) -> None:
    """Answer orders until there are no more."""
    import numpy  # noqa: F401, ICN001 - so that a part's import is not charged for it
    import torch  # noqa: F401 - as above

    for line in orders:
        answers.write(json.dumps(_forked(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    # answers go where only this function writes; whatever speaks here speaks to stderr
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, own)
