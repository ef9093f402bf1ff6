"""Names of components to the installed code behind them, found through Python entry points.

A distribution offers a component by one line in its ``pyproject.toml``::

    [project.entry-points."zoo.heads"]
    my-head = "my_package.heads.my_head:MyHead"

Looking up names reads package metadata only. Code is imported by :meth:`Entry.load`, for the one entry that was asked
for, and never before. zoo's own parts enter by the same door.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from zoo.errors import MissingError, UsageError

KINDS = ("encoders", "heads", "losses", "datasets", "transforms", "tasks")
OWN_DISTRIBUTION = "microscopy-zoo"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One registered name: what it is called, and which installed distribution answers for it."""

    kind: str
    name: str
    target: str
    distribution: str
    version: str

    def load(self) -> Any:
        """Import and return the component.

        Raises
        ------
        MissingError
            The module cannot be imported or lacks the attribute; the sentence names the distribution.
        """
        module_name, _, attributes = self.target.partition(":")
        try:
            found: Any = import_module(module_name)
            for attribute in attributes.split("."):
                found = getattr(found, attribute)
        except Exception as error:  # a plugin may raise anything at import, and none of it may pass unnamed
            raise MissingError(
                f"{self.kind[:-1]} '{self.name}' is provided by {self.distribution} {self.version}, which cannot be "
                f"imported ({type(error).__name__}: {error}); reinstall or remove that package"
            ) from error
        return found


@dataclass(frozen=True, slots=True)
class Conflict:
    """A name that two distributions claim; neither wins."""

    kind: str
    name: str
    claims: tuple[Entry, ...]

    def __str__(self) -> str:
        claims = " and ".join(f"{entry.distribution} {entry.version}" for entry in self.claims)
        return f"{self.kind[:-1]} '{self.name}' is claimed by {claims}; uninstall one, or name the other in ZOO_PLUGINS"


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _allowed() -> set[str] | None:
    """Return the distributions that may take part, or None where all may."""
    value = os.environ.get("ZOO_PLUGINS")
    if value is None:
        return None
    return {OWN_DISTRIBUTION, *(_normal(name) for name in re.split(r"[,\s]+", value) if name)}


class Registry:
    """All names that the installed distributions offer.

    Parameters
    ----------
    found
        Entries to serve; read from the installed distributions where not given.
    """

    def __init__(self, found: list[Entry] | None = None) -> None:
        self._claims: dict[tuple[str, str], list[Entry]] = {}
        for entry in _installed() if found is None else found:
            self._claims.setdefault((entry.kind, entry.name), []).append(entry)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the entries of one kind, or all of them, sorted; names with two claims are left out."""
        return sorted(c[0] for c in self._claims.values() if len(c) == 1 and kind in {None, c[0].kind})

    def conflicts(self) -> list[Conflict]:
        """Return the names that more than one distribution claims."""
        return [Conflict(*key, tuple(sorted(c))) for key, c in sorted(self._claims.items()) if len(c) > 1]

    def find(self, kind: str, name: str) -> Entry:
        """Return the entry of a name.

        Raises
        ------
        MissingError
            No installed distribution offers it: the sentence holds the nearest names, or how to install the plugin
            that is known to bring it.
        UsageError
            Two distributions claim it.
        """
        claims = self._claims.get((kind, name), [])
        if len(claims) > 1:
            raise UsageError(str(Conflict(kind, name, tuple(sorted(claims)))))
        if not claims:
            raise MissingError(self._unknown(kind, name))
        return claims[0]

    def named(self, name: str) -> list[Entry]:
        """Return the entries of this name over all kinds."""
        return [entry for entry in self.entries() if entry.name == name]

    def _unknown(self, kind: str, name: str) -> str:
        known = known_plugins().get(kind, {}).get(name)
        if known:
            return f"no {kind[:-1]} '{name}' is installed; it comes with {known[0]}: {known[1]}"
        names = [entry.name for entry in self.entries(kind)]
        near = difflib.get_close_matches(name, names, n=3)
        elsewhere = [entry.kind for entry in self.named(name)]
        if near:
            return f"no {kind[:-1]} '{name}' is installed, did you mean {' or '.join(near)}?"
        if elsewhere:
            return f"no {kind[:-1]} '{name}' is installed; '{name}' is one of the {elsewhere[0]}"
        return f"no {kind[:-1]} '{name}' is installed; installed {kind}: {', '.join(names) or 'none'}"


def _installed() -> list[Entry]:
    allowed = _allowed()
    seen: dict[tuple[str, str, str], Entry] = {}
    for kind in KINDS:
        for point in metadata.entry_points(group=f"zoo.{kind}"):
            dist = point.dist
            name = _normal(dist.name) if dist else "unknown"
            if allowed is not None and name not in allowed:
                continue
            entry = Entry(kind, point.name, point.value, name, dist.version if dist else "?")
            # an editable install may be listed twice on sys.path; the first is the one that is imported
            seen.setdefault((kind, point.name, name), entry)
    return list(seen.values())


@cache
def known_plugins() -> dict[str, dict[str, tuple[str, str]]]:
    """Return kind -> name -> (distribution, command that installs it) for the plugins zoo knows of."""
    with Path(__file__).with_name("known_plugins.toml").open("rb") as file:
        plugins = tomllib.load(file)
    known: dict[str, dict[str, tuple[str, str]]] = {}
    for distribution, facts in plugins.items():
        for kind in KINDS:
            for name in facts.get(kind, ()):
                known.setdefault(kind, {})[name] = (distribution, facts["install"])
    return known
