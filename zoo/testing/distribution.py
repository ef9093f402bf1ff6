"""What an installed distribution brings, and the checks of all of it; no part is imported in this process.

The parts are looked at in a process of their own. One that ends it, or does not come to an end, has failed, and a new
process goes on behind it.
"""

from __future__ import annotations

import difflib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import catalogue, installed, plugins
from zoo.errors import MissingError, UsageError
from zoo.kinds import COMMANDS, GROUPS, KINDS, MODELS, RECIPES, singular
from zoo.registry import Registry
from zoo.shelves import Shelves
from zoo.testing.findings import Finding, failed, passed, shown
from zoo.testing.probe import line_of, probe

AT_ONCE_S = 1.0
LIMIT_S = 300.0
"""Seconds that the checks of one part may take."""
WHOLE = "distribution"
"""The kind under which a report tells of the distribution as such."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One thing that a distribution brings; a test asks for it as ``zoo_part``.

    Attributes
    ----------
    kind
        ``heads`` ..., ``recipes``, ``models``, ``commands``, or ``distribution`` for what is said of the whole.
    name, distribution
        How it is called, and who brings it.
    file
        Of a recipe.
    """

    kind: str
    name: str
    distribution: str
    file: str = ""

    def __str__(self) -> str:
        return f"{singular(self.kind)}:{self.name}"


def named(text: str) -> tuple[str, str]:
    """Return name and version of an installed distribution, given its name or the folder of its project.

    Raises
    ------
    MissingError
        It is not installed, brings nothing, or ``ZOO_PLUGINS`` leaves it out.
    UsageError
        The folder holds no project.
    """
    folder = Path(text)
    name = _name_in(folder) if "/" in text or text.startswith(".") or (folder / "pyproject.toml").is_file() else text
    wanted = installed.normal(name)
    offers = installed.read()
    lines = [line for line in offers.lines if line.distribution == wanted]
    if lines:
        return wanted, lines[0].version
    if any(line.distribution == wanted for line in offers.left_out):
        raise MissingError(f"ZOO_PLUGINS leaves out {wanted}; add it there, or unset ZOO_PLUGINS")
    where = folder if name != text else f"./{name}" if Path(name).is_dir() else "FOLDER"
    try:
        version = metadata.version(wanted)
    except (metadata.PackageNotFoundError, ValueError):
        known = {line.distribution for line in (*offers.lines, *offers.left_out)}
        near = difflib.get_close_matches(wanted, known, n=3)
        way = f"did you mean {' or '.join(near)}? else " if near else ""
        raise MissingError(f"{name[:80]!r} is not installed; {way}pip install -e {where}") from None
    what = f"{wanted} {version} brings nothing to zoo; register a part in its pyproject.toml"
    raise MissingError(f'{what} ([project.entry-points."zoo.heads"]), and then: pip install -e {where}')


def _name_in(folder: Path) -> str:
    file = folder / "pyproject.toml"
    try:
        return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"])
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); name a distribution, or its folder") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: says no name under [project] ({error!r}); say one") from error


def parts_of(distribution: str, registry: Registry | None = None) -> list[Part]:
    """Return what a distribution brings, in the order of the kinds; names that others claim too are among it."""
    registry = registry or Registry()
    found = [
        Part(kind, entry.name, distribution)
        for kind in (*KINDS, MODELS, COMMANDS)
        for entry in registry.claims(kind)
        if entry.distribution == distribution
    ]
    recipes = Shelves(registry).by(distribution)
    return [*found, *(Part(RECIPES, name, distribution, str(recipes[name])) for name in sorted(recipes))]


def examined(
    distribution: str, *, only: Sequence[str] = (), limit_s: float = LIMIT_S
) -> Iterator[tuple[Part, list[Finding]]]:
    """Give each part of a distribution with what was found, the distribution itself first.

    Parameters
    ----------
    distribution
        Its name, as :func:`named` returns it.
    only
        Names of parts; all where there are none.
    limit_s
        Seconds that one part may take.

    Raises
    ------
    MissingError
        It has no part of such a name.
    """
    registry = Registry()
    parts = parts_of(distribution, registry)
    for name in only:
        names = sorted({part.name for part in parts})
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or names
            raise MissingError(f"{distribution} has no part {name!r}; did you mean {' or '.join(near) or 'nothing'}?")
    if not only:
        yield Part(WHOLE, distribution, distribution), _offers(distribution, registry)
    chosen = [part for part in parts if not only or part.name in only]
    for part, found in _in_a_process([part for part in chosen if part.kind != MODELS], limit_s):
        yield part, [*_name(part, registry), *found]
    for part in (part for part in chosen if part.kind == MODELS):
        yield part, [*_name(part, registry), *examined_one(part)]


