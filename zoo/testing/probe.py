"""What a part does when it is imported: looked at in a process of its own, which it may print from, or end.

The process is forked from one in which torch is imported already, so that what is seen, and how long it takes, is the
part's own doing. Sockets and processes are refused there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from zoo.errors import RunError
from zoo.registry import Entry
from zoo.testing import forked
from zoo.testing.findings import Finding, failed, passed, shown, warned

SLOW_S = 1.0
LIMIT_S = 60


@cache
def probe(entry: Entry, slow_s: float = SLOW_S) -> tuple[Finding, ...]:
    """Return what is to be said of the import of a registered part; the first finding says whether it succeeded.

    Parameters
    ----------
    entry
        Of the part.
    slow_s
        Seconds of computing, beyond those for torch, from which on the import is called slow.
    """
    order = {"entry": asdict(entry), "path": sys.path, "cwd": str(Path.cwd()), "limit_s": LIMIT_S}
    seen = _server.asked(order)
    return tuple(_told(entry, seen, slow_s))


def _told(entry: Entry, seen: dict[str, Any], slow_s: float) -> list[Finding]:
    wrong = [*_broken(entry, seen), *_noise(seen)]
    found = [failed("import", message, place) for message, place in wrong]
    found += [warned("import", *told) for told in seen.get("warnings", ())]
    seconds = seen.get("seconds", 0.0)
    if not wrong and seconds > slow_s:
        most = ", ".join(f"{name} ({took:.1f} s)" for name, took in seen["slowest"])
        what = f"takes {seconds:.1f} s beyond torch, above {slow_s:g} s, most of it {most}; import these in functions"
        found.append(warned("import", what, seen["place"]))
    return found or [passed("import", f"{seconds:.2f} s beyond torch")]


def _broken(entry: Entry, seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Return why the import did not come to its end."""
    if "nowhere" in seen:
        way = f"correct the line in the pyproject.toml of {entry.distribution} and install it again"
        return [(f"{entry.target} points nowhere ({seen['nowhere']}); {way}", line_of(entry))]
    if "lacks" in seen:
        way = f"pip install {seen['lacks']}, and name it among the dependencies of {entry.distribution}"
        return [(f"needs the package '{seen['lacks']}', which is not installed: {way}", seen["place"])]
    if "raised" in seen:
        return [(f"{seen['raised']} when it is imported; importing a part only defines it", seen["place"])]
    if "ended" in seen:
        return [(f"ends the process when it is imported ({seen['ended']}); raise an error instead", seen["place"])]
    return []


def _noise(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the import did beside defining things."""
    found = [tuple(told) for told in seen.get("refused", ())]
    text = " ".join(seen.get("printed", "").split())
    if text:
        what = f"prints {text[:60]!r} when it is imported; a part says nothing, so remove that"
        found.append((what, seen.get("printed_at") or seen.get("place", "")))
    return found


def line_of(entry: Entry) -> str:
    """Return the line of the installed ``entry_points.txt`` that registers a part."""
    try:
        distribution = metadata.distribution(entry.distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    group = ""
    for number, line in enumerate((distribution.read_text("entry_points.txt") or "").splitlines(), start=1):
        group = line.strip() if line.startswith("[") else group
        if group == f"[zoo.{entry.kind}]" and line.partition("=")[0].strip() == entry.name:
            return f"{shown(Path(str(getattr(distribution, '_path', ''))) / 'entry_points.txt')}:{number}"
    return ""


class _Server:
    """The process that others are forked from, begun when it is first needed."""

    def __init__(self) -> None:
        self.requests: IO[str] | None = None
        self.replies: IO[str] | None = None

    def fork(self, *closed: int) -> None:
        """Begin it as a copy of this process, which has imported what it needs and done nothing with it.

        Parameters
        ----------
        closed
            Files that the copy is not to hold open.
        """
        asks, asked = os.pipe()
        answers, answered = os.pipe()
        if os.fork() == 0:
            for number in (asked, answers, *closed):
                os.close(number)
            forked.serve(os.fdopen(asks), os.fdopen(answered, "w"))
            os._exit(0)
        os.close(asks)
        os.close(answered)
        self.requests, self.replies = os.fdopen(asked, "w"), os.fdopen(answers)

    def begin(self) -> None:
        """Begin it as a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "zoo.testing.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.requests, self.replies = process.stdin, process.stdout

    def asked(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an order."""
        if self.requests is None:
            self.begin()
        if self.requests is None or self.replies is None:
            raise RunError("the process in which parts are imported did not begin; free memory, and try again")
        self.requests.write(json.dumps(order) + "\n")
        self.requests.flush()
        found: dict[str, Any] = json.loads(self.replies.readline())
        return found


_server = _Server()
fork = _server.fork
