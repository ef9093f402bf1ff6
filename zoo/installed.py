"""What the installed distributions say to zoo in their metadata; nothing else of them is read, and nothing imported."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib import metadata

OWN_DISTRIBUTION = "microscopy-zoo"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry point: ``name = "target"`` in the group ``zoo.<group>`` of a distribution."""

    group: str
    name: str
    target: str
    distribution: str
    version: str


@dataclass(slots=True)
class Installed:
    """What the installed distributions offer.

    Attributes
    ----------
    lines
        What takes part.
    left_out
        What ``ZOO_PLUGINS`` keeps from taking part.
    troubles
        Distributions whose offer cannot be read, and names in ``ZOO_PLUGINS`` that are nobody's; a sentence each.
    """

    lines: list[Line] = field(default_factory=list)
    left_out: list[Line] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def normal(distribution: str) -> str:
    """Return the one spelling of a distribution's name: ``My.Lab`` and ``my_lab`` are ``my-lab``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def read() -> Installed:
    """Read the entry points of all installed distributions that offer anything to zoo."""
    found = Installed()
    allowed = _allowed()
    names = _offering(found.troubles)
    for name in sorted(names):
        try:
            # of a distribution listed twice on sys.path this is the first, the one that is imported
            offered = _lines(metadata.distribution(name), name)
        except Exception as error:  # noqa: BLE001 - metadata may be damaged in any way; one must not hide the others
            found.troubles.append(_unreadable(name, error))
            continue
        (found.lines if allowed is None or name in allowed else found.left_out).extend(offered)
    for name in sorted((allowed or set()) - names):
        found.troubles.append(f"ZOO_PLUGINS names '{name}', which is no installed plugin; correct it, or install it")
    return found


def _allowed() -> set[str] | None:
    """Return the distributions that may take part, or None where all may."""
    value = os.environ.get("ZOO_PLUGINS")
    if value is None:
        return None
    return {OWN_DISTRIBUTION, *(normal(name) for name in re.split(r"[,\s]+", value) if name)}


def _offering(troubles: list[str]) -> set[str]:
    """Return the distributions that offer anything to zoo; only their metadata are read any further."""
    names = set()
    for distribution in metadata.distributions():
        try:
            if "[zoo." in (distribution.read_text("entry_points.txt") or ""):
                names.add(normal(_header(distribution, "Name")))
        except Exception as error:  # noqa: BLE001 - as above
            troubles.append(_unreadable(str(getattr(distribution, "_path", "a distribution")), error))
    return names


def _lines(distribution: metadata.Distribution, name: str) -> list[Line]:
    version = _header(distribution, "Version")
    # extras in brackets are a matter of installation
    return [
        Line(point.group.removeprefix("zoo."), point.name, re.sub(r"\s|\[.*", "", point.value), name, version)
        for point in distribution.entry_points
        if point.group.startswith("zoo.")
    ]


def _header(distribution: metadata.Distribution, name: str) -> str:
    """Return a header of the metadata; read here because parsing all of them takes most of the time of ``zoo ls``."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    found = re.search(rf"^{name}:[ \t]*(\S+)", text.partition("\n\n")[0], re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise ValueError(f"no {name} is stated")
    return found[1]


def _unreadable(what: str, error: Exception) -> str:
    why = " ".join(str(error).split())
    return f"{what}: its metadata cannot be read ({type(error).__name__}: {why}); reinstall or remove that package"
