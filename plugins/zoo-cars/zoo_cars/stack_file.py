"""A stack on disk that was looked at and not yet read: its shape, what its file says of it, and how to read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bands = Literal["first", "last"]

LEAST_BANDS = 4
MOST_BANDS = 4096
MOST_BYTES = 4 * 2**30
BYTES = 4
DIMENSIONS = 3


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack that can be read.

    Attributes
    ----------
    path
        The file, or the folder of pages.
    shape
        Bands, height and width: [C, H, W].
    load
        Returns the stack as it is stored, bands first.
    wavenumber_cm
        Of each band, in the order of the bands, where the file says so; not checked.
    um_per_px
        Side of a pixel where the file says so.
    """

    path: Path
    shape: tuple[int, int, int]
    load: Callable[[], NDArray[Any]]
    wavenumber_cm: NDArray[np.float64] | None = None
    um_per_px: float | None = None

    def read(self) -> NDArray[np.float32]:
        """Return the stack [C, H, W] with the numbers of the file, in 32-bit floating point.

        Raises
        ------
        DataError
            The file is damaged, or holds a value that is not finite.
        """
        try:
            stack = np.ascontiguousarray(self.load(), dtype=np.float32)
        except DataError:
            raise
        except Exception as error:  # decoders raise a dozen kinds, all of which mean that the file is damaged
            raise damaged(self.path, error) from error
        if stack.shape != self.shape:
            raise DataError(f"{self.path}: holds {stack.shape} values where its header says {self.shape}; copy it anew")
        finite = np.isfinite(stack).all(axis=(1, 2))
        if not finite.all():
            band = int(np.flatnonzero(~finite)[0])
            raise DataError(
                f"{self.path}: band {band} holds a value that is not finite (NaN, infinity or beyond 32 bits); "
                "replace it"
            )
        return stack


def damaged(path: Path, error: Exception) -> DataError:
    """Return that a file cannot be read, with what its decoder said in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path}: the file is damaged or of another format ({said[:160]}); restore it from its source")


def band_axis(path: Path, shape: tuple[int, ...], bands: Bands | None) -> int:
    """Return which axis of an array the bands are."""
    if len(shape) != DIMENSIONS:
        raise DataError(f"{path}: holds an array of shape {shape}; a stack has three axes, of which one is the bands")
    if bands is None:
        raise DataError(f"{path}: nothing says which axis of {shape} is the bands; say axis: first or axis: last")
    return 0 if bands == "first" else 2


def checked_shape(path: Path, bands: int, height: int, width: int) -> tuple[int, int, int]:
    """Return the shape of a stack; one that cannot be, or does not fit into memory, is refused before it is read."""
    if bands < LEAST_BANDS:
        raise DataError(f"{path}: has {bands} bands, a spectrum needs {LEAST_BANDS} at least; is it one field's stack?")
    if bands > MOST_BANDS:
        raise DataError(f"{path}: has {bands} bands, {MOST_BANDS} at most are read; is another axis the bands?")
    if height < 1 or width < 1:
        raise DataError(f"{path}: has pages of {height} x {width} pixels; a page has one pixel at least")
    wanted = math.prod((bands, height, width)) * BYTES
    if wanted > MOST_BYTES:
        raise DataError(
            f"{path}: {bands} bands of {height} x {width} pixels take {wanted / 2**30:.1f} GiB in memory, "
            f"{MOST_BYTES // 2**30} at most are read; cut it into fields"
        )
    return bands, height, width


def check_kind(path: Path, kind: np.dtype[Any]) -> None:
    """Refuse values that are not integers or real numbers."""
    if kind.kind == "c":
        raise DataError(f"{path}: holds complex numbers ({kind}); save their real part, imaginary part or modulus")
    if kind.kind not in "uif":
        raise DataError(f"{path}: holds values of type {kind}; a stack holds integers or floating-point numbers")
