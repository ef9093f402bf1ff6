"""Docstrings in numpy style, taken apart: what is said before the sections, and of each parameter."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^([A-Z][A-Za-z ]*)\n-{3,}$", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_OF_NAMES = {"Parameters", "Attributes"}


def told(doc: str) -> tuple[str, dict[str, str]]:
    """Return the prose of a docstring and what it says of each parameter or attribute, as text of an editor's hint.

    >>> told('''Scale it.
    ...
    ... Parameters
    ... ----------
    ... width, height
    ...     In :class:`pixels`,
    ...     at least ``1``.
    ... ''')
    ('Scale it.', {'width': 'In `pixels`, at least `1`.', 'height': 'In `pixels`, at least `1`.'})
    """
    prose, *rest = _SECTION.split(inspect.cleandoc(doc))
    sections = zip(rest[::2], rest[1::2], strict=True)
    names: dict[str, str] = {}
    for title, body in sections:
        if title in _OF_NAMES:
            names.update(_of_names(body))
    return _plain(prose), names


def _of_names(body: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in body.strip("\n").split("\n"):
        if line[:1].strip():
            current = []
            found.update({name.strip(" *"): current for name in line.partition(" :")[0].split(",")})
        else:
            current.append(line.strip())
    return {name: _plain(" ".join(lines)) for name, lines in found.items()}


def _plain(text: str) -> str:
    return _ROLE.sub(r"`\1`", text).replace("``", "`").strip()
