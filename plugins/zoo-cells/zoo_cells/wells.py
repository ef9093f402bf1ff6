"""Names of wells: ``A01`` from the spellings that microscopes and tables use."""

from __future__ import annotations

import re
from functools import lru_cache

LETTERS_FIRST = re.compile(r"([A-Za-z]{1,2})[ _-]{0,3}0{0,3}(\d{1,2})")
NUMBER_FIRST = re.compile(r"0{0,3}(\d{1,2})[ _-]{0,3}([A-Za-z]{1,2})")
MOST_ROWS, MOST_COLUMNS = 64, 96
"""Above a plate of 3,456 wells (48 rows of 72), the densest that is made."""
ALPHABET = 26


@lru_cache(maxsize=8192)
def well_of(text: str) -> str:
    """Return ``B03`` for ``b3``, ``B03``, ``B - 03``, ``03B`` and the like, "" for what names no well."""
    match = LETTERS_FIRST.fullmatch(text.strip())
    if match:
        row, column = match[1].upper(), int(match[2])
    else:
        match = NUMBER_FIRST.fullmatch(text.strip())
        if not match:
            return ""
        row, column = match[2].upper(), int(match[1])
    return f"{row}{column:02d}" if 0 < _number(row) <= MOST_ROWS and 0 < column <= MOST_COLUMNS else ""


@lru_cache(maxsize=8192)
def well_at(row: str, column: str) -> str:
    """Return the well at a row (``2`` or ``B``) and a column (``3``), "" where there is none."""
    row, column = _digits(row), _digits(column)
    if row.isdecimal():
        row = letters_of(int(row))
    return well_of(f"{row}{column}") if column.isdecimal() and row.isalpha() else ""


def _digits(text: str) -> str:
    """Return a number without what a spreadsheet puts behind it (``3.0``)."""
    return re.sub(r"\.0+$", "", text.strip())


def letters_of(number: int) -> str:
    """Return the letters of a row: 1 is A, 26 Z, 27 AA; "" for no row of a plate."""
    if not 0 < number <= MOST_ROWS:
        return ""
    over, place = divmod(number - 1, ALPHABET)
    return (chr(ord("A") + over - 1) if over else "") + chr(ord("A") + place)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * ALPHABET + ord(letter) - ord("A") + 1
    return number


def row_of(well: str) -> str:
    """Return the row of a well that :func:`well_of` made, "" of anything else."""
    return well.rstrip("0123456789") if well_of(well) else ""


def column_of(well: str) -> str:
    """Return the column of a well that :func:`well_of` made, "" of anything else."""
    return well.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if well_of(well) else ""
