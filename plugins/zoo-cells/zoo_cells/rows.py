"""Rows of a table of wells or images: where, which treatment, which files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from zoo.errors import DataError
from zoo_cells.choosing import listed
from zoo_cells.table import NOTHING, Columns, Table
from zoo_cells.wells import well_at, well_of

FILE_NAME = re.compile(r"(?:Image_)?FileName_(?P<channel>.+)", re.IGNORECASE)
CHANNEL_PREFIX = re.compile(r"^Orig(?=.)", re.IGNORECASE)
DEFAULT_LABEL = "treatment"
UNKNOWN_GROUP = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``told`` is the well as the table spells it, ``files`` channel -> (folder, name), "" holding all."""

    line: int
    plate: str
    well: str
    told: str
    site: str
    label: str
    groups: Mapping[str, str]
    files: Mapping[str, tuple[str, str]]


def wells_in(table: Table, columns: Columns) -> list[str] | None:
    """Return the well of each row (``A01`` where it can be one, else as it stands), None where no column names it."""
    told = _told(table, columns)
    return None if told is None else [well_of(one) or one for one in told]


def _told(table: Table, columns: Columns) -> list[str] | None:
    told = table.role("well", columns.well)
    if told is not None:
        return told
    rows, places = table.role("row", columns.row), table.role("column", columns.column)
    if rows is None or places is None:
        return None
    return [well_at(row, place) or f"{row}{place}" for row, place in zip(rows, places, strict=True)]


def rows_of(
    table: Table, columns: Columns, *, label: str, unlabelled: Literal["refuse", "drop", "keep"], notes: list[str]
) -> list[Row]:
    """Return the rows of a table; ``keep`` is for new data, whose labels need not be known.

    Raises
    ------
    DataError
        A column that is named is not there, no column says which well, a well or a label is empty, two rows say the
        same well and field, or two labels differ in upper and lower case only.
    """
    told = _told(table, columns)
    if told is None:
        found = listed(list(table.columns))
        raise DataError(f"{table.path}: no column says which well (found: {found}); name it in data.columns.well")
    _refuse_empty(table, told, "well")
    cells = len(told)
    labels = _labels(table, label, needed=unlabelled != "keep") or [""] * cells
    plates = table.role("plate", columns.plate) or [""] * cells
    sites = [plain(site) for site in table.role("site", columns.site) or [""] * cells]
    groups, files = _groups(table, columns), _files(table, columns)
    rows = [
        Row(
            line=table.lines[number],
            plate=plates[number],
            well=well_of(told[number]) or told[number],
            told=told[number],
            site=sites[number],
            label="" if labels[number].lower() in NOTHING else labels[number],
            groups={name: held[number] or UNKNOWN_GROUP for name, held in groups.items()},
            files={channel: (folders[number], names[number]) for channel, (folders, names) in files.items()},
        )
        for number in range(cells)
    ]
    _refuse_twice(table, rows)
    _refuse_spelling(table, rows)
    return rows if unlabelled == "keep" else _labelled(table, rows, unlabelled, notes)


def plain(text: str) -> str:
    """Return a number without leading zeros, or what a spreadsheet puts behind it; other words as they stand."""
    match = re.fullmatch(r"0*(\d+)(?:\.0+)?", text)
    return match[1] if match else text


def _labels(table: Table, label: str, *, needed: bool) -> list[str] | None:
    if label == DEFAULT_LABEL:
        found = table.role("treatment")
        if found is not None or not needed:
            return found
    if not needed:
        return table.columns.get(label)
    return table.columns[table.named(label)]


def _groups(table: Table, columns: Columns) -> dict[str, list[str]]:
    found = {name: table.columns[table.named(name)] for name in columns.groups}
    for role in ("batch", "donor"):
        cells = table.role(role)
        if cells is not None:
            found.setdefault(role, cells)
    return found


def _files(table: Table, columns: Columns) -> dict[str, tuple[list[str], list[str]]]:
    """Return channel -> folders and names; illumination functions and what is not from the microscope are left out."""
    matches = {name: FILE_NAME.fullmatch(name) for name in table.columns}
    held = {name: match["channel"] for name, match in matches.items() if match}
    held = {name: channel for name, channel in held.items() if not channel.lower().startswith("illum")}
    orig = {name: channel for name, channel in held.items() if CHANNEL_PREFIX.match(channel)}
    empty = [""] * len(table.lines)
    paths = {name.casefold(): cells for name, cells in table.columns.items()}
    if not held:
        one = table.role("file", columns.file)
        return {} if one is None else {"": (empty, one)}
    return {
        CHANNEL_PREFIX.sub("", channel): (
            paths.get(re.sub("filename_", "pathname_", name.casefold()), empty),
            table.columns[name],
        )
        for name, channel in (orig or held).items()
    }


def _labelled(table: Table, rows: list[Row], unlabelled: str, notes: list[str]) -> list[Row]:
    bare = [row for row in rows if not row.label]
    if bare and unlabelled == "refuse":
        lines = listed([str(row.line) for row in bare])
        way = "fill them in, remove the rows, or say data.unlabelled: drop"
        raise DataError(f"{table.path}: {len(bare)} rows have no label (lines {lines}); {way}")
    if bare:
        notes.append(f"{len(bare)} of {len(rows)} rows have no label and are left out")
    return [row for row in rows if row.label]


def _refuse_empty(table: Table, cells: Sequence[str], what: str) -> None:
    empty = [str(line) for line, cell in zip(table.lines, cells, strict=True) if cell.lower() in NOTHING]
    if empty:
        raise DataError(f"{table.path}: {len(empty)} rows have no {what} (lines {listed(empty)}); fill it in")


def _refuse_twice(table: Table, rows: Sequence[Row]) -> None:
    seen: dict[object, Row] = {}
    for row in rows:
        other = seen.setdefault((row.plate, row.well, row.site), row)
        if other is not row:
            where = "/".join(filter(None, (row.plate, row.told, row.site)))
            said = f"lines {other.line} and {row.line} are both of {where}"
            raise DataError(
                f"{table.path}: {said}; remove one, or name the columns that tell them apart in data.columns"
            )


def _refuse_spelling(table: Table, rows: Sequence[Row]) -> None:
    spelt: dict[str, str] = {}
    for row in rows:
        other = spelt.setdefault(row.label.casefold(), row.label)
        if other != row.label:
            said = f"the labels '{other}' and '{row.label}' differ in upper and lower case only"
            raise DataError(f"{table.path}: {said}; spell one")
