"""A table as a page shows it: which columns hold numbers, with how many digits, and in which order the rows come."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.figures.files import Table

EXACT = 2**53
"""Integers from here on are text: a script would round them."""
MOST_DIGITS = 6
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)?(?:(?<=\d)\.?|\.(?=\d))\d*(?:[eE][+-]?\d+)?")
_CODE = re.compile(r"[+-]?0\d")
_NOTHING = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns, what they hold, and the rows.

    Attributes
    ----------
    names
        Of the columns.
    digits
        Digits behind the point with which the numbers of a column are shown; None where a column holds text.
    rows
        Numbers as int and float, all of them finite; text as text; None for what is not there.
    """

    names: list[str]
    digits: list[int | None]
    rows: list[list[Any]]


def typed(table: Table) -> Columns:
    """Return a table with its numbers as numbers.

    A column holds numbers where nothing but numbers stands in it; codes such as ``007`` are text, and so is the whole
    column then.
    """
    width = len(table.columns)
    columns = [_column([row[n] if n < len(row) else None for row in table.rows]) for n in range(width)]
    rows = [list(row) for row in zip(*columns, strict=True)] if width else []
    return Columns([str(name) for name in table.columns], [_digits(column) for column in columns], rows)


def arranged(columns: Columns, sort: str) -> Columns:
    """Return rows in the order of a column, with ``-`` before its name from high to low; what is empty comes last."""
    name = sort.removeprefix("-")
    if name not in columns.names:
        return columns
    place = columns.names.index(name)
    known = [row for row in columns.rows if row[place] is not None]
    rest = [row for row in columns.rows if row[place] is None]
    known.sort(key=lambda row: _rank(row[place]), reverse=sort.startswith("-"))
    return Columns(columns.names, columns.digits, known + rest)


def shown(value: Any, digits: int | None) -> str:
    """Return a value as a reader sees it: numbers of a column with as many digits, small ones with three that count."""
    if value is None:
        return ""
    if digits is None:
        return str(value)
    size = abs(value)
    if not digits and size < EXACT and value == int(value):
        return str(int(value))
    if size and size < 10 ** (1 - digits):
        return _scientific(value) if size < 1e-4 else f"{value:.{2 - math.floor(math.log10(size))}f}"  # noqa: PLR2004
    return _scientific(value) if size >= EXACT else f"{value:.{digits}f}"


def _scientific(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _rank(value: Any) -> Any:
    """Return what a value is sorted by: 'D2' stands before 'D10'."""
    return value if isinstance(value, int | float) else _DIGITS.sub(lambda m: m[0].zfill(12), value.lower())


def _column(values: Sequence[Any]) -> list[Any]:
    plain = [_plain(value) for value in values]
    numbers = [_number(value) for value in plain]
    if all(found is not False for found in numbers) and any(found is not None for found in numbers):
        return numbers
    return [None if value in {None, ""} else str(value) for value in plain]


def _plain(value: Any) -> Any:
    """Return a value without what numpy has around it; truths as words."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    """Return a value as a number, None where there is none, False where it is something else."""
    if isinstance(value, str):
        if not value or _NOTHING.fullmatch(value):
            return None
        if _CODE.match(value) or not _NUMBER.fullmatch(value):
            return False
        value = float(value) if set(value) & set(".eE") else int(value)
        if not math.isfinite(value):
            return False
    if value is None:
        return None
    if isinstance(value, int):
        return value if abs(value) < EXACT else False
    return value if isinstance(value, float) else False


def _digits(column: Sequence[Any]) -> int | None:
    """Return how many digits behind the point show three or four that count of the largest number; None of text."""
    found = [value for value in column if value is not None]
    if not found or isinstance(found[0], str):
        return None
    largest = max(abs(value) for value in found)
    if all(isinstance(value, int) for value in found) or not largest:
        return 0
    magnitude = math.floor(math.log10(largest))
    return max(0, min(3 - magnitude, 3)) if magnitude >= -1 else min(2 - magnitude, MOST_DIGITS)
