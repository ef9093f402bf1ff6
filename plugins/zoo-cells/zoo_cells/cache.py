"""Arrays of many fields in one file that is memory-mapped, filled field by field and kept between runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.atomic import disk_errors
from zoo.folders import cache_home

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

NOT_YET, DONE = 0, 1
PIXELS, MARKS = "pixels.npy", "marks"


class Store:
    """Rows of one shape and type in ``cache_home()/fields/<key>``, with a mark for each row that is there.

    A mark is written after the pixels of its row have reached the disk, so a row of a process that was killed is made
    again. Two processes that fill the same store write the same bytes. Rows are written with calls that report a full
    disk: through the map it would be a signal that ends the process.

    Parameters
    ----------
    key
        Follows from all that the pixels follow from.
    rows
        How many there are.

    Raises
    ------
    RunError
        The disk is full, or cannot be written to.
    """

    def __init__(self, key: str, rows: int) -> None:
        self.folder = cache_home() / "fields" / key
        self.rows = rows
        self._pixels: NDArray[Any] | None = None
        self._marks: NDArray[np.uint8] = np.zeros(rows, np.uint8)
        self._open()

    @property
    def is_open(self) -> bool:
        """Whether shape and type are known."""
        return self._pixels is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return () if self._pixels is None else self._pixels.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype("void") if self._pixels is None else self._pixels.dtype

    def create(self, shape: Sequence[int], dtype: DTypeLike) -> None:
        """Make the files, with no row filled, unless another process was faster."""
        with disk_errors(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = (self.folder.parent / f".{self.folder.name}.lock").open("a")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._open()
            if not self.is_open:
                self._make((self.rows, *shape), np.dtype(dtype))
                self._open()

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows are there."""
        there: NDArray[np.bool_] = self._marks[rows] == DONE
        return there

    @property
    def first(self) -> int | None:
        """The first row that is there."""
        there = np.flatnonzero(self._marks == DONE)
        return int(there[0]) if len(there) else None

    def write(self, rows: Sequence[int], values: Sequence[NDArray[Any]]) -> None:
        """Put rows in their place, and mark them once they are on the disk."""
        stride = int(np.prod(self.shape)) * self.dtype.itemsize
        file = self.folder / PIXELS
        with disk_errors(file), file.open("r+b") as out:
            begin = file.stat().st_size - stride * self.rows
            for row, value in zip(rows, values, strict=True):
                out.seek(begin + stride * row)
                out.write(np.ascontiguousarray(value, dtype=self.dtype).data)
            out.flush()
            os.fdatasync(out.fileno())
        self._mark(rows)

    def _mark(self, rows: Sequence[int]) -> None:
        file = self.folder / MARKS
        with disk_errors(file), file.open("r+b", buffering=0) as out:
            for row in rows:
                out.seek(row)
                out.write(bytes([DONE]))

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of rows [n, ...] that are there."""
        found: NDArray[Any] = np.empty(0) if self._pixels is None else self._pixels[rows]
        return found

    def _open(self) -> None:
        try:
            pixels = np.lib.format.open_memmap(self.folder / PIXELS, mode="r")
            marks = np.memmap(self.folder / MARKS, dtype=np.uint8, mode="r")
        except (OSError, ValueError):  # none there, or cut short by somebody else: made anew
            return
        if len(pixels) == len(marks) == self.rows:
            self._pixels, self._marks = pixels, marks

    def _make(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        temporary = self.folder.with_name(f".{self.folder.name}.tmp")
        for leftover in (temporary, self.folder):  # of a process that was killed, or damaged; we hold the lock
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            with disk_errors(self.folder):
                temporary.mkdir()
                self._empty(temporary, shape, dtype)
                temporary.rename(self.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @staticmethod
    def _empty(folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        with (folder / PIXELS).open("wb") as out:
            np.lib.format.write_array_header_2_0(out, header)
            out.truncate(out.tell() + int(np.prod(shape)) * dtype.itemsize)
        (folder / MARKS).write_bytes(bytes(shape[0]))
