"""Files that a stranger wrote, read with a bound: too long, too deep, not JSON is a sentence and not a dead process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.errors import IntegrityError

MAX_JSON = 16 * 2**20
MAX_TEXT = 2**20
_SHOWN = 120


def shown(value: Any) -> str:
    """Return a value of such a file as a message holds it: short, on one line, and harmless to a terminal.

    >>> shown("fold.name"), shown(f"{chr(27)}[2J") == repr(f"{chr(27)}[2J"), shown([1, 2])
    ('fold.name', True, 'a list')
    """
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def read_bytes(path: Path, most: int) -> bytes:
    """Return the content of a file of at most ``most`` bytes.

    Raises
    ------
    IntegrityError
        It is longer, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # a ValueError where the path holds a NUL
        why = getattr(error, "strerror", None) or error
        raise IntegrityError(f"{path}: cannot be read ({why}); restore a copy") from error
    if len(content) > most:
        raise IntegrityError(
            f"{path}: is longer than the {most:,} bytes that zoo reads of such a file; do not trust it"
        )
    return content


def read_text(path: Path) -> str:
    """Return a text of at most :data:`MAX_TEXT` bytes; raises as :func:`read_bytes`."""
    try:
        return read_bytes(path, MAX_TEXT).decode()
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: is not UTF-8 text (byte {error.start}); restore a copy") from error


def read_json(path: Path) -> Any:
    """Return the value of a JSON file of at most :data:`MAX_JSON` bytes; raises as :func:`read_bytes`."""
    return parse_json(read_bytes(path, MAX_JSON), str(path))


def parse_json(content: bytes, source: str) -> Any:
    """Return the value of JSON text.

    Raises
    ------
    IntegrityError
        It is not JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise IntegrityError(f"{source}: is nested too deeply to be read; do not trust it") from error
    except ValueError as error:
        raise IntegrityError(f"{source}: is not valid JSON ({error}); restore a copy") from error
