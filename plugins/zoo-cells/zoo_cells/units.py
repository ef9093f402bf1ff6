"""The groups that fields belong to, and which lists of fields cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zoo.errors import DataError
from zoo_cells.field import Field
from zoo_cells.wells import column_of, row_of


def units_of(fields: Sequence[Field], unnamed: str) -> dict[str, list[str]]:
    """Return unit -> the group of each field: plate, well, field, row and column of the plate, and those of a table.

    Wells, rows and columns have the plate before them where there are several; ``unnamed`` is the name of a plate that
    has none. Rows and columns are left out where a well is not called as wells of a plate are.
    """
    several = len({one.plate for one in fields}) > 1
    before = [f"{one.plate or unnamed}/" if several else "" for one in fields]
    units = {
        "plate": [one.plate or unnamed for one in fields],
        "well": [f"{plate}{one.well}" for plate, one in zip(before, fields, strict=True)],
        "field": [one.name for one in fields],
    }
    rows, columns = [row_of(one.well) for one in fields], [column_of(one.well) for one in fields]
    if all(rows):
        units["plate_row"] = [plate + row for plate, row in zip(before, rows, strict=True)]
        units["column"] = [plate + column for plate, column in zip(before, columns, strict=True)]
    further = dict.fromkeys(name for one in fields for name in one.groups)
    return {**{name: [one.groups.get(name, "none") for one in fields] for name in further}, **units}


def refuse_unusable(fields: Sequence[Field], wanted: Sequence[str] | None) -> None:
    """Refuse no fields, two of one name, and channels that differ among them or from those of a model."""
    if not fields:
        raise DataError("there is no field; point the data at a folder or a table that has some")
    name, count = Counter(one.name for one in fields).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"{count} fields are called {name}; give the table a column that tells them apart (plate, site)"
        )
    expected = tuple(wanted) if wanted else fields[0].channels
    other = next((one for one in fields if one.channels != expected), None)
    if other is not None:
        have, need = ", ".join(other.channels), ", ".join(expected)
        raise DataError(f"field {other.name} has the channels {have}, {need} are needed; name them in data.channels")


def numbered(names: Sequence[str]) -> list[str]:
    """Return names of which no two are equal: the second of a kind has ``#2`` behind it."""
    seen = Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found
