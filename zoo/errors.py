"""Every way zoo can refuse, each with the exit code of the command that meets it.

An error is one sentence that holds the value, the bound and the way out. The command line prints that sentence and
nothing else; a traceback means a bug in zoo, not a mistake of its user.
"""

from __future__ import annotations

from dataclasses import dataclass


class ZooError(Exception):
    """Base of all errors that zoo raises on purpose."""

    exit_code = 1


class UsageError(ZooError):
    """The command was called in a way that cannot be carried out."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a recipe: where it stands, which value, and what would be right."""

    place: str
    path: str
    message: str

    def __str__(self) -> str:
        head = f"{self.place} " if self.place else ""
        return f"{head}{self.path}: {self.message}" if self.path else f"{head}{self.message}"


class RecipeError(ZooError):
    """A recipe is wrong; holds every mistake found in one pass."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class MissingError(ZooError):
    """A component, a plugin or a file is not there; the sentence holds the command or setting that brings it."""

    exit_code = 3


class DataError(ZooError):
    """Data are there but cannot be used as they are."""

    exit_code = 3


class NetworkError(ZooError):
    """The network, the authorisation or a gate stands in the way."""

    exit_code = 4


class IntegrityError(ZooError):
    """A file is not what its record says."""

    exit_code = 5


class RunError(ZooError):
    """A run cannot go on: it is locked, diverged, or its disk is full."""


class Interrupted(ZooError):  # noqa: N818 - not a mistake, and the name of what happened
    """A signal asked the run to stop; its checkpoint has been written."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