def examined_one(part: Part) -> list[Finding]:
    """Return what is found of a model of the catalogue, or of a verb."""
    registry = Registry()
    if part.kind == MODELS:
        problems = [model.problem for model in catalogue.models(registry) if model.name == part.name]
        return [failed("catalogue", said) for said in problems if said] or [passed("catalogue")]
    return list(probe(registry.find(part.kind, part.name)))


def report(distribution: str, version: str, found: Sequence[tuple[Part, list[Finding]]]) -> dict[str, Any]:
    """Return what was found as plain values, in a form that is stable for machines."""
    parts = [
        {"kind": part.kind, "name": part.name, "checks": [finding.as_dict() for finding in findings]}
        for part, findings in found
    ]
    right = all(finding.verdict != "FAIL" for _, findings in found for finding in findings)
    return {"distribution": distribution, "version": version, "parts": parts, "passed": right}


def _offers(distribution: str, registry: Registry) -> list[Finding]:
    """Return what is wrong with the lines by which a distribution offers anything."""
    path = getattr(metadata.distribution(distribution), "_path", None)
    place = shown(Path(str(path)) / "entry_points.txt") if path else ""
    told = [said for said in plugins.troubles(registry, Shelves(registry)) if said.startswith(f"{distribution}: ")]
    told += [
        f"its entry points 'zoo.{line.group}' are of no kind that zoo knows; known are {', '.join(GROUPS)}"
        for line in installed.read().lines
        if line.distribution == distribution and line.group not in GROUPS
    ]
    return [failed("entry points", said, place) for said in told] or [passed("entry points")]


def _name(part: Part, registry: Registry) -> Iterator[Finding]:
    """Refuse a name that another distribution claims too."""
    if part.kind == RECIPES:
        said = Shelves(registry).conflict(part.name)
        place = part.file
    else:
        clash = [one for one in registry.conflicts() if (one.kind, one.name) == (part.kind, part.name)]
        said = str(clash[0]) if clash else ""
        own = [
            one for one in registry.claims(part.kind) if (one.name, one.distribution) == (part.name, part.distribution)
        ]
        place = line_of(own[0]) if own else ""
    if said:
        yield failed("name", f"{said}; or give yours another name", place)
    else:
        yield passed("name")


def _in_a_process(parts: Sequence[Part], limit_s: float) -> Iterator[tuple[Part, list[Finding]]]:
    """Give what a process of its own finds of each part, a new one wherever it ends before its time."""
    rest = list(parts)
    while rest:
        with tempfile.TemporaryDirectory() as folder:
            for found in _one_process(tuple(rest), Path(folder), limit_s):
                yield rest.pop(0), found


def _one_process(parts: Sequence[Part], folder: Path, limit_s: float) -> Iterator[list[Finding]]:
    reading, writing = os.pipe()
    places = {"ZOO_HOME": str(folder / "home"), "ZOO_RUNS": str(folder / "runs")}
    # all is tiny, and threads wait for each other
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    with (folder / "said").open("w") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "zoo.testing", str(writing), json.dumps([asdict(part) for part in parts])],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[writing],
            env={**os.environ, **places, **threads, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    os.close(writing)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(reading, lines.put), daemon=True).start()
    try:
        for _ in parts:
            found: list[Finding] = []
            until = time.monotonic() + limit_s
            while (line := _next(lines, until, child)) and line != "end":
                found.append(Finding(**json.loads(line)))
            if line == "end":
                yield found
                continue
            child.kill()
            code = child.wait()
            text = (folder / "said").read_text(errors="replace")
            yield [*found, _ended(line is None, code, text, limit_s)]
            return
    finally:
        child.kill()
        child.wait()


def _read(number: int, put: Callable[[str], None]) -> None:
    """Hand on the lines of a pipe, and an empty one at its end."""
    with os.fdopen(number) as pipe:
        for line in pipe:
            put(line.rstrip("\n"))
    put("")


def _next(lines: queue.Queue[str], until: float, child: subprocess.Popen[bytes]) -> str | None:
    """Return the next line, empty where the process ended, None where time is over."""
    while (left := until - time.monotonic()) > 0:
        try:
            return lines.get(timeout=min(left, AT_ONCE_S))
        except queue.Empty:  # what a part has started may hold the pipe open when its own process is gone
            if child.poll() is not None:
                return ""
    return None


def _ended(late: bool, code: int, text: str, limit_s: float) -> Finding:
    """Return what is to be said of a part whose checks did not come to their end."""
    steps = re.findall(r'File "([^"]+)", line (\d+)', text)
    known = [(file, line) for file, line in steps if "/zoo/testing/" not in file and "/lib/python" not in file]
    place = f"{shown(known[0][0])}:{known[0][1]}" if known else ""
    first = next((line for line in text.splitlines() if line.startswith("Fatal Python error")), "")
    what = f"does not end within {limit_s:g} s" if late else f"ends the process ({first or f'exit status {code}'})"
    return failed("process", f"{what}; whatever is asked of a part has to come back", place)
