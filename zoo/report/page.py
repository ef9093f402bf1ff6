"""A page: a verdict and sections laid out as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from zoo import atomic
from zoo.report.material import Kept, KeptSection

TEMPLATES = "templates"
SHOWN = 25
"""Rows of a listing that stand in the page as it is; the script of the page has them all."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Sections that belong together: of the run, of all test groups, of one member.

    ``open`` says whether they are unfolded at first; ``words`` stand before them.
    """

    key: str
    title: str
    sections: Sequence[KeptSection]
    words: str = ""
    open: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader has to know first.

    ``clears`` says whether the model beats its best floor: ``yes``, ``no``, or ``unknown`` where nobody can say (no
    interval, or one that holds zero). ``lines`` are the three lines; ``warnings`` a sentence each; ``picture`` the
    score beside its floors.
    """

    clears: str
    lines: Sequence[str]
    warnings: Sequence[str] = ()
    picture: Kept | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """All of a page; ``kicker`` is a few words over the title, ``footer`` what made it."""

    title: str
    kicker: str
    verdict: Verdict
    chapters: Sequence[Chapter]
    footer: str = ""
    about: dict[str, Any] = field(default_factory=dict)


def write(page: Page, path: Path) -> Path:
    """Write a page into a file and return its path.

    Raises
    ------
    RunError
        The disk refuses.
    """
    atomic.write_text(path, rendered(page))
    return path


def rendered(page: Page) -> str:
    """Return a page as HTML; whatever stands in it is text, and only the script that zoo has written runs.

    The policy in its head forbids the browser any other script, and every request.
    """
    import jinja2

    folder = resources.files("zoo.report") / TEMPLATES
    style, script = ((folder / name).read_text() for name in ("page.css", "page.js"))
    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text()),
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.filters["island"] = _island
    made.globals.update(style=style, script=script, script_digest=digest, shown=SHOWN, rows=_rows, numeric=_numeric)
    return made.get_template("page.html").render(page=page)


def _island(value: Any) -> Any:
    """Return a value as JSON that may stand within a script element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - nothing in it can end the element


def _rows(kept: Kept) -> list[list[Any]]:
    """Return the rows of a listing with numbers as numbers and None for what is not there."""
    rows = kept.table.rows if kept.table else []
    return [[_value(value) for value in row] for row in rows]


def _numeric(kept: Kept) -> list[bool]:
    """Say of each column of a listing whether it holds numbers."""
    rows = _rows(kept)
    width = len(kept.table.columns) if kept.table else 0
    return [
        any(isinstance(row[n], float | int) for row in rows) and not any(isinstance(row[n], str) for row in rows)
        for n in range(width)
    ]


def _value(value: Any) -> Any:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value or None
        return (int(number) if number.is_integer() and "." not in value else number) if math.isfinite(number) else None
    return None if isinstance(value, float) and not math.isfinite(value) else value
