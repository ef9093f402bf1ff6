"""A section cut into blocks, each of which stands as a section of its own."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.section import FEWEST_SPOTS, Section

if TYPE_CHECKING:
    from numpy.typing import NDArray


def in_blocks(section: Section, blocks: int) -> list[Section]:
    """Cut a section into blocks of about as many spots each, ``NAME.1``, ``NAME.2`` ...

    Columns of equal numbers of spots are cut first, then each into rows. Spots at a border have their neighbours on the
    other side, so a block is an easier test than another section. It is what can be done with one section; each block
    has neighbours and a mean expression of its own, so no measured value of one reaches another.

    Raises
    ------
    DataError
        A block would have fewer than two spots.
    """
    columns = round(math.sqrt(blocks))
    if blocks % columns:
        columns = 1
    parts = [
        part
        for strip in _cut(np.arange(len(section.ids)), section.position_px[:, 0], columns)
        for part in _cut(strip, section.position_px[strip, 1], blocks // columns)
    ]
    if min(map(len, parts)) < FEWEST_SPOTS:
        raise DataError(
            f"section {section.name} has {len(section.ids)} spots, too few for {blocks} blocks; lower data.blocks"
        )
    return [_part(section, number, np.sort(rows)) for number, rows in enumerate(parts, 1)]


def _cut(rows: NDArray[np.int64], along: NDArray[np.float32], parts: int) -> list[NDArray[np.int64]]:
    return list(np.array_split(rows[np.argsort(along, kind="stable")], parts))


def _part(section: Section, number: int, rows: NDArray[np.int64]) -> Section:
    return replace(
        section,
        name=f"{section.name}.{number}",
        position_px=section.position_px[rows],
        grid=section.grid[rows],
        ids=[section.ids[row] for row in rows],
        counts=None if section.counts is None else section.counts[rows],
        notes=section.notes if number == 1 else (),
    )
