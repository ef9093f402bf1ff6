"""A table of fields, one a row: which file, what it is labelled, whose it is."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from zoo.errors import DataError, MissingError

MOST_BYTES = 2**26
NOTHING = {"", "nan", "n/a", "na", "null"}
NEEDED = ("file", "label", "animal")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of the table are called.

    Attributes
    ----------
    file, label, animal
        The stack (a path from the folder of the table), the class of the field, whose it is; needed.
    slide, field
        On which slide it lies, and what it is called; the animal, and the path without its ending, where not given.
    um_per_px
        Side of a pixel, over what the file says.
    mask
        An image of the same height and width, not 0 where what the label speaks of really is.
    """

    file: str = "file"
    label: str = "label"
    animal: str = "animal"
    slide: str = "slide"
    field: str = "field"
    um_per_px: str = "um_per_px"
    mask: str = "mask"


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the table; ``where`` names the table and the line."""

    where: str
    file: Path
    label: str
    animal: str
    slide: str
    name: str
    um_per_px: float | None
    mask: Path | None


def read_table(path: Path, columns: Columns) -> list[Row]:
    """Read a table with a header, its columns between commas, semicolons or tabs.

    Raises
    ------
    MissingError
        The table or a file that it names is not there.
    DataError
        A needed column is missing, a row lacks a needed value, two rows name one file or field, or two labels or
        animals differ in nothing but upper and lower case.
    """
    rows = [_row(path, line, cells, columns) for line, cells in _cells(path, columns)]
    if not rows:
        raise DataError(f"{path}: has a header and no row; give a row for each field")
    _check_once(path, [str(row.file) for row in rows], "name the file")
    _check_once(path, [row.name for row in rows], "are called")
    _check_spelling(path, "label", [row.label for row in rows])
    _check_spelling(path, "animal", [row.animal for row in rows])
    return rows


def _cells(path: Path, columns: Columns) -> list[tuple[int, dict[str, str]]]:
    """Return the cells of each row by the name of their column, with the number of the line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: is larger than 64 MiB, which no table of fields is; name the table of fields")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise MissingError(f"{path}: there is no such table; write one row a field, or say data.table") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); save the table as CSV in UTF-8") from error
    mark = max(",;\t", key=(lines[0] if lines else "").count)
    reader = csv.reader(lines, delimiter=mark, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, columns)
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: is no row of a table ({error}); save it as CSV") from error
    for line, cells in rows:
        if len(cells) > len(header):
            raise DataError(f"{path}:{line}: has more cells than the header; put names with commas between quotes")
    return [(line, dict(zip(header, cells, strict=False))) for line, cells in rows]


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    for name in (getattr(columns, name) for name in NEEDED):
        if name not in header:
            raise DataError(
                f"{path}: has no column {name} (found: {', '.join(header[:10]) or 'none'}); name the columns in "
                "data.columns"
            )
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: two columns are called '{twice}'; rename one")


def _row(path: Path, line: int, cells: dict[str, str], columns: Columns) -> Row:
    where = f"{path}:{line}"
    given = {one.name: cells.get(getattr(columns, one.name), "").strip() for one in fields(columns)}
    given = {name: "" if value.lower() in NOTHING else value for name, value in given.items()}
    lacking = [getattr(columns, name) for name in NEEDED if not given[name]]
    if lacking:
        raise DataError(f"{where}: the column {lacking[0]} is empty; fill it in or remove the row")
    file = path.parent / given["file"]
    mask = path.parent / given["mask"] if given["mask"] else None
    for wanted in (file, mask):
        if wanted is not None and not _is_there(wanted):
            raise MissingError(f"{where}: names {wanted}, which is not there; correct the row or restore the file")
    return Row(
        where=where,
        file=file,
        label=given["label"],
        animal=given["animal"],
        slide=given["slide"] or given["animal"],
        name=given["field"] or str(Path(given["file"]).with_suffix("")),
        um_per_px=_size(where, columns.um_per_px, given["um_per_px"]),
        mask=mask,
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no file can have
        return False


def _size(where: str, column: str, given: str) -> float | None:
    if not given:
        return None
    try:
        size = float(given)
    except ValueError as error:
        raise DataError(f"{where}: {column} is '{given}'; give a number in micrometres, or leave it empty") from error
    if not 0 < size < float("inf"):
        raise DataError(f"{where}: {column} is {given}; the side of a pixel is above 0 micrometres")
    return size


def _check_once(path: Path, values: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise DataError(f"{path}: two rows {what} {value}; remove or rename one")
        seen.add(value)


def _check_spelling(path: Path, what: str, values: Sequence[str]) -> None:
    spelt: dict[str, str] = {}
    for value in values:
        other = spelt.setdefault(value.casefold(), value)
        if other != value:
            raise DataError(
                f"{path}: the {what}s '{other}' and '{value}' differ in upper and lower case only; spell one"
            )
