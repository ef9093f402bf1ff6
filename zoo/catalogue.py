"""Names of published models to where they lie, pinned by commit and sha256.

A distribution offers a model by one line in its ``pyproject.toml`` and a table in a TOML file of its package::

    [project.entry-points."zoo.models"]
    my-model = "my_package:models.toml"

    # my_package/models.toml
    [my-model]
    summary = "What it does, and on which data it was trained."
    source = "my-org/my-model"        # on the Hub; or "cards/my-model", a folder inside the package or beside it
    revision = "0123...40 hex digits" # of the Hub: the commit
    sha256 = "0123...64 hex digits"   # of the package's manifest.json

The file is read, nothing is imported. zoo's own models enter by the same door.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import bounded
from zoo.carried import file_of, folder_of, stays, table_of
from zoo.errors import MissingError, UsageError
from zoo.registry import MODELS, Entry, Registry

REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a package lies: a folder, or a repository of the Hub at a revision.

    Attributes
    ----------
    name
        As its user calls it.
    folder
        Of a package that lies on this machine.
    repo, revision
        On the Hub.
    sha256
        Of its ``manifest.json``, where the catalogue pins one.
    """

    name: str
    folder: Path | None = None
    repo: str = ""
    revision: str = "main"
    sha256: str = ""

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which cannot become another."""
        return is_commit(self.revision)

    def __str__(self) -> str:
        return str(self.folder) if self.folder else f"{self.repo}@{self.revision}"


@dataclass(frozen=True, slots=True)
class Model:
    """One name of the catalogue; ``problem`` says why it cannot be used, empty where it can."""

    name: str
    distribution: str
    summary: str = ""
    source: Source | None = None
    problem: str = ""


def is_commit(revision: str) -> bool:
    """Return whether a revision is a whole commit, and not a branch or a tag."""
    return bool(_COMMIT.fullmatch(revision))


def models(registry: Registry | None = None) -> list[Model]:
    """Return all names of the catalogue; what is broken says why."""
    return [_model(entry) for entry in (registry or Registry()).entries(MODELS)]


def source_of(text: str) -> Source:
    """Return where a model lies, given what its user typed.

    Parameters
    ----------
    text
        A folder that is there; ``hf://org/name@revision``; ``org/name@revision``; or a name of the catalogue.

    Raises
    ------
    MissingError
        The name is in no catalogue.
    UsageError
        It is none of these, or two distributions claim the name.
    """
    folder = None if text.startswith("hf://") else folder_at(text)
    if folder:
        return Source(text, folder=folder)
    address = text.removeprefix("hf://")
    repo, at, revision = address.partition("@")
    if REPO.fullmatch(repo) and (not at or (_REVISION.fullmatch(revision) and ".." not in revision)):
        return Source(text, repo=repo, revision=revision or "main")
    if _NAME.fullmatch(text):
        return _named(text)
    if "/" in text and not text.startswith("hf://"):
        way = "name a folder, org/name, or one of 'zoo ls models'"
        raise MissingError(f"{bounded.shown(text)}: there is no such folder; {way}")
    ways = "a folder, org/name, org/name@revision, hf://org/name@revision, or a name of 'zoo ls models'"
    raise UsageError(f"{text[:200]!r} is no model; say {ways}")


def note_of(text: str) -> str:
    """Return what whoever names a model is told: that its name has changed or goes; empty where there is nothing."""
    return "" if folder_at(text) or not _NAME.fullmatch(text) else Registry().note(MODELS, text)


def folder_at(text: str) -> Path | None:
    """Return the folder of this path, None where there is none."""
    try:
        path = Path(text).expanduser()
        return path if text and path.is_dir() else None
    except (OSError, RuntimeError):  # longer than a path can be, or in the home of nobody
        return None


def _named(name: str) -> Source:
    registry = Registry()
    registry.settle(MODELS, name)
    if not (registry.change(MODELS, name) or any(entry.name == name for entry in registry.entries(MODELS))):
        names = [model.name for model in models(registry)]
        near = difflib.get_close_matches(name, names, n=3)
        way = f", did you mean {' or '.join(near)}?" if near else f"; known models: {', '.join(names) or 'none'}"
        raise MissingError(f"there is no model {name!r} in the catalogue{way}")
    model = _model(registry.find(MODELS, name))
    if model.source is None:
        raise MissingError(f"model '{name}' of {model.distribution} cannot be used: {model.problem}")
    return model.source


def _model(entry: Entry) -> Model:
    if not _NAME.fullmatch(entry.name):
        what = f"a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not {entry.name[:80]!r}"
        return Model(entry.name, entry.distribution, problem=what)
    file = file_of(entry.target)
    if file is None:
        what = f"{entry.target} is no table of models inside a package; reinstall {entry.distribution}"
        return Model(entry.name, entry.distribution, problem=what)
    tables, problem = table_of(file)
    if problem:
        return Model(entry.name, entry.distribution, problem=problem)
    table = tables.get(entry.name)
    source, problem = _source(entry.name, table, entry.target.partition(":")[0])
    summary = " ".join(str(table.get("summary", "")).split()) if isinstance(table, dict) else ""
    return Model(entry.name, entry.distribution, summary, source, f"{file}: {problem}" if problem else "")


def _source(name: str, table: Any, package: str) -> tuple[Source | None, str]:
    """Return the source that a table states, or why it states none."""
    if not isinstance(table, dict):
        return None, f"has no table [{name}]"
    stated = {key: table.get(key, "") for key in ("source", "revision", "sha256")}
    if not all(isinstance(value, str) for value in stated.values()):
        return None, f"[{name}]: source, revision and sha256 are texts"
    if not _SHA256.fullmatch(stated["sha256"]):
        return None, f"[{name}]: sha256 is the 64 hex digits of the package's manifest.json"
    if not stated["revision"]:
        return _inside(name, stated["source"], stated["sha256"], package)
    if not is_commit(stated["revision"]) or not REPO.fullmatch(stated["source"]):
        return None, f"[{name}]: source is org/name and revision the 40 hex digits of a commit, which cannot change"
    return Source(name, repo=stated["source"], revision=stated["revision"], sha256=stated["sha256"]), ""


def _inside(name: str, path: str, sha256: str, package: str) -> tuple[Source | None, str]:
    """Return the source of a model that its distribution carries: inside the package, or in a checkout beside it."""
    if not stays(path):
        what = f"source {path[:80]!r} is neither a folder of the package nor, with a revision, org/name"
        return None, f"[{name}]: {what}"
    folder = folder_of(f"{package}:{path}")
    if folder is None:
        return None, f"[{name}]: the folder {bounded.shown(path)} is not there"
    return Source(name, folder=folder, sha256=sha256), ""
