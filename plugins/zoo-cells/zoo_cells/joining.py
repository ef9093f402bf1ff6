"""Several tables as one: wells with what a layout and a list of compounds say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_cells.rows import wells_in
from zoo_cells.table import Columns, Table, read_table


def read_tables(root: Path, names: Sequence[str], columns: Columns) -> Table:
    """Return the tables of a recipe as one: rows of the first, with what the others know of their wells.

    Raises
    ------
    MissingError
        A table is not there.
    DataError
        It cannot be read, or shares no column with those before it.
    """
    tables = [read_table(_inside(root, name)) for name in names]
    joined = tables[0]
    for other in tables[1:]:
        joined = _joined(joined, other, columns)
    return joined


def _inside(root: Path, name: str) -> Path:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError(f"data.table '{name}' leads out of {root}; put the table there, or point data.root higher up")
    return path


def _joined(left: Table, right: Table, columns: Columns) -> Table:
    """Return the left table with the columns of the right one, row by row of what both name."""
    keys = _keys(left, right, columns)
    place: dict[tuple[str, ...], int] = {}
    for number, key in enumerate(zip(*(cells for _, cells in keys), strict=True)):
        if key in place and _differ(right, place[key], number):
            said = f"{' '.join(key)} stands in lines {right.lines[place[key]]} and {right.lines[number]}"
            raise DataError(f"{right.path}: {said} with different words; remove one")
        place.setdefault(key, number)
    rows = [place.get(key) for key in zip(*(cells for cells, _ in keys), strict=True)]
    added = {name: cells for name, cells in right.columns.items() if name not in left.columns}
    more = {name: ["" if row is None else cells[row] for row in rows] for name, cells in added.items()}
    return Table(left.path, {**left.columns, **more}, left.lines)


def _differ(table: Table, one: int, other: int) -> bool:
    return any(cells[one] != cells[other] for cells in table.columns.values())


def _keys(left: Table, right: Table, columns: Columns) -> list[tuple[list[str], list[str]]]:
    """Return the cells of both tables that say the same: plate and well, or else the columns of one name."""
    wells: list[Callable[[Table], Iterable[str] | None]] = [
        lambda table: wells_in(table, _if_there(table, columns)),
        lambda table: table.role("plate"),
        lambda table: table.role("site"),
    ]
    pairs = [(one(left), one(right)) for one in wells]
    if pairs[0][0] is not None and pairs[0][1] is not None:
        return [(list(one), list(other)) for one, other in pairs if one is not None and other is not None]
    shared = [name for name in left.columns if name in right.columns and name != "index"]
    if not shared:
        said = f"shares no column with {left.path.name} and names no well"
        raise DataError(f"{right.path}: {said}; give it a column that both have")
    return [(left.columns[name], right.columns[name]) for name in shared]


def _if_there(table: Table, columns: Columns) -> Columns:
    """Return the names that a recipe gives to columns, of those that this table has."""
    well, row, column = (name if name in table.columns else "" for name in (columns.well, columns.row, columns.column))
    return Columns(well=well, row=row, column=column)
