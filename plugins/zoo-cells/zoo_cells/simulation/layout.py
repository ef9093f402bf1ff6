"""Which treatment is in which well of a plate: dealt out at random, or a column for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PLATES = ((4, 6), (8, 12), (16, 24), (32, 48))
"""Rows and columns of plates of 24, 96, 384 and 1,536 wells."""
_LAYOUT = 0


@dataclass(frozen=True, slots=True)
class Well:
    """A well that holds cells: its place, counted from 0, and what they were given."""

    row: int
    column: int
    rows: int
    columns: int
    treatment: str

    @property
    def name(self) -> str:
        """The letter of the row and the number of the column, ``B03``; rows after ``Z`` are ``AA``, ``AB``."""
        letter = chr(ord("A") + self.row % 26)
        return f"{'A' if self.row >= 26 else ''}{letter}{self.column + 1:02}"  # noqa: PLR2004 - letters

    @property
    def edge(self) -> bool:
        """Whether the well lies at the rim of the plate."""
        return self.row in {0, self.rows - 1} or self.column in {0, self.columns - 1}


def lay_out(wells: Mapping[str, int], *, plate: int, seed: int, confounded: bool = False) -> list[Well]:
    """Return the wells of a plate in the order of their places, on the smallest plate that has room.

    Parameters
    ----------
    wells
        How many of each treatment.
    plate, seed
        Another plate of a study has another layout, unless it is confounded.
    confounded
        Give every treatment columns of its own, the same on all plates: a model may then learn the place instead of
        the treatment, and only a split by column shows it.

    Raises
    ------
    ValueError
        No plate has room.
    """
    for rows, columns in PLATES:
        taken = {name: -(-number // rows) * rows for name, number in wells.items()} if confounded else dict(wells)
        if sum(taken.values()) <= rows * columns:
            break
    else:
        raise ValueError(f"wells are at most {rows * columns} a plate, not {sum(taken.values())}; ask for fewer")
    places = np.arange(rows * columns)
    if not confounded:
        places = np.random.default_rng((seed, _LAYOUT, plate)).permutation(places)
    found, first = [], 0
    for name, number in wells.items():
        for place in places[first : first + number]:
            # places of a confounded plate are counted down its columns
            row, column = (place % rows, place // rows) if confounded else (place // columns, place % columns)
            found.append(Well(int(row), int(column), rows, columns, name))
        first += taken[name]
    return sorted(found, key=lambda well: (well.row, well.column))
