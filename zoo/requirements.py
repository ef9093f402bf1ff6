"""Which versions of zoo and its plugins can load a model, and the command that brings what is not installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from importlib import metadata

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from zoo.errors import IntegrityError, MissingError, ZooError
from zoo.registry import OWN_DISTRIBUTION, Registry, known_installs

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_RANGE = re.compile(r"[A-Za-z0-9.,<>=!~*+_ -]{0,200}")
"""What a range of versions is written with; ``===`` would allow almost anything, a shell's characters too."""


def compatible(version: str) -> str:
    """Return the range of versions that keep the promises of one: up to the next major, or before 1.0 the next minor.

    >>> compatible("0.3.1"), compatible("2.1")
    ('>=0.3.1,<0.4', '>=2.1,<3')
    """
    try:
        parsed = Version(version)
        below = f"0.{parsed.minor + 1}" if parsed.major == 0 else str(parsed.major + 1)
    except ValueError:  # no version, or one of thousands of digits
        return f"==={version}"
    epoch = f"{parsed.epoch}!" if parsed.epoch else ""
    return f">={parsed.public},<{epoch}{below}"


def check(requires: Mapping[str, str], source: str) -> None:
    """Refuse what the installed distributions cannot load.

    Raises
    ------
    MissingError
        A distribution is not installed, or not in a version that will do; the sentence holds the command.
    IntegrityError
        What is required cannot be understood.
    """
    lacking = []
    for name, wanted in requires.items():
        if not _NAME.fullmatch(name):
            raise IntegrityError(f"{source}: requires {name[:80]!r}, which is no name of a distribution")
        if not _RANGE.fullmatch(wanted):
            raise IntegrityError(f"{source}: requires {name} {wanted[:80]!r}, which is no range of versions")
        try:
            allowed = SpecifierSet(wanted, prereleases=True)
        except InvalidSpecifier as error:
            raise IntegrityError(f"{source}: requires {name} {wanted[:80]!r}, which is no range of versions") from error
        have = _installed(name)
        if have is None or not allowed.contains(have):
            lacking.append(f"{name} {wanted} ({'is not installed' if have is None else f'{have} is installed'})")
    if lacking:
        names = [text.partition(" ")[0] for text in lacking]
        raise MissingError(f"{source}: needs {', '.join(lacking)}; {' and '.join(_way(n, requires[n]) for n in names)}")


def check_parts(parts: Iterable[tuple[str, str]], source: str) -> None:
    """Refuse a model one of whose components, by kind and name, no installed distribution brings.

    Raises
    ------
    MissingError
        As :meth:`zoo.registry.Registry.find`.
    """
    registry = Registry()
    for kind, name in parts:
        try:
            registry.find(kind, name)
        except ZooError as error:
            raise MissingError(f"{source}: {error}") from error


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, KeyError):  # the latter where importlib_metadata has been imported
        return None


def _way(name: str, wanted: str) -> str:
    """Return the command that brings a distribution; of a stranger's say that only the package names it."""
    known = known_installs().get(name)
    if known:
        return f"install it with: {known}"
    command = f"pip install -U {shlex.quote(name + wanted)}"  # a stranger wrote it, and it may be pasted into a shell
    if name == OWN_DISTRIBUTION:
        return f"install it with: {command}"
    return f"after a look at who makes it, install it with: {command}"
