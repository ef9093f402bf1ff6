"""Where everything stands on a page: each part under a name of its own, and no more of it than fits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.figures import svg
from zoo.report import columns
from zoo.report.columns import Columns

if TYPE_CHECKING:
    from zoo.report.contents import Chapter
    from zoo.report.material import Kept

PIXELS_PER_POINT = 4 / 3
HALF, THIRD = 470, 320
"""Pixels up to which a figure stands beside another one, or two, on paper."""
FEW_ROWS = 1000
"""Rows of a listing that stay on a page that is too large."""
_WIDTH = re.compile(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ')
_PLACE = re.compile(r"[^a-z0-9]+")
_OPENS = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


@dataclass(slots=True)
class Part:
    """A part with its place on the page.

    Attributes
    ----------
    place
        Its id, which no other part has.
    kept
        What it is.
    svg
        Its drawing, whose ids begin with the place; empty where there is none.
    width
        Of the drawing, in pixels.
    data
        Its table, None where there is none.
    island
        All of its table as JSON for the script of the page.
    notes
        What of it is not on the page, and where it is, a sentence each.
    """

    place: str
    kept: Kept
    svg: str = ""
    width: int = 0
    data: Columns | None = None
    island: str = ""
    folder: str = ""
    closed: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> str:
        """How many figures of its width stand beside each other on paper."""
        return "third" if self.width <= THIRD else "half" if self.width <= HALF else "full"


@dataclass(frozen=True, slots=True)
class Group:
    """A section or a chapter: its place, title, paragraphs, and what is in it."""

    place: str
    title: str
    words: list[str]
    inside: list[Any]
    open: bool = True
    gallery: bool = False


class Places:
    """Gives out ids, each of them once."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def take(self, *names: str) -> str:
        """Return an id made of names."""
        wanted = "--".join(_PLACE.sub("-", name.lower()).strip("-") or "part" for name in names)
        found, number = wanted, 2
        while found in self._taken:
            found, number = f"{wanted}-{number}", number + 1
        self._taken.add(found)
        return found


def laid_out(chapters: Sequence[Chapter], places: Places) -> list[Group]:
    """Return the chapters of a page with the place of everything in them."""
    found = []
    for chapter in chapters:
        top = places.take(chapter.key)
        sections = []
        for section in chapter.sections:
            place = places.take(top, section.key)
            parts = [placed(kept, places.take(top, kept.key), chapter) for kept in section.parts]
            sections.append(Group(place, section.title, paragraphs(section.words), parts, gallery=section.gallery))
        found.append(Group(top, chapter.title, paragraphs(chapter.words), sections, chapter.open))
    return found


def placed(kept: Kept, place: str, chapter: Chapter | None = None) -> Part:
    """Return a part at a place."""
    part = Part(place, kept, folder=chapter.folder if chapter else "", closed=bool(chapter and not chapter.open))
    if kept.svg:
        part.svg = svg.cleaned(kept.svg, place)
        width = _WIDTH.search(part.svg)
        part.width = round(float(width[1]) * PIXELS_PER_POINT) if width else 640
    if kept.table is not None:
        part.data = columns.arranged(columns.typed(kept.table), kept.sort)
        part.island = _island(part.data)
    return part


def paragraphs(words: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines part."""
    return [part.strip() for part in re.split(r"\n\s*\n", words) if part.strip()]


def parts_of(chapters: Sequence[Group]) -> Iterator[Part]:
    """Return all parts of all chapters."""
    for chapter in chapters:
        for section in chapter.inside:
            yield from section.inside


def lighten(parts: Sequence[Part], excess: int) -> bool:
    """Take so many bytes off a page, say so beside each part, and return whether anything could be taken.

    The numbers of figures go first, then the ends of long listings, then figures of chapters that are closed, then
    other figures; of each the largest first.
    """
    drawn = sorted((part for part in parts if part.svg), key=lambda part: -len(part.svg))
    numbers = sorted(parts, key=lambda part: -len(part.island))
    before = excess
    for part in numbers:
        if excess > 0 and part.kept.kind == "figure" and part.island:
            excess -= _without_numbers(part)
    for part in numbers:
        if excess > 0 and part.kept.kind == "listing" and part.data and len(part.data.rows) > FEW_ROWS:
            excess -= _cut(part)
    for part in (*(part for part in drawn if part.closed), *(part for part in drawn if not part.closed)):
        if excess > 0:
            excess -= _without_drawing(part)
    return excess < before


def _without_numbers(part: Part) -> int:
    freed, part.island, part.data = len(part.island.encode()), "", None
    part.notes.append(f"The numbers behind this figure are too many for this page; {_lies(part, 'csv')}.")
    return freed


def _cut(part: Part) -> int:
    data, before = part.data, len(part.island.encode())
    if data is None:
        return 0
    part.data = Columns(data.names, data.digits, data.rows[:FEW_ROWS])
    part.island = _island(part.data)
    every = f"{len(data.rows):,}"
    part.notes.append(f"Only the first {FEW_ROWS:,} of {every} rows fit on this page; {_lies(part, 'csv', 'all')}.")
    return before - len(part.island.encode())


def _without_drawing(part: Part) -> int:
    freed, part.svg = len(part.svg.encode()), ""
    part.notes.append(f"This figure is too large for this page; {_lies(part, 'svg')}.")
    return freed


def _lies(part: Part, ending: str, what: str = "") -> str:
    subject = f"{what} of them are" if what else "they are" if ending == "csv" else "it is"
    if not part.folder:
        return f"{subject} not kept beside it"
    return f"{subject} in the run folder, {part.folder}/{part.kept.key}.{ending}"


def _island(data: Columns) -> str:
    """Return a table as JSON that may stand within a script element: nothing in it can end the element."""
    told = {"names": data.names, "digits": data.digits, "rows": data.rows}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_OPENS)
