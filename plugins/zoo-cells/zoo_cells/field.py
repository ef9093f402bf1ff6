"""A field of view of a well: what it is called, where it belongs, and how its pixels are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Field:
    """One field of view (site) of a well.

    Attributes
    ----------
    name
        Unique among the fields of a dataset: ``BR00117006/A01/f1``.
    plate
        Of which plate; "" where there is one and it has no name.
    well
        ``A01``, ``C10``.
    site
        Which field of the well: ``1``.
    label
        The treatment, "" where it is not known.
    groups
        Further groups that a table names: batch, donor.
    channels
        Names of the channels, in the order of the pixels.
    stamp
        What the pixels follow from (paths, sizes and times of change of files, or the settings of a simulator): the key
        under which they are kept.
    read
        Returns the pixels [C, H, W]: uint8, uint16, or float32 in [0, 1].
    """

    name: str
    plate: str
    well: str
    site: str
    label: str
    groups: Mapping[str, str]
    channels: tuple[str, ...]
    stamp: str
    read: Callable[[], NDArray[Any]]


class DamagedError(DataError):
    """The pixels of a field cannot be read; the one mistake that ``skip_damaged`` forgives."""
