"""What a check found, and where: a verdict, a sentence, and the line of the part that it is about."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ZooError

Verdict = Literal["PASS", "WARN", "FAIL", "SKIP"]
OURS = Path(__file__).parent
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report.

    Attributes
    ----------
    check
        What was looked at, one word.
    verdict
        ``SKIP`` where it could not be looked at, ``WARN`` where a part works and its users will miss something.
    message
        One sentence with the value, the bound and the way out; empty where all is well.
    place
        ``file:line``, empty where there is none.
    """

    check: str
    verdict: Verdict
    message: str = ""
    place: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.message}" + (f" ({self.place})" if self.place else "")

    def as_dict(self) -> dict[str, str]:
        """Return it as plain values."""
        return asdict(self)


class ContractError(AssertionError):
    """A part does not keep what its kind promises: a line for each promise that it breaks."""

    def __init__(self, what: str, findings: Iterable[Finding]) -> None:
        self.findings = [finding for finding in findings if finding.verdict == "FAIL"]
        super().__init__("\n".join(f"{what}: {finding}" for finding in self.findings))


def passed(check: str, message: str = "") -> Finding:
    """Return that all is well."""
    return Finding(check, "PASS", message)


def failed(check: str, message: str, place: str = "") -> Finding:
    """Return that a promise is broken."""
    return Finding(check, "FAIL", message, place)


def warned(check: str, message: str, place: str = "") -> Finding:
    """Return that something is missing which no promise asks for."""
    return Finding(check, "WARN", message, place)


def skipped(check: str, message: str, place: str = "") -> Finding:
    """Return that something could not be looked at, and why."""
    return Finding(check, "SKIP", message, place)


@contextmanager
def attempt(check: str, target: Any) -> Iterator[list[Finding]]:
    """Run code of a part; whatever it raises (SystemExit too) is appended to the yielded list as a failure."""
    found: list[Finding] = []
    try:
        yield found
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a part may raise anything
        found.append(failed(check, sentence(error), place_in(error, target)))


def sentence(error: BaseException) -> str:
    """Return what was raised as one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if isinstance(error, ZooError):
        return text
    if isinstance(error, SystemExit):
        return f"ends the process (SystemExit {text}); raise an error instead, whose sentence says what is wrong"
    if isinstance(error, NotImplementedError):
        return f"is not written yet (NotImplementedError{': ' if text else ''}{text}); write it"
    return f"raises {type(error).__name__}: {text}" if text else f"raises {type(error).__name__}"


def place_of(target: Any, name: str | None = None) -> str:
    """Return ``file:line`` of a class or function, or of the line that sets ``self.NAME`` in it.

    Parameters
    ----------
    target
        A class or function; an object stands for its class.
    name
        An attribute of its objects, a buffer, a method, or a parameter of its constructor.
    """
    target = target if inspect.isclass(target) or inspect.isroutine(target) else type(target)
    target = inspect.unwrap(target)
    if name is not None:
        for owner in inspect.getmro(target) if inspect.isclass(target) else (target,):
            if owner.__module__.partition(".")[0] == target.__module__.partition(".")[0] or owner is target:
                line = _line_of(owner, name)
                if line:
                    return f"{shown(inspect.getsourcefile(owner))}:{line}"
    try:
        return f"{shown(inspect.getsourcefile(target))}:{inspect.getsourcelines(target)[1] or 1}"
    except (OSError, TypeError):  # compiled, or made at run time
        return ""


def place_in(error: BaseException, target: Any) -> str:
    """Return ``file:line`` of the last line of a traceback in the part's own package, else where the part is defined.

    A traceback that never entered the package (a constructor called with what it does not take) has none.
    """
    homes = own_folders(target)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_own(frame.filename, homes):
            return f"{shown(frame.filename)}:{frame.lineno}"
    cause = error.__cause__ or error.__context__
    return place_in(cause, target) if cause is not None else place_of(target)


def own_folders(target: Any) -> list[Path]:
    """Return the folders of the package that a class, a function, or a dotted module name belongs to, or its one file.

    Of our own package it is the folder of the kind: whatever runs a part is ours as well, and not what is looked for.
    """
    module = target if isinstance(target, str) else getattr(target, "__module__", None) or type(target).__module__
    top = module.partition(".")[0]
    if top == OURS.parent.name and module.count("."):
        return [OURS.parent / module.split(".")[1]]
    found = sys.modules.get(top)
    folders = [Path(folder) for folder in getattr(found, "__path__", ())]
    file = getattr(found, "__file__", None)
    return folders or ([Path(file)] if file else [])


def is_own(file: str, homes: Iterable[Path]) -> bool:
    """Return whether a file is one of a package's, and not one of these checks."""
    path = Path(file)
    return OURS not in path.parents and any(path == home or home in path.parents for home in homes)


def shown(file: str | Path | None) -> str:
    """Return a path as a reader finds it: from the working directory where it lies below it."""
    path = Path(file or "")
    return os.path.relpath(path) if Path.cwd() in path.parents else str(path)


def _line_of(owner: Any, name: str) -> int:
    """Return the line of a class or function that sets, registers or defines a name; 0 where none does."""
    try:
        lines, first = inspect.getsourcelines(owner)
        tree = ast.parse("".join(linecache.getlines(inspect.getsourcefile(owner) or "")))
    except (OSError, TypeError, SyntaxError):
        return 0
    inside = range(max(first, 1), max(first, 1) + len(lines))
    nodes = [node for node in ast.walk(tree) if getattr(node, "lineno", 0) in inside]
    found = sorted((rank, getattr(node, "lineno", 0)) for node in nodes if (rank := _sets(node, name)))
    return found[0][1] if found else 0


def _sets(node: ast.AST, name: str) -> int:
    """Return 1 where a line gives an attribute of this name its value, 2 where it declares the name, else 0."""
    if isinstance(node, ast.Attribute):
        return int(isinstance(node.ctx, ast.Store) and node.attr == name)
    if isinstance(node, ast.Call):  # register_buffer("name", ...), setattr(self, "name", ...)
        return int(any(isinstance(argument, ast.Constant) and argument.value == name for argument in node.args[:2]))
    if isinstance(node, ast.FunctionDef):
        return 2 * (node.name == name)
    if isinstance(node, ast.arg):
        return 2 * (node.arg == name)
    return 2 * (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name)
