"""Wavenumbers of bands: read from a file beside the stack, checked, and carried from one axis onto another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError, MissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Wavenumbers = NDArray[np.float64]

NAMES = ("wavenumbers.csv", "wavenumbers.txt")
LOWEST_CM = 300.0
HIGHEST_CM = 4500.0
MOST_BYTES = 2**20
ROUNDING = 0.01
HOW = (
    f"put a file {NAMES[0]} beside it or into its folder, one number in cm^-1 a line and a line for each band, "
    "or save OME-TIFF with wavenumbers as channel names"
)


def read_wavenumbers(path: Path) -> Wavenumbers:
    """Read wavenumbers in cm^-1, one a line; a first line that is no number is a header, ``#`` begins a comment.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        A line is no number, or there is none.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: is larger than 1 MiB, which no list of wavenumbers is; give one number a line")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingError(f"{path}: there is no such file; give the wavenumbers in cm^-1, one a line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); save it as UTF-8") from error
    lines = [(number, line.split("#")[0].strip(" \t,;\"'")) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if lines and _number(lines[0][1]) is None and not re.match(r"[-+.\d]", lines[0][1]):
        lines = lines[1:]
    for number, line in lines:
        if _number(line) is None:
            raise DataError(f"{path}:{number}: '{line[:40]}' is no number; give one wavenumber in cm^-1 a line")
    if not lines:
        raise DataError(f"{path}: holds no number; give one wavenumber in cm^-1 a line")
    return np.array([_number(line) for _, line in lines], dtype=np.float64)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def beside(folders: Iterable[Path]) -> Path | None:
    """Return the first file of wavenumbers that one of the folders has."""
    found = (folder / name for folder in folders for name in NAMES)
    return next((path for path in found if path.is_file()), None)


def checked(values: Wavenumbers, bands: int, *, where: Path | str) -> tuple[Wavenumbers, bool]:
    """Return rising wavenumbers, and whether they fell and the stack has to be turned round with them.

    Raises
    ------
    DataError
        There are not as many as bands, one is not finite, they neither rise nor fall throughout, or they lie outside
        the vibrations of molecules.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (bands,):
        raise DataError(f"{where}: gives {values.size} wavenumbers for {bands} bands; give one for each band")
    if not np.isfinite(values).all():
        band = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"{where}: the wavenumber of band {band} is {values[band]}; give a finite number in cm^-1")
    steps = np.diff(values)
    falls = bool((steps < 0).all()) and bands > 1
    if not (falls or (steps > 0).all()):
        most = np.sign(np.sign(steps).sum()) or 1.0
        band = int(np.flatnonzero(steps * most <= 0)[0])
        raise DataError(
            f"{where}: wavenumbers rise or fall throughout, but go from {values[band]:g} to {values[band + 1]:g} after "
            f"band {band}; bring the bands into order, or average those measured twice"
        )
    if values.min() < LOWEST_CM or values.max() > HIGHEST_CM:
        raise DataError(
            f"{where}: wavenumbers lie between {LOWEST_CM:g} and {HIGHEST_CM:g} cm^-1, these between {values.min():g} "
            f"and {values.max():g}; convert wavelengths or band numbers to Raman shifts in cm^-1"
        )
    return (values[::-1].copy() if falls else values), falls


def onto(stack: NDArray[np.float32], axis: Wavenumbers, wanted: Wavenumbers) -> NDArray[np.float32]:
    """Return the stack [C, H, W] on other wavenumbers [K], linear between neighbouring bands; both axes rise.

    The very stack is returned where the axes are equal. Nothing is extrapolated: beyond the ends only what rounding
    explains (a hundredth of a band) is taken, at the value of the end.

    Raises
    ------
    DataError
        The wanted axis does not lie inside the axis of the stack.
    """
    if np.array_equal(axis, wanted):
        return stack
    slack = ROUNDING * float(axis[-1] - axis[0]) / (len(axis) - 1)
    if wanted[0] < axis[0] - slack or wanted[-1] > axis[-1] + slack:
        raise DataError(
            f"the stack covers {axis[0]:g} to {axis[-1]:g} cm^-1 and the model needs {wanted[0]:g} to {wanted[-1]:g}; "
            "measure the whole range, or train on the range that both have"
        )
    right = np.clip(np.searchsorted(axis, wanted), 1, len(axis) - 1)
    share = np.clip((wanted - axis[right - 1]) / (axis[right] - axis[right - 1]), 0.0, 1.0).astype(np.float32)
    share = share[:, None, None]
    between: NDArray[np.float32] = stack[right - 1] * (1 - share)
    between += stack[right] * share
    return between
