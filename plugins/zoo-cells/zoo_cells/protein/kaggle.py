"""Fields as the single-cell challenge laid them out: an image for each colour, and a table of ids and labels."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_cells.choosing import listed
from zoo_cells.field import DamagedError
from zoo_cells.image_checks import sizes
from zoo_cells.images import read_planes
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import TYPES, FieldList
from zoo_cells.protein.locations import STAINS
from zoo_cells.scan import MOST_FILES

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = re.compile(rf"(?P<id>[^.].*)_(?P<colour>{'|'.join(STAINS)})\.(?:png|tiff?)", re.IGNORECASE)
OR_SKIP = "bring the files, or say data.skip_damaged: true"
NAMED = "{id}_{red,green,blue,yellow}.png"


class Channel(NamedTuple):
    """The file of one channel of a field."""

    name: str
    size: int
    changed_ns: int


Channels = Mapping[str, Channel]
"""Colour -> its file."""


@dataclass(frozen=True, slots=True)
class ReadChannels:
    """Reads the channels of one field from files, in the order of ``CHANNELS``."""

    field: str
    folder: Path
    names: tuple[str, ...]

    def __call__(self) -> NDArray[Any]:
        """Return the pixels [4, H, W].

        Raises
        ------
        MissingError
            A file is not there any more.
        DataError
            A file cannot be decoded, has several channels, or another size or type than the others.
        """
        found = [self._grey(self.folder / name) for name in self.names]
        for colour, plane in zip(STAINS, found, strict=True):
            if (plane.shape, plane.dtype) != (found[0].shape, found[0].dtype):
                said = [f"{own} {sizes(its.shape)} {its.dtype}" for own, its in (("red", found[0]), (colour, plane))]
                way = "save its channels with one size and type"
                raise DataError(f"{self.folder}: the channels of field {self.field} differ, {', '.join(said)}; {way}")
        return np.stack(found)

    def _grey(self, path: Path) -> NDArray[Any]:
        try:
            planes = read_planes(path)
        except DamagedError as error:
            said = str(error).rpartition(";")[0]
            raise DamagedError(f"{said}; copy it anew, or leave field {self.field} out") from error
        if len(planes) != 1:
            said = f"has {len(planes)} channels, the image of a colour has one"
            raise DataError(f"{path}: {said}; save it in grey")
        if str(planes.dtype) not in TYPES:
            raise DataError(f"{path}: has values of type {planes.dtype}; save it as uint8 or uint16")
        plane: NDArray[Any] = planes[0]
        return plane


@dataclass(frozen=True, slots=True)
class KaggleFolder:
    """A folder of ``{id}_{red,green,blue,yellow}.png``, or ``.tif``; it is looked through once, and no image opened.

    Attributes
    ----------
    folder
        Where the images lie, not below it.
    skip_damaged
        Leave out fields that lack a channel, and tell of them.
    """

    folder: Path
    skip_damaged: bool = False

    def unlabelled(self) -> FieldList:
        """Return all fields, sorted, without labels."""
        notes: list[str] = []
        found = self.complete(self.scan(), notes, way="bring the files, or leave it out")
        return FieldList((self.field(name, found[name], None, {}) for name in sorted(found)), notes=notes)

    def scan(self) -> dict[str, dict[str, Channel]]:
        """Return the images of each id.

        Raises
        ------
        MissingError
            The folder is not there or cannot be read.
        DataError
            No image is called as they are, or two are the same channel.
        """
        if self.folder.is_file():
            raise DataError(f"{self.folder}: is a file; give the folder that holds all channels of the fields")
        found: dict[str, dict[str, Channel]] = {}
        try:
            with os.scandir(self.folder) as entries:
                for count, entry in enumerate(entries):
                    if count >= MOST_FILES:
                        raise DataError(f"{self.folder}: has more than {MOST_FILES:,} files; divide it")
                    self._take(entry, found)
        except OSError as error:
            raise MissingError(f"{self.folder}: cannot be read ({error.strerror}); point to the images") from error
        if not found:
            raise DataError(f"{self.folder}: holds no image called {NAMED} (or .tif); point to the folder that does")
        return found

    def _take(self, entry: os.DirEntry[str], found: dict[str, dict[str, Channel]]) -> None:
        known = FILE.fullmatch(entry.name)
        if known is None or not entry.is_file():
            return
        channels, colour = found.setdefault(known["id"], {}), known["colour"].lower()
        if colour in channels:
            both = " and ".join(sorted([entry.name, channels[colour].name]))
            raise DataError(f"{self.folder}: {both} are the same channel of one field; take one away")
        facts = entry.stat()
        channels[colour] = Channel(entry.name, facts.st_size, facts.st_mtime_ns)

    def complete(self, found: Mapping[str, Channels], notes: list[str], way: str = OR_SKIP) -> dict[str, Channels]:
        """Return the fields that have all channels; others are refused, or left out and noted.

        Raises
        ------
        DataError
            A field lacks a channel, or none has all.
        """
        lacking = {name: [c for c in STAINS if c not in own] for name, own in found.items() if len(own) < len(STAINS)}
        if not lacking:
            return dict(found)
        first = min(lacking)
        colours = lacking[first]
        said = f"field {first} has no image {', '.join(f'{first}_{c}' for c in colours)} ({STAINS[colours[0]]})"
        if not self.skip_damaged:
            more = f" and {len(lacking) - 1} more fields lack one too" if len(lacking) > 1 else ""
            raise DataError(f"{self.folder}: {said}{more}; {way}")
        if len(lacking) == len(found):
            raise DataError(f"{self.folder}: none of {len(found)} fields has all four channels; {said}")
        notes.append(
            f"{len(lacking)} of {len(found)} fields lack a channel and are left out: {listed(sorted(lacking))}"
        )
        return {name: own for name, own in found.items() if name not in lacking}

    def field(
        self, name: str, channels: Channels, labels: Sequence[int] | None, groups: Mapping[str, str]
    ) -> CellField:
        """Return a field of these files."""
        files = [channels[colour] for colour in STAINS]
        return CellField(
            name=name,
            labels=None if labels is None else tuple(labels),
            groups=groups,
            stamp=";".join(f"{one.name}|{one.size}|{one.changed_ns}" for one in files),
            read=ReadChannels(name, self.folder, tuple(one.name for one in files)),
        )
