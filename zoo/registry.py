"""Names of components to the installed code behind them, found through Python entry points.

A distribution offers a component by one line in its ``pyproject.toml``::

    [project.entry-points."zoo.heads"]
    my-head = "my_package.heads.my_head:MyHead"

Looking up names reads package metadata only. Code is imported by :meth:`Entry.load`, for the one entry that was asked
for, and never before. zoo's own parts enter by the same door.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo import installed, kinds, renamed
from zoo.errors import MissingError, UsageError
from zoo.installed import Installed, Line
from zoo.kinds import COMMANDS, GROUPS, NAME, NAME_RULE, NAMES, RECIPES, VERBS
from zoo.renamed import Change

KINDS = kinds.KINDS
MODELS = kinds.MODELS
OWN_DISTRIBUTION = installed.OWN_DISTRIBUTION
singular = kinds.singular


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
                f"be imported ({type(error).__name__}: {what}){_raised_at(error)}; reinstall or remove that package"
            ) from error
        return found


def _raised_at(error: BaseException) -> str:
    """Return the file and line that a plugin's code had come to, empty where none of it ran."""
    if isinstance(error, SyntaxError):
        return f" at {error.filename}:{error.lineno}" if error.filename else ""
    place = ""
    step: TracebackType | None = error.__traceback__
    while step:
        file = step.tb_frame.f_code.co_filename
        if file != __file__ and not file.startswith("<"):
            place = f" at {file}:{step.tb_lineno}"
        step = step.tb_next
    return place


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


