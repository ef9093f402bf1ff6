"""A field of stained cells: what it is called, which locations it was labelled with, how its pixels are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CellTruth:
    """What is known of each cell of a field, which only simulated fields and a few annotated ones have.

    Attributes
    ----------
    mask
        [H, W], 0 for background and c for the pixels of cell c, from 1 to n.
    labels
        [n, K] of 1 and 0: the locations of the protein in each cell.
    """

    mask: NDArray[np.int32]
    labels: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class CellField:
    """One field of view with its four channels.

    Attributes
    ----------
    name
        Unique among the fields of a dataset; in the challenge the ``ID`` of the image.
    labels
        Numbers of the locations that the field as a whole was labelled with, None where nobody knows.
    groups
        Unit -> group (``antibody``, ``plate``), without the field itself.
    stamp
        What the pixels follow from (names, sizes and times of change of files, or settings of a simulator).
    read
        Returns the pixels [4, H, W] (uint8 or uint16) in the order of ``CHANNELS``. It can be pickled, because fields
        are segmented in processes of their own.
    truth
        Returns what is known of each cell; None where nothing is.
    """

    name: str
    labels: tuple[int, ...] | None
    groups: Mapping[str, str]
    stamp: str
    read: Callable[[], NDArray[Any]]
    truth: Callable[[], CellTruth] | None = None
