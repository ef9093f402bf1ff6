"""What a file must be to be an image of a field: bounds, types, and how a broken one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_cells.field import DamagedError

MOST_SIDE, MOST_CHANNELS = 16384, 64
MOST_VALUES = 2**29
"""Bounds of one file: a camera has at most so many pixels a side, and 1 GiB of 16 bits is no field."""
TYPES = ("uint8", "uint16", "float32", "float64")


def damaged(path: Path, why: object) -> DamagedError:
    """Return the refusal of a file that cannot be decoded."""
    said = " ".join(str(why).split())[:120] or type(why).__name__
    way = "copy it anew, leave it out of the table, or say data.skip_damaged: true"
    return DamagedError(f"{path}: cannot be decoded ({said}), it is damaged; {way}")


def check_size(path: Path, channels: int, height: int, width: int) -> None:
    """Refuse what no microscope takes, before memory is asked for it."""
    if min(channels, height, width) < 1 or max(height, width) > MOST_SIDE or channels * height * width > MOST_VALUES:
        said = f"is said to have {channels} x {height} x {width} values, at most {MOST_SIDE} pixels a side are a field"
        raise DataError(f"{path}: {said}; cut or shrink it first")
    if channels > MOST_CHANNELS:
        said = f"has {channels} channels, at most {MOST_CHANNELS} are a field"
        raise DataError(f"{path}: {said}; is it a film or a stack? save a field of its own")


def check_type(path: Path, kind: str) -> None:
    """Refuse types whose values have no agreed brightest one."""
    if kind not in TYPES:
        raise DataError(f"{path}: has values of type {kind}, known are uint8, uint16 and float32; save it as uint16")


def sizes(shape: Sequence[int]) -> str:
    """Return a shape as people write it."""
    return " x ".join(map(str, shape))
