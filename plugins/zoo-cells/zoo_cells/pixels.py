"""The pixels of fields as they were measured, decoded and resized once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo.progress import step
from zoo_cells.cache import Store
from zoo_cells.field import DamagedError, Field
from zoo_cells.fingerprint import digest
from zoo_cells.resizing import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = "1"
THREADS = min(8, os.cpu_count() or 1)
PART = 32
"""Fields that are decoded between two writes: 32 of five channels of 224 x 224 pixels and 16 bits are 16 MB."""
READING = "reading fields"
DIMENSIONS = 3
TYPES = ("uint8", "uint16", "float32")


class FieldPixels:
    """The decoded fields [n, C, H, W] in one store; only those that are asked for are read.

    Raises
    ------
    DataError
        A field has another type, number of channels or size than the others, or cannot be read.
    RunError
        The disk is full.
    """

    def __init__(self, fields: Sequence[Field], size: int | None) -> None:
        self.fields, self.size = fields, size
        self.key = digest(VERSION, size, [[one.name, one.stamp, list(one.channels)] for one in fields])
        self.store = Store(f"{self.key}-raw", len(fields))

    def read(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return fields [n, C, H, W]."""
        wanted = np.unique(places[~self.store.has(places)])
        with ThreadPoolExecutor(THREADS) as pool, step(READING, len(wanted), "fields") as told:
            for start in range(0, len(wanted), PART):
                some = wanted[start : start + PART].tolist()
                self._keep(some, list(pool.map(self._decoded, some)))
                told.advance(len(some))
        return self.store.read(places)

    def damaged(self) -> dict[int, str]:
        """Read all fields; return the number of each that cannot be read, and why."""
        found: dict[int, str] = {}
        wanted = np.flatnonzero(~self.store.has(np.arange(len(self.fields))))
        with ThreadPoolExecutor(THREADS) as pool, step(READING, len(wanted), "fields") as told:
            for start in range(0, len(wanted), PART):
                some = wanted[start : start + PART].tolist()
                made = dict(zip(some, pool.map(self._attempt, some), strict=True))
                found |= {place: str(one) for place, one in made.items() if isinstance(one, DamagedError)}
                whole = {place: one for place, one in made.items() if not isinstance(one, DamagedError)}
                self._keep(list(whole), list(whole.values()))
                told.advance(len(some))
        return found

    def _attempt(self, place: int) -> NDArray[Any] | DamagedError:
        try:
            return self._decoded(place)
        except DamagedError as error:
            return error

    def _decoded(self, place: int) -> NDArray[Any]:
        one = self.fields[place]
        image = one.read()
        if image.ndim != DIMENSIONS or len(image) != len(one.channels) or str(image.dtype) not in TYPES:
            said = f"is {_sizes(image.shape)} {image.dtype}, and {len(one.channels)} channels are named"
            raise DataError(f"field {one.name} {said}; a field is [channels, height, width], uint8, uint16 or float32")
        return resized(image, self.size) if self.size else image

    def _keep(self, places: Sequence[int], images: Sequence[NDArray[Any]]) -> None:
        if images and not self.store.is_open:
            self.store.create(images[0].shape, images[0].dtype)
        first = self.store.first
        for place, image in zip(places, images, strict=True):
            if image.dtype != self.store.dtype or image.shape != self.store.shape:
                raise self._differs(place, image, places[0] if first is None else first)
        if images:
            self.store.write(places, images)

    def _differs(self, place: int, image: NDArray[Any], first: int) -> DataError:
        names = [_named(self.fields[number]) for number in (place, first)]
        if image.dtype != self.store.dtype:
            said = f"{names[0]} has values of type {image.dtype}, {names[1]} of {self.store.dtype}"
            return DataError(f"{said}; what is bright in one is not in the other, so bring all to one type")
        said = f"{names[0]} has {_sizes(image.shape)} values, {names[1]} {_sizes(self.store.shape)}"
        return DataError(f"{said}; say data.size, and all are brought to it")


def _named(field: Field) -> str:
    """Return the name of a field, and of its first file where it has some."""
    files = getattr(field.read, "files", ())
    return f"field {field.name}" + (f" ({files[0]})" if files else "")


def _sizes(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
