"""A page: a verdict and sections laid out as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from zoo import atomic
from zoo.report import columns, layout
from zoo.report.contents import WORDS, Page

TEMPLATES = "templates"
SHOWN = 15
"""Rows of a listing that stand in the page as it is; the script of the page has them all."""
SEARCHED = 10
"""Rows from which on a listing can be filtered."""
LONG = 40
"""Letters from which on a cell of a table is broken into lines."""
MOST = 15_000_000
"""Bytes of a page, so that it can be sent by mail and opens at once."""


def write(page: Page, path: Path) -> Path:
    """Write a page into a file and return its path.

    Raises
    ------
    RunError
        The disk refuses.
    """
    atomic.write_text(path, rendered(page))
    return path


def rendered(page: Page, most: int = MOST) -> str:
    """Return a page as HTML; whatever stands in it is text, and only the script that zoo has written runs.

    The policy in its head forbids the browser any other script, and every request. Of what is more than so many bytes,
    the least needed is left out, and the page says what and where it lies.
    """
    places = layout.Places("verdict", "contents", "main", "top")
    picture = layout.placed(page.verdict.picture, places.take("verdict-picture")) if page.verdict.picture else None
    chapters = layout.laid_out(page.chapters, places)
    template, parts = _template(), list(layout.parts_of(chapters))
    while True:
        word = page.verdict.word or WORDS.get(page.verdict.clears, "")
        lighter = any(part.notes for part in parts)
        text: str = template.render(page=page, chapters=chapters, picture=picture, word=word, lighter=lighter)
        excess = len(text.encode()) - most
        if excess <= 0 or not layout.lighten(parts, excess):
            return text


def _template() -> Any:
    """Return the template of a page, with the style and the script that go into it."""
    import jinja2

    folder = resources.files("zoo.report") / TEMPLATES
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.globals.update(style=style, script=script, script_digest=digest, first=SHOWN, searched=SEARCHED, long=LONG)
    made.globals.update(shown=columns.shown)
    return made.get_template("page.html")
