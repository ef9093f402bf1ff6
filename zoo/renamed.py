"""Names over time: what used to be called otherwise, and what goes and when; said in a table, never in code.

A distribution that renames or retires what it published says so by one line in its ``pyproject.toml`` and a table in
a TOML file of its package::

    [project.entry-points."zoo.names"]
    my-lab = "my_package:names.toml"

    # my_package/names.toml
    [heads.old-name]                 # kinds of parts, recipes, models
    now = "new-name"
    gone = "0.4"                     # the version of this distribution that no longer knows the old name;
    why = "It never was attention."  # left out where it is an alias for good

    [heads.other-name]               # goes without a successor
    gone = "0.5"
    why = "Nobody could reproduce it."

What is written in a recipe stays as it is; who uses it is told. A name whose meaning changes is not renamed: the new
meaning is registered beside the old one as ``NAME.v2``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from zoo import carried
from zoo.bounded import shown
from zoo.installed import Line
from zoo.kinds import COMMANDS, GROUPS, NAME, NAME_RULE, NAMES, singular

CHANGEABLE = tuple(group for group in GROUPS if group not in {COMMANDS, NAMES})
_KEYS = ("now", "gone", "why")


@dataclass(frozen=True, slots=True)
class Change:
    """One name that is called otherwise now, or that goes.

    Attributes
    ----------
    now
        What it is called, empty where it goes without a successor.
    gone
        The version of the distribution that no longer knows the name, empty for an alias for good.
    over
        Whether that version is installed.
    """

    kind: str
    name: str
    distribution: str
    version: str
    now: str = ""
    gone: str = ""
    why: str = ""
    over: bool = False

    @property
    def note(self) -> str:
        """What is told whoever uses the name while it is still known."""
        what = f"{singular(self.kind)} '{self.name}'"
        if not self.now:
            return f"{what} goes with {self.distribution} {self.gone}{self._because}"
        last = f"; {self.distribution} {self.gone} will no longer know the old name" if self.gone else ""
        return f"{what} is now called '{self.now}'{self._because}{last}"

    @property
    def refusal(self) -> str:
        """What is told whoever uses the name when it is known no more, with the way out."""
        what = f"{singular(self.kind)} '{self.name}'"
        way = f"install '{self.distribution}<{self.gone}' to use it"
        if not self.now:
            went = f"{what} went with {self.distribution} {self.gone}, and {self.version} is installed"
            return f"{went}{self._because}; {way}"
        since = f"{self.distribution} {self.gone} and later, {self.version} here, no longer know the old name"
        return f"{what} is now called '{self.now}'{self._because}; {since}, so write '{self.now}'"

    @property
    def _because(self) -> str:
        return f" ({self.why})" if self.why else ""


Names = dict[tuple[str, str], Change]
Owner = Callable[[str, str], str | None]


def read(lines: Iterable[Line], owner: Owner) -> tuple[Names, list[str]]:
    """Return the names that change, and what is wrong with the tables that say so; a sentence each.

    Parameters
    ----------
    lines
        Those of the group ``zoo.names``.
    owner
        Kind and name -> the distribution that registers it, empty where several do, None where nobody does. Of a
        kind that it cannot answer for it says None too.
    """
    troubles: list[str] = []
    stated: dict[tuple[str, str], list[Change]] = {}
    for line in lines:
        file = carried.file_of(line.target)
        table, problem = carried.table_of(file) if file else ({}, f"{shown(line.target)} is no file inside its package")
        if problem:
            troubles.append(f"{line.distribution}: its table of names cannot be used: {problem}")
        for change in _changes(line, table, troubles):
            stated.setdefault((change.kind, change.name), []).append(change)
    old = {key for key, changes in stated.items() if any(change.now for change in changes)}
    found: Names = {}
    for key, changes in sorted(stated.items()):
        problem = _claimed(changes) or _wrong(changes[0], old, owner)
        if problem:
            troubles.append(f"{changes[0].distribution}: names.{'.'.join(key)}: {problem}")
        else:
            found[key] = changes[0]
    return found, troubles


def _changes(line: Line, table: dict[str, Any], troubles: list[str]) -> Iterable[Change]:
    for kind, names in table.items():
        where = f"{line.distribution}: names.{shown(kind)}"
        if kind not in CHANGEABLE:
            near = difflib.get_close_matches(kind, CHANGEABLE, n=1)
            way = f"did you mean {near[0]}?" if near else f"known are {', '.join(CHANGEABLE)}"
            troubles.append(f"{where}: is no kind of names that change, {way}")
        elif not isinstance(names, dict):
            troubles.append(f"{where}: is a table of names, not {shown(names)}")
        else:
            for name, facts in names.items():
                change = _change(line, kind, name, facts)
                if isinstance(change, Change):
                    yield change
                else:
                    troubles.append(f"{where}.{shown(name)}: {change}")


def _change(line: Line, kind: str, name: str, facts: Any) -> Change | str:
    """Return what a table says of one name, or what is wrong with it."""
    problem = _ill_written(kind, name, facts)
    if problem:
        return problem
    now, gone, why = (" ".join(facts.get(key, "").split()) for key in _KEYS)
    if not (now or gone):
        return "says neither what it is called now nor the version in which it goes; give now, gone, or both"
    for called in (name, *([now] if now else [])):
        if not NAME.fullmatch(called):
            return f"{shown(called)} cannot be named in a recipe; {NAME_RULE}"
    over = _reached(gone, line.version) if gone else False
    if over is None:
        return f"gone is a version such as 0.4, not {shown(gone)}"
    return Change(kind, name, line.distribution, line.version, now, gone, why, over)


def _ill_written(kind: str, name: str, facts: Any) -> str:
    if not isinstance(facts, dict):
        return f"is a table with {', '.join(_KEYS)}, not {shown(facts)}"
    for key, value in facts.items():
        if key not in _KEYS and isinstance(value, dict):
            return f'a name with a dot is quoted: [{kind}."{name}.{key}"]'
        if key not in _KEYS:
            return f"unknown key {shown(key)}; known here: {', '.join(_KEYS)}"
        if not isinstance(value, str) or not value.strip():
            return f"{key} is a text, not {shown(value)}"
    return ""


def _reached(gone: str, installed: str) -> bool | None:
    """Return whether a version is installed already; None where it is no version."""
    from packaging.version import InvalidVersion, Version

    try:
        last = Version(gone)
    except InvalidVersion:
        return None
    try:
        return Version(installed) >= last
    except InvalidVersion:  # metadata of something unusual: nothing is refused for it
        return False


def _claimed(changes: list[Change]) -> str:
    if len(changes) == 1:
        return ""
    who = " and ".join(f"{change.distribution} {change.version}" for change in changes)
    return f"is claimed by {who}; uninstall one of them, or set ZOO_PLUGINS to a list of plugins without it"


def _wrong(change: Change, old: set[tuple[str, str]], owner: Owner) -> str:
    """Return why a change does not go together with what is registered and with the other changes."""
    here = owner(change.kind, change.name)
    if change.now and here is not None:
        return f"is a {singular(change.kind)} of {here or 'several'} that is still registered; its own name wins"
    if change.now == change.name or (change.kind, change.now) in old:
        return f"'{change.now}' is an old name itself; give the name that it has today"
    if not change.now and here not in {None, change.distribution}:
        return f"is a {singular(change.kind)} of {here or 'several'}, which alone can let it go"
    return ""
