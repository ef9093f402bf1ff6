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
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from zoo.errors import MissingError, UsageError

KINDS = ("encoders", "heads", "losses", "datasets", "segmenters", "transforms", "samplers", "stages", "tasks")
OWN_DISTRIBUTION = "microscopy-zoo"
MODELS = "models"
"""Published models enter by the same door as parts; what they name is a table, not code (:mod:`zoo.catalogue`)."""
_GROUPS = {f"zoo.{kind}": kind for kind in (*KINDS, MODELS)}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def singular(kind: str) -> str:
    """Return ``encoder`` for ``encoders`` and ``loss`` for ``losses``."""
    return kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")


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
        except (Exception, SystemExit) as error:  # a plugin may raise anything at import, and none may pass unnamed
            what = " ".join(str(error).split())
            raise MissingError(
                f"{singular(self.kind)} '{self.name}' is provided by {self.distribution} {self.version}, which cannot "
                f"be imported ({type(error).__name__}: {what}); reinstall or remove that package"
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
        what = f"{singular(self.kind)} '{self.name}' is claimed by {claims}"
        return f"{what}; uninstall one of them, or set ZOO_PLUGINS to a list of plugins without it"


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _allowed() -> set[str] | None:
    """Return the distributions that may take part, or None where all may."""
    value = os.environ.get("ZOO_PLUGINS")
    if value is None:
        return None
    return {OWN_DISTRIBUTION, *(_normal(name) for name in re.split(r"[,\s]+", value) if name)}


@dataclass(slots=True)
class Found:
    """What the installed distributions offer.

    Attributes
    ----------
    entries
        What takes part.
    left_out
        What ``ZOO_PLUGINS`` keeps from taking part.
    troubles
        Distributions whose offer cannot be read, and names in ``ZOO_PLUGINS`` that are nobody's; a sentence each.
    """

    entries: list[Entry] = field(default_factory=list)
    left_out: list[Entry] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


class Registry:
    """All names that the installed distributions offer.

    Parameters
    ----------
    found
        Entries to serve; read from the installed distributions where not given.
    """

    def __init__(self, found: list[Entry] | None = None) -> None:
        installed = _installed() if found is None else Found(found)
        self.troubles = installed.troubles
        self._left_out = installed.left_out
        self._claims: dict[tuple[str, str], list[Entry]] = {}
        for entry in installed.entries:
            self._claims.setdefault((entry.kind, entry.name), []).append(entry)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the entries of one kind, or all components, sorted; names with two claims are left out."""
        kinds = KINDS if kind is None else (kind,)
        return sorted(c[0] for c in self._claims.values() if len(c) == 1 and c[0].kind in kinds)

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

    def settle(self, kind: str, name: str) -> None:
        """Raise what stands in the way of a name that somebody claims: two claims, or ``ZOO_PLUGINS``."""
        if (kind, name) in self._claims or self._hidden(kind, name):
            self.find(kind, name)

    def named(self, name: str) -> list[Entry]:
        """Return the entries of this name over all kinds."""
        return [entry for entry in self.entries() if entry.name == name]

    def refuse(self, name: str, others: Iterable[str] = ()) -> None:
        """Raise the best that can be said of a name of unknown kind: conflict, plugin to install, or near names.

        Parameters
        ----------
        name
            Of no entry.
        others
            Names of other things (recipes) that may have been meant.
        """
        for kind in KINDS:
            if (kind, name) in self._claims or name in known_plugins().get(kind, {}) or self._hidden(kind, name):
                self.find(kind, name)
        near = difflib.get_close_matches(name, {*others, *(entry.name for entry in self.entries())}, n=3)
        if near:
            raise MissingError(f"there is no component and no recipe {name!r}, did you mean {' or '.join(near)}?")

    def _hidden(self, kind: str, name: str) -> Entry | None:
        """Return the entry of a name that ``ZOO_PLUGINS`` leaves out."""
        return next((entry for entry in self._left_out if (entry.kind, entry.name) == (kind, name)), None)

    def _unknown(self, kind: str, name: str) -> str:
        what = f"no {singular(kind)} {name!r} is installed"
        known = known_plugins().get(kind, {}).get(name)
        hidden = self._hidden(kind, name)
        if hidden:
            way = f"; it is installed by: {known[1]}" if known else ""
            return f"{what}; it comes with {hidden.distribution}, which ZOO_PLUGINS leaves out, so add it there{way}"
        if known:
            return f"{what}; it comes with {known[0]}: {known[1]}"
        names = [entry.name for entry in self.entries(kind)]
        near = difflib.get_close_matches(name, names, n=3)
        if near:
            return f"{what}, did you mean {' or '.join(near)}?"
        elsewhere = [entry.kind for entry in self.named(name)]
        if elsewhere:
            return f"{what}; '{name}' is one of the {elsewhere[0]}"
        return f"{what}; installed {kind}: {', '.join(names) or 'none'}"


def _installed() -> Found:
    found = Found()
    allowed = _allowed()
    names = _offering(found.troubles)
    for name in names:
        try:
            # of a distribution listed twice on sys.path this is the first, the one that is imported
            offered = _offer(metadata.distribution(name), name, found.troubles)
        except Exception as error:  # noqa: BLE001 - metadata may be damaged in any way; one must not hide the others
            found.troubles.append(_unreadable(name, error))
            continue
        (found.entries if allowed is None or name in allowed else found.left_out).extend(offered)
    for name in sorted((allowed or set()) - names):
        found.troubles.append(f"ZOO_PLUGINS names '{name}', which is no installed plugin; correct it, or install it")
    return found


def _offering(troubles: list[str]) -> set[str]:
    """Return the distributions that offer anything to zoo; only their metadata are read any further."""
    names = set()
    for distribution in metadata.distributions():
        try:
            if "[zoo." in (distribution.read_text("entry_points.txt") or ""):
                names.add(_normal(distribution.metadata["Name"]))
        except Exception as error:  # noqa: BLE001 - as above
            troubles.append(_unreadable(str(getattr(distribution, "_path", "a distribution")), error))
    return names


def _offer(distribution: metadata.Distribution, name: str, troubles: list[str]) -> list[Entry]:
    points = []
    for point in distribution.entry_points:
        kind = _GROUPS.get(point.group)
        if kind in KINDS and not _NAME.fullmatch(point.name):
            rule = "a name is 1 to 100 of A-Z a-z 0-9 . _ -"
            troubles.append(f"{name}: its {singular(kind)} {point.name[:100]!r} cannot be named in a recipe; {rule}")
        elif kind:
            points.append(point)
    version = distribution.metadata["Version"] or "?"
    # extras in brackets are a matter of installation
    return [
        Entry(_GROUPS[point.group], point.name, re.sub(r"\s|\[.*", "", point.value), name, version) for point in points
    ]


def _unreadable(what: str, error: Exception) -> str:
    why = " ".join(str(error).split())
    return f"{what}: its metadata cannot be read ({type(error).__name__}: {why}); reinstall or remove that package"


@cache
def known_plugins() -> dict[str, dict[str, tuple[str, str]]]:
    """Return kind -> name -> (distribution, command that installs it) for the plugins zoo knows of."""
    known: dict[str, dict[str, tuple[str, str]]] = {}
    for distribution, facts in _known().items():
        for kind in KINDS:
            for name in facts.get(kind, ()):
                known.setdefault(kind, {})[name] = (distribution, facts["install"])
    return known


def known_installs() -> dict[str, str]:
    """Return distribution -> command that installs it for the plugins zoo knows of."""
    return {distribution: facts["install"] for distribution, facts in _known().items()}


@cache
def _known() -> dict[str, Any]:
    with Path(__file__).with_name("known_plugins.toml").open("rb") as file:
        return tomllib.load(file)
