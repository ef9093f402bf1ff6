"""What a page is made of, kept in a folder: figures as SVG, numbers and listings as CSV, and their order.

A task's figures need the model and the data, which the page does not: they are drawn while a member is scored, and a
page can be made of them later, on another machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import atomic, bounded
from zoo.errors import IntegrityError, Interrupted, RunError, ZooError
from zoo.figures import svg
from zoo.figures.files import Table, write_table
from zoo.figures.parts import Code, Figure, Listing, Section

FORMAT = 1
KINDS = ("figure", "listing", "code")
INDEX = "parts.json"
CARD_FIGURES, CARD_BYTES = 3, 300_000
"""Figures of a run that may stand on its card, and the size of each."""
MOST = 40_000_000
"""Bytes of a file that are read at most."""
MEMBERS = 200
"""Folders of members that are read at most."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A part as it lies in a folder: ``kind`` (``figure``, ``listing``, ``code``) and what it says."""

    kind: str
    key: str
    title: str
    caption: str = ""
    alt: str = ""
    sort: str = ""
    svg: str = ""
    table: Table | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class KeptSection:
    """A section of a page, with parts that are drawn."""

    key: str
    title: str
    words: str = ""
    gallery: bool = False
    parts: list[Kept] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Material:
    """What one call of a task's ``report`` gave: of which member or of ``all``, and what went wrong in it."""

    name: str
    about: dict[str, Any]
    sections: list[KeptSection]
    problem: str = ""


def kept(section: Section, prefix: str = "") -> KeptSection:
    """Draw a section for a page that is being made, into no folder; ``prefix`` is put before the keys of its parts."""
    found = KeptSection(f"{prefix}{section.key}", section.title, section.words, section.gallery)
    for part in section.parts:
        key = f"{prefix}{part.key}"
        if isinstance(part, Code):
            found.parts.append(Kept("code", key, part.title, text=part.text))
        elif isinstance(part, Listing):
            found.parts.append(Kept("listing", key, part.title, part.caption, sort=part.sort, table=part.table))
        else:
            drawn = svg.drawn(part.drawing, key)
            found.parts.append(Kept("figure", key, part.title, part.caption, part.alt, svg=drawn, table=part.numbers))
    return found


def write(folder: Path, sections: Iterable[Section], about: Mapping[str, Any]) -> Path:
    """Draw sections into a folder, one part after the other, and return it; the index comes last.

    A figure that cannot be drawn costs a sentence on the page, and neither the run nor the figures beside it: whatever
    is raised is kept as the ``problem``. What the task itself raises ends what it shows.

    Raises
    ------
    RunError
        The disk refuses.
    """
    told: list[dict[str, Any]] = []
    problems: list[str] = []
    with atomic.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        for section in sections:
            about_it = {name: getattr(section, name) for name in ("key", "title", "words", "gallery")}
            told.append({**about_it, "parts": list(_write_parts(folder, section, problems))})
    except (Interrupted, RunError):
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's picture must not cost a training
        problems.append(_said(error))
    found = {"format": FORMAT, **about, "sections": told, "problem": "; ".join(problems)}
    atomic.write_json(folder / INDEX, found)
    return folder