class Registry:
    """All names that the installed distributions offer.

    Parameters
    ----------
    found
        Entries to serve; read from the installed distributions where not given.
    """

    def __init__(self, found: list[Entry] | None = None) -> None:
        offered = installed.read() if found is None else Installed()
        self._troubles = offered.troubles
        self._claims: dict[tuple[str, str], list[Entry]] = {}
        self._lines: dict[str, list[Line]] = {RECIPES: [], NAMES: []}
        self.left_out = offered.left_out
        for entry in found or ():
            self._claim(entry)
        for line in offered.lines:
            self._take(line)

    def _claim(self, entry: Entry) -> None:
        self._claims.setdefault((entry.kind, entry.name), []).append(entry)

    def _take(self, line: Line) -> None:
        """Take in what a distribution offers, or say why not."""
        what = f"{line.distribution}: its {singular(line.group)} {line.name[:100]!r}"
        if line.group in self._lines:
            self._lines[line.group].append(line)
        elif line.group not in GROUPS:  # of a zoo to come, or a slip
            near = difflib.get_close_matches(line.group, GROUPS, n=1, cutoff=0.8)
            if near:
                way = f"did you mean zoo.{near[0]}?"
                self._troubles.append(f"{line.distribution}: its entry points 'zoo.{line.group}' are of no kind, {way}")
        elif line.group != MODELS and not NAME.fullmatch(line.name):
            self._troubles.append(f"{what} cannot be named in a recipe; {NAME_RULE}")
        elif line.group == COMMANDS and line.name in VERBS:
            self._troubles.append(f"{what} is a verb of zoo itself, which stays what it is; give yours another name")
        else:
            self._claim(Entry(line.group, line.name, line.target, line.distribution, line.version))

    @property
    def troubles(self) -> list[str]:
        """What is wrong with what distributions offer; a sentence each, and none of it takes part."""
        return list(dict.fromkeys([*self._troubles, *self._changes[1]]))

    def lines(self, group: str) -> list[Line]:
        """Return what is offered in ``recipes`` or ``names``, where the left side of a line says nothing."""
        return self._lines[group]

    @cached_property
    def _changes(self) -> tuple[renamed.Names, list[str]]:
        return renamed.read(self._lines[NAMES], self._owner)

    def _owner(self, kind: str, name: str) -> str | None:
        claims = self._claims.get((kind, name))
        return (claims[0].distribution if len(claims) == 1 else "") if claims else None

    def change(self, kind: str, name: str) -> Change | None:
        """Return how a name is called now, or when it goes; None where nobody says either."""
        return self._changes[0].get((kind, name))

    def changes(self) -> list[Change]:
        """Return the names that are called otherwise now, or that go."""
        return list(self._changes[0].values())

    def note(self, kind: str, name: str) -> str:
        """Return what whoever uses a name is told, empty where there is nothing to tell."""
        change = self.change(kind, name)
        return change.note if change else ""

    def meanings(self, entry: Entry) -> list[Entry]:
        """Return the entries that have another meaning of the same name: ``NAME``, ``NAME.v2``, ``NAME.v3``."""
        plain, same = _plain(entry.name), self.entries(entry.kind)
        return [other for other in same if _plain(other.name) == plain and other != entry]

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the entries of one kind, or all components, sorted; names with two claims are left out."""
        kinds = KINDS if kind is None else (kind,)
        return sorted(c[0] for c in self._claims.values() if len(c) == 1 and c[0].kind in kinds)

    def claims(self, kind: str) -> list[Entry]:
        """Return all that is claimed of a kind, names with two claims included."""
        return sorted(entry for claims in self._claims.values() for entry in claims if entry.kind == kind)

    def conflicts(self) -> list[Conflict]:
        """Return the names that more than one distribution claims."""
        return [Conflict(*key, tuple(sorted(c))) for key, c in sorted(self._claims.items()) if len(c) > 1]

    def find(self, kind: str, name: str) -> Entry:
        """Return the entry of a name, which may be what the entry was called before.

        Raises
        ------
        MissingError
            No installed distribution offers it: the sentence holds the nearest names, how to install the plugin that is
            known to bring it, or how it is called now.
        UsageError
            Two distributions claim it.
        """
        change = self.change(kind, name)
        if change and change.over:
            raise MissingError(change.refusal)
        name = change.now if change and change.now else name
        claims = self._claims.get((kind, name), [])
        if len(claims) > 1:
            raise UsageError(str(Conflict(kind, name, tuple(sorted(claims)))))
        if not claims:
            raise MissingError(self._unknown(kind, name))
        return claims[0]

    def settle(self, kind: str, name: str) -> None:
        """Raise what stands in the way of a name that somebody claims: two claims, ``ZOO_PLUGINS``, or that it went."""
        if (kind, name) in self._claims or self.change(kind, name) or self.hidden(kind, name):
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
            self.settle(kind, name)
            if name in known_plugins().get(kind, {}):
                self.find(kind, name)
        near = difflib.get_close_matches(name, {*others, *(entry.name for entry in self.entries())}, n=3)
        if near:
            raise MissingError(f"there is no component and no recipe {name!r}, did you mean {' or '.join(near)}?")

    def hidden(self, kind: str, name: str) -> Line | None:
        """Return what offers a name and is left out by ``ZOO_PLUGINS``."""
        return next((line for line in self.left_out if (line.group, line.name) == (kind, name)), None)

    def _unknown(self, kind: str, name: str) -> str:
        what = f"no {singular(kind)} {name!r} is installed"
        known = known_plugins().get(kind, {}).get(name)
        hidden = self.hidden(kind, name)
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


def _plain(name: str) -> str:
    """Return a name without its ``.v2``.

    >>> _plain("word.v2"), _plain("word"), _plain("word.v2x")
    ('word', 'word', 'word.v2x')
    """
    return re.sub(r"\.v[0-9]+$", "", name)


@cache
def known_plugins() -> dict[str, dict[str, tuple[str, str]]]:
    """Return kind -> name -> (distribution, command that installs it) for the plugins zoo knows of."""
    known: dict[str, dict[str, tuple[str, str]]] = {}
    for distribution, facts in _known().items():
        for kind in (*KINDS, RECIPES):
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
