"""Levels of an image: halved on the fly, held in arrays, written to a folder and mapped from it."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from zoo.progress import step
from zoo_spatial.slides.fields import Level

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST_SIDE = 256
STRIP = 512
BLOCK = 1024


class Tiled(Level, Protocol):
    """A level that is read in tiles."""

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of a tile."""

    def order(self, corners: NDArray[np.int64], side: int) -> NDArray[np.int64]:
        """Return an order of windows in which those that share tiles follow each other."""


@dataclass(frozen=True, slots=True)
class ArrayLevel:
    """A level that is an array [H, W, 3], in memory or mapped."""

    array: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, 3."""
        return self.array.shape

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return a view of a window."""
        return self.array[top : top + height, left : left + width]


@dataclass(frozen=True, slots=True)
class Halved:
    """A level seen at 1 / 2**times of its width, computed from the pixels that a window needs and no others."""

    level: Tiled
    times: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, 3."""
        return self.level.shape[0] >> self.times, self.level.shape[1] >> self.times, 3

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return a window, read block by block so that a wide one takes no more memory than what is returned."""
        out = np.empty((height, width, 3), dtype=np.uint8)
        high, wide = self.block
        for y in range(0, height, high):
            for x in range(0, width, wide):
                place = out[y : y + high, x : x + wide]
                place[:] = self._read(top + y, left + x, place.shape[0], place.shape[1])
        return out

    def order(self, corners: NDArray[np.int64], side: int) -> NDArray[np.int64]:
        """Return an order of windows in which neighbours follow each other."""
        return self.level.order(corners << self.times, side << self.times)

    def _read(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        block = self.level.window(*(value << self.times for value in (top, left, height, width)))
        for _ in range(self.times):
            block = halved(block)
        return block

    @property
    def block(self) -> tuple[int, int]:
        """Height and width that are read at once: whole tiles, so that reading from end to end decodes each once."""
        high, wide = (max(1, BLOCK // side) * side for side in self.level.tile)
        step = 1 << self.times
        return max(1, high // step), max(1, wide // step)


def halvings(shape: tuple[int, ...]) -> int:
    """Return how often an image is halved before its shorter side falls below the smallest that is kept."""
    times, side = 0, min(shape[:2])
    while side >= 2 * SMALLEST_SIDE:
        times, side = times + 1, side // 2
    return times


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the means of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even = image[:height, :width].astype(np.uint16)
    rows = even[0::2] + even[1::2]
    half: NDArray[np.uint8] = ((rows[:, 0::2] + rows[:, 1::2] + 2) // 4).astype(np.uint8)
    return half


def unmap(level: NDArray[np.uint8]) -> None:
    """Give mapped pages back; they stay in the system's cache, but no longer count as this process's memory."""
    if isinstance(level.base, mmap.mmap):
        level.base.madvise(mmap.MADV_DONTNEED)


def strips_of(level: Level, high: int = STRIP) -> Iterator[NDArray[np.uint8]]:
    """Read a level from top to bottom."""
    height, width = level.shape[:2]
    for top in range(0, height, high):
        yield level.window(top, 0, min(high, height - top), width)


def write_first(folder: Path, size: tuple[int, int], strips: Iterator[NDArray[np.uint8]]) -> None:
    """Write strips [h, W, 3] of an image of (width, height) as level 0."""
    _write(folder, 0, size, strips)


def write_others(folder: Path) -> None:
    """Write the halved copies of level 0."""
    level = np.load(folder / "level0.npy", mmap_mode="r")
    for number in range(1, halvings(level.shape) + 1):
        size = (level.shape[1] // 2, level.shape[0] // 2)
        _write(folder, number, size, _strips_of_half(level))
        level = np.load(folder / f"level{number}.npy", mmap_mode="r")


def mapped(folder: Path) -> tuple[NDArray[np.uint8], ...]:
    """Return the levels of a folder, memory-mapped."""
    files = sorted(folder.glob("level*.npy"), key=lambda file: int(file.stem[5:]))
    return tuple(np.load(file, mmap_mode="r") for file in files)


def _strips_of_half(level: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for top in range(0, level.shape[0] // 2 * 2, STRIP):
        yield halved(level[top : min(top + STRIP, level.shape[0] // 2 * 2)])
        unmap(level)


def _write(folder: Path, number: int, size: tuple[int, int], strips: Iterator[NDArray[np.uint8]]) -> None:
    """Write strips as one ``.npy``; plain writes, because a mapped file on a full disk kills the process."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (size[1], size[0], 3)}
    with (folder / f"level{number}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        with step("unpacking an image", size[1], "rows") as told:
            for strip in strips:
                file.write(np.ascontiguousarray(strip).data)
                told.advance(len(strip))
