"""Which fields of a dataset have cells, and how many: made by segmenting those of which that is not known yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.errors import DataError
from zoo_cells.choosing import SHOWN, listed
from zoo_cells.fingerprint import digest
from zoo_cells.segmented.making import Making
from zoo_cells.segmented.store import Counts
from zoo_cells.segmented.workers import outcomes

if TYPE_CHECKING:
    from zoo_cells.protein.cell_field import CellField

DIAMETER = "is the segmenter's diameter right?"
LOST_SHARE = 2
"""With more than one field in so many lost, something else is wrong than a field."""


class CellIndex:
    """The number of cells of each field, and why some have none.

    Parameters
    ----------
    making
        Makes the cells of one field.
    fields
        The fields.
    processes, lose
        As :class:`zoo_cells.segmented.bags.CellBags` has them.
    """

    def __init__(
        self, making: Making, fields: Sequence[CellField], processes: int | None, lose: Literal["note", "stop"]
    ) -> None:
        self.making, self.store, self.fields = making, making.store, fields
        self.processes, self.lose = processes, lose
        self.names = [digest(one.name, one.stamp) for one in fields]
        self.lost: dict[int, str] = {}
        self.counts: Counts | None = None

    def prepare(self) -> Iterator[tuple[int, int, str]]:
        """Make what is not there yet, and yield how many fields are done, how many there are, and the last one's name.

        Raises
        ------
        DataError
            More than half of the fields are lost, or none has a cell.
        """
        there = self.store.there()
        wanted = [number for number, name in enumerate(self.names) if name not in there]
        yield from self._make(wanted, len(self.names) - len(wanted))
        known = self._known()
        if known is None or len(wanted) != len(self.lost):
            known = self._counted()
            yield from self._make(known.damaged, len(self.names) - len(known.damaged))
            known = self._counted() if known.damaged else known
        if not known.kept.any():
            raise DataError(self._nothing(known))
        if known.rows:
            names = [one.name for one in self.fields]
            self.store.write_table(self._stamp, self.names, names, known, sorted(self.lost))
            known = replace(known, rows={})
        self.counts = known

    def make_again(self, number: int) -> None:
        """Make one field whose file is damaged.

        Raises
        ------
        DataError
            It is lost now.
        """
        for _, reason in outcomes(self.making, [(number, (self.fields[number], self.names[number]))], self.processes):
            if reason:
                raise DataError(f"field {self.fields[number].name}: its cells are damaged and cannot be made: {reason}")

    def notes(self) -> list[str]:
        """Return which fields have no cells, and why."""
        if self.counts is None:
            return []
        told = [
            f"field {self.fields[number].name} is left out: {why}" for number, why in list(self.lost.items())[:SHOWN]
        ]
        if len(self.lost) > SHOWN:
            told.append(f"{len(self.lost) - SHOWN} more fields could not be segmented and are left out")
        kept, found = self.counts.kept, self.counts.found
        over = np.flatnonzero(found > kept).tolist()
        told += [f"{self._over(number, int(found[number]))}, and is left out; {DIAMETER}" for number in over[:SHOWN]]
        if len(over) > SHOWN:
            told.append(f"{len(over) - SHOWN} more fields have too many cells and are left out")
        empty = [self.fields[number].name for number in np.flatnonzero(found == 0).tolist() if number not in self.lost]
        if empty:
            told.append(f"no cell was found in {len(empty)} fields, which are left out: {listed(empty)}")
        return told

    @property
    def _stamp(self) -> str:
        return digest(self.names)

    def _known(self) -> Counts | None:
        """Return what the table of an earlier run tells, where the same fields were lost."""
        return self.store.table(self._stamp, sorted(self.lost), len(self.names))

    def _counted(self) -> Counts:
        """Return what the files of all fields tell."""
        return self.store.counts(self.names, [number for number in range(len(self.names)) if number not in self.lost])

    def _make(self, wanted: Sequence[int], done: int) -> Iterator[tuple[int, int, str]]:
        tasks = [(number, (self.fields[number], self.names[number])) for number in wanted]
        for number, reason in outcomes(self.making, tasks, self.processes):
            if reason:
                self.lost[number] = reason
                self._refuse_too_many(number)
            done += 1
            yield done, len(self.names), self.fields[number].name

    def _refuse_too_many(self, number: int) -> None:
        told = f"field {self.fields[number].name}: {self.lost[number]}"
        if self.lose == "stop":
            raise DataError(f"{told}; say lose: note to go on without it")
        if LOST_SHARE * len(self.lost) > len(self.names):
            first = next(iter(self.lost))
            told = f"the first is {self.fields[first].name}: {self.lost[first]}"
            raise DataError(f"{len(self.lost)} of {len(self.names)} fields could not be segmented, {told}")

    def _over(self, number: int, found: int) -> str:
        most = f"{found:,} cells, at most {self.making.crops.most:,} of one field are kept (crops.most)"
        return f"field {self.fields[number].name} has {most}"

    def _nothing(self, known: Counts) -> str:
        over = np.flatnonzero(known.found > known.kept)
        if len(over):
            first = self._over(int(over[0]), int(known.found[over[0]]))
            return f"{len(over)} of {len(self.names)} fields have too many cells and none is left: {first}; {DIAMETER}"
        lost = f" ({len(self.lost)} could not be segmented)" if self.lost else ""
        said = f"none of the {len(self.names)} fields has a cell of {self.making.crops.min_area} pixels or more{lost}"
        return f"{said}; are the channels in their order, and diameter and thresholds of the segmenter right?"
