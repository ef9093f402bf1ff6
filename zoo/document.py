"""YAML text to plain values, each with its place in the file; nothing but data can come out.

The reader is built on PyYAML's event stream and differs from ``yaml.safe_load`` where that surprises or can be abused:
scalars follow the YAML 1.2 core schema (``1e-4`` is a number; ``no``, ``on`` and ``2024-01-01`` stay text), a duplicate
key is an error, any tag is refused, size, depth and the expansion of aliases are bounded, and a key can be printed on
one line of a terminal without doing anything to it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from zoo.errors import MissingError, Problem, RecipeError

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 32
MAX_KEY = 200

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, or the command-line option that a value came from."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(slots=True)
class Document:
    """Plain values with the place of every key and list item."""

    value: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)


def scalar(text: str) -> str | int | float | bool | None:
    """Return the value of a plain (unquoted) scalar under the YAML 1.2 core schema."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text) if len(text) < 100 else text  # noqa: PLR2004 - longer is no number a recipe can mean
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises
    ------
    MissingError
        There is no such file.
    RecipeError
        It is not a small, plain, UTF-8 YAML document.
    """
    return parse(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Return the text of a small UTF-8 file; raises as :func:`read` does."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise _refused(str(path), "is a directory; give the path of a YAML file in it") from error
    except OSError as error:
        raise MissingError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
    if len(raw) > MAX_BYTES:
        raise _refused(str(path), f"is larger than {MAX_BYTES // 1024} kB, so it is no recipe")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {raw[error.start]:#04x} at {error.start}); save it as UTF-8"
        raise _refused(str(path), what) from error


def parse(text: str, source: str) -> Document:
    """Parse YAML text; ``source`` stands in the places."""
    try:
        return _Builder(text, source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else source
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise _refused(str(place), f"not valid YAML: {what}") from error
    except ReaderError as error:
        place = _place_of(text, int(error.position), source)
        what = f"the character {text[error.position]!r} is not allowed in YAML; remove it, or save the file as UTF-8"
        raise _refused(str(place), what) from error
    except (ValueError, OverflowError) as error:  # PyYAML lets a \\U of no character, and a huge %YAML number, escape
        raise _refused(source, f"not valid YAML: {error}") from error


def dotted(path: KeyPath) -> str:
    """Return ``data.genes.top`` for a path of keys."""
    return ".".join(str(key) for key in path)


def paths_below(value: Any) -> Iterator[KeyPath]:
    """Return the paths of everything inside plain values, each block before what it holds."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield (key,)
        yield from ((key, *below) for below in paths_below(child))


def _place_of(text: str, position: int, source: str) -> Place:
    before = text[:position]
    return Place(source, before.count("\n") + 1, position - before.rfind("\n"))


def _refused(place: str, message: str) -> RecipeError:
    return RecipeError([Problem(place, "", message)])


class _Builder:
    """Builds values from the event stream, counting as it goes."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._places: dict[KeyPath, Place] = {}

    def document(self) -> Document:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Document(None)
        value = self._node(next(self._events), ())
        next(self._events)  # the document's end
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _refused(self._place(following), "a second document starts here; a recipe is one document")
        return Document(value, self._places)

    def _place(self, event: Any) -> str:
        return str(self._at(event))

    def _at(self, event: Any) -> Place:
        return Place(self._source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _count(self, event: Any, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _refused(self._place(event), f"more than {MAX_NODES} values once aliases are expanded; refused")

    def _node(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if len(path) > MAX_DEPTH:
            raise _refused(self._place(event), f"nested deeper than {MAX_DEPTH} levels; refused")
        if event.tag is not None:
            raise _refused(self._place(event), f"tag {event.tag!r} is refused: a recipe holds plain data only")
        self._count(event)
        before = self._nodes
        if isinstance(event, yaml.MappingStartEvent):
            value: Any = self._mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path)
        else:
            value = self._scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before + 1)
        return value

    def _scalar(self, event: Any) -> Any:
        if any("\ud800" <= letter <= "\udfff" for letter in event.value):
            raise _refused(self._place(event), "half of a surrogate pair is no character; write the character itself")
        return scalar(event.value) if event.implicit[0] and event.style is None else event.value

    def _alias(self, event: Any, path: KeyPath) -> Any:
        if event.anchor not in self._anchors:
            raise _refused(self._place(event), f"alias '*{event.anchor}' points nowhere, or at itself")
        value, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        for below in paths_below(value):
            if len(path) + len(below) > MAX_DEPTH:
                raise _refused(self._place(event), f"nested deeper than {MAX_DEPTH} levels; refused")
            self._places[(*path, *below)] = self._at(event)
        return copy.deepcopy(value)

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in values:
                raise _refused(self._place(event), f"key '{key}' stands twice in one block; keep one")
            self._count(event)
            self._places[(*path, key)] = self._at(event)
            values[key] = self._node(next(self._events), (*path, key))
        return values

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            raise _refused(self._place(event), "a key is plain text, not a block, a list, an alias or a tag")
        key: str = event.value
        if key == "<<" and event.style is None:
            raise _refused(self._place(event), "'<<' is not supported; a recipe inherits with 'extends'")
        if len(key) > MAX_KEY or not key.isprintable():
            raise _refused(self._place(event), f"a key is up to {MAX_KEY} printable characters, not {key[:40]!r}")
        return key

    def _sequence(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(values))
            self._places[here] = self._at(event)
            values.append(self._node(event, here))
        return values


class _Dumper(yaml.SafeDumper):
    """Quotes every text that this module's reader would take for something else or fold."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name and shape are PyYAML's
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # in double quotes PyYAML escapes line separators that it would otherwise fold into spaces
    style = '"' if not value.isprintable() else None if isinstance(scalar(value), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(value: Any) -> str:
    """Return YAML text that :func:`parse` turns back into the very same value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