def _write_parts(folder: Path, section: Section, problems: list[str]) -> Iterator[dict[str, Any]]:
    for part in section.parts:
        try:
            yield _write_part(folder, part)
        except (Interrupted, RunError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            problems.append(f"{part.title}: {_said(error)}")


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"


def _write_part(folder: Path, part: Figure | Listing | Code) -> dict[str, Any]:
    told: dict[str, Any] = {"key": part.key, "title": part.title}
    if isinstance(part, Code):
        return {**told, "kind": "code", "text": part.text}
    if isinstance(part, Listing):
        write_table(folder / f"{part.key}.csv", part.table)
        return {**told, "kind": "listing", "caption": part.caption, "sort": part.sort, "table": f"{part.key}.csv"}
    atomic.write_text(folder / f"{part.key}.svg", svg.drawn(part.drawing, part.key))
    if part.numbers is not None:
        write_table(folder / f"{part.key}.csv", part.numbers)
        told["table"] = f"{part.key}.csv"
    if part.card:
        small = svg.png(part.drawing, CARD_BYTES)
        atomic.write(folder / f"{part.key}.png", lambda temporary: _fill(temporary, small))
        told["png"] = f"{part.key}.png"
    return {**told, "kind": "figure", "caption": part.caption, "alt": part.alt, "svg": f"{part.key}.svg"}


def read(folder: Path) -> Material:
    """Read a folder that :func:`write` has written; what is damaged in it is left out and told as its problem.

    Raises
    ------
    IntegrityError
        The index is not one that this zoo can read.
    """
    told = _index(folder / INDEX)
    problems = [str(told.get("problem") or "")]
    sections = []
    for section in told["sections"]:
        words, gallery = str(section.get("words") or ""), bool(section.get("gallery"))
        key, title = str(section.get("key") or "section"), str(section.get("title") or "Section")
        found = KeptSection(key, title, words, gallery)
        for part in section["parts"]:
            try:
                found.parts.append(_read_part(folder, part))
            except (OSError, ValueError, LookupError, TypeError, RecursionError, csv.Error, ZooError) as error:
                problems.append(f"{part.get('key', 'a part')} cannot be read ({error})")
        sections.append(found)
    about = {name: value for name, value in told.items() if name not in {"sections", "problem"}}
    return Material(folder.name, about, sections, "; ".join(filter(None, problems)))


def read_all(folder: Path) -> list[Material]:
    """Return all that lies in a report folder, what is of all groups first, then by member.

    Of a folder whose index is damaged, or which is a link to elsewhere, nothing is there but its problem.
    """
    found = sorted(folder.glob(f"*/{INDEX}"), key=lambda path: (path.parent.name != "all", path.parent.name))
    return [_patiently(path.parent) for path in found[:MEMBERS]]


def _patiently(folder: Path) -> Material:
    if folder.is_symlink():
        return Material(folder.name, {}, [], f"{folder.name} is a link to another folder, which is not read")
    try:
        return read(folder)
    except IntegrityError as error:
        return Material(folder.name, {}, [], str(error))


def _index(path: Path) -> dict[str, Any]:
    told = bounded.read_json(path)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise IntegrityError(f"{path}: is of another format than {FORMAT}; draw the figures anew with --draw")
    sections = told.get("sections")
    if not isinstance(sections, list) or not all(map(_is_section, sections)):
        raise IntegrityError(f"{path}: is not as zoo writes it; draw the figures anew with --draw")
    return told


def _is_section(told: Any) -> bool:
    parts = told.get("parts") if isinstance(told, dict) else None
    return isinstance(parts, list) and all(isinstance(part, dict) for part in parts)


def _read_part(folder: Path, part: Mapping[str, Any]) -> Kept:
    kind, key, title = str(part["kind"]), str(part["key"]), str(part["title"])
    if kind not in KINDS:
        raise ValueError(f"its kind is {kind[:80]!r}, this zoo knows {', '.join(KINDS)}")
    words = {name: str(part.get(name, "")) for name in ("caption", "alt", "sort", "text")}
    table = _table(_inside(folder, part["table"])) if "table" in part or kind == "listing" else None
    shown = svg.cleaned(_text(_inside(folder, part["svg"])), key) if kind == "figure" else ""
    return Kept(kind, key, title, svg=shown, table=table, **words)


def _text(path: Path) -> str:
    return bounded.read_bytes(path, MOST).decode()


def _inside(folder: Path, name: Any) -> Path:
    """Return a file of the folder, which an index of a stranger must not lead out of."""
    if not isinstance(name, str) or Path(name).name != name or (folder / name).is_symlink():
        raise ValueError(f"{str(name)[:80]!r} is no file of the folder")
    return folder / name


def _table(path: Path) -> Table:
    rows = list(csv.reader(io.StringIO(_text(path), newline="")))
    if not rows:
        raise ValueError(f"{path.name} is empty")
    return Table(rows[0], rows[1:])


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)
