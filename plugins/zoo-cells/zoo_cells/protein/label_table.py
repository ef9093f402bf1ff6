"""The table of the single-cell challenge: an id, the numbers of its locations, and perhaps what group it is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from zoo.errors import DataError
from zoo_cells.protein.locations import LOCATIONS
from zoo_cells.table import Table, read_table

ID, LABEL = "ID", "Label"
MARK = "|"
MOST_DIGITS = 4


class Row(NamedTuple):
    """What a table says of one field; ``labels`` are None where it says nothing of them."""

    name: str
    labels: tuple[int, ...] | None
    groups: dict[str, str]
    line: int


def read_labels(
    path: Path, *, groups: Sequence[str] = (), unlabelled: Literal["refuse", "drop"] = "refuse"
) -> tuple[list[Row], int]:
    """Return the rows of a table in their order, and how many without labels were dropped.

    Raises
    ------
    MissingError
        There is no such table.
    DataError
        A column is not there, an id is there twice or not at all, or labels are no numbers of locations.
    """
    table = read_table(path)
    names, labels = table.columns[table.named(ID)], table.columns[table.named(LABEL)]
    units = {unit: table.columns[table.named(unit)] for unit in groups}
    _refuse_twice(table, names)
    rows = []
    for place, (name, text, line) in enumerate(zip(names, labels, table.lines, strict=True)):
        if not text and unlabelled == "refuse":
            way = "write its labels, or say data.unlabelled: drop"
            raise DataError(f"{path}:{line}: field {name} has no label; {way}")
        if text:
            own = {unit: values[place] or "none" for unit, values in units.items()}
            rows.append(Row(name, _numbers(path, line, text), own, line))
    if not rows:
        raise DataError(f"{path}: none of its {len(names)} rows has a label; write some in the column {LABEL}")
    return rows, len(names) - len(rows)


def _refuse_twice(table: Table, names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for name, line in zip(names, table.lines, strict=True):
        if not name:
            raise DataError(f"{table.path}:{line}: has no {ID}; write one, or take the row away")
        if name in first:
            said = f"field {name} stands in line {first[name]} already"
            raise DataError(f"{table.path}:{line}: {said}; join the labels of both with {MARK} in one row")
        first[name] = line


def _numbers(path: Path, line: int, text: str) -> tuple[int, ...]:
    found = set()
    for part in (one.strip() for one in text.split(MARK)):
        if not (part.isascii() and part.isdigit() and len(part) <= MOST_DIGITS):
            said = f"label '{text[:40]}' is not made of numbers joined by {MARK}"
            raise DataError(f"{path}:{line}: {said}; write 0{MARK}16 for {LOCATIONS[0]} and {LOCATIONS[16]}")
        if int(part) >= len(LOCATIONS):
            said = f"label {int(part)} is none of the {len(LOCATIONS)} locations"
            raise DataError(f"{path}:{line}: {said}; numbers run from 0 ({LOCATIONS[0]}) to 18 ({LOCATIONS[-1]})")
        found.add(int(part))
    return tuple(sorted(found))
