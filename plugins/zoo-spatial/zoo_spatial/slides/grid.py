"""Points in a regular pattern over the tissue of a slide, for prediction where nothing was measured."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError, UsageError
from zoo_spatial.slides.tissue import tissue_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.slides.slide import Slide

SHORTEST_UM, LONGEST_UM = 0.5, 10_000.0
FINEST_UM, COARSEST_UM = 0.01, 100.0
MOST_POINTS = 5_000_000
UNITS = {"um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1000.0}
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]{1,2})?)\s*(um|µm|μm|mm)\s*", re.IGNORECASE)


def parse_length(text: str) -> float:
    """Return micrometres from text such as ``100um``, ``55 µm`` or ``0.1mm``.

    Raises
    ------
    UsageError
        It is no length, has no unit, or lies outside of 0.5 um to 10 mm.

    Examples
    --------
    >>> parse_length("0.1mm")
    100.0
    """
    found = _LENGTH.fullmatch(text[:100])
    if found is None:
        raise UsageError(f"--grid takes a length with its unit, such as 100um or 0.1mm, not {text[:40]!r}")
    length = float(found.group(1)) * UNITS[found.group(2).lower()]
    if not SHORTEST_UM <= length <= LONGEST_UM:
        raise UsageError(
            f"--grid lies between {SHORTEST_UM:g} um and {LONGEST_UM / 1000:g} mm, not {text.strip()[:40]}"
        )
    return length


def grid_over(slide: Slide, *, pitch_um: float, um_per_px: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lay a square lattice over a slide and keep the points whose centre lies on tissue.

    The first point lies half a pitch from the upper left corner of the image; points are returned row by row.

    Parameters
    ----------
    slide
        The slide.
    pitch_um
        Distance between neighbouring points in micrometres.
    um_per_px
        Size of a pixel of the slide in micrometres.

    Returns
    -------
    x and y in pixels of the slide [n, 2], and column and row on the lattice [n, 2].

    Raises
    ------
    UsageError
        The pixel size is out of reason, or the pitch gives too many points or none.
    DataError
        The slide shows no tissue.
    """
    if not FINEST_UM <= um_per_px <= COARSEST_UM:
        raise UsageError(f"a pixel of {um_per_px:g} um is out of reason; {FINEST_UM:g} to {COARSEST_UM:g} um are taken")
    pitch_px = pitch_um / um_per_px
    height, width = slide.shape
    x, y = _places(width, pitch_px, pitch_um), _places(height, pitch_px, pitch_um)
    mask, mask_px = tissue_mask(slide)
    if not mask.any():
        raise DataError("the slide shows no tissue (no stained region was found); is it an H&E image?")
    rows = np.minimum((y / (height / mask.shape[0])).astype(np.int64), mask.shape[0] - 1)
    columns = np.minimum((x / mask_px).astype(np.int64), mask.shape[1] - 1)
    # counted before any is laid: a fine lattice over a large slide has more points off the tissue than memory holds
    each = [np.bincount(place, minlength=side) for place, side in zip((rows, columns), mask.shape, strict=True)]
    points = int(each[0] @ mask.astype(np.int64) @ each[1])
    if points > MOST_POINTS:
        raise UsageError(_too_many(points, pitch_um))
    if not points:
        raise UsageError(f"--grid {pitch_um:g}um puts no point on tissue; make it finer")
    found = [np.flatnonzero(mask[place][columns]) for place in rows]
    row, column = np.repeat(np.arange(len(rows)), [len(some) for some in found]), np.concatenate(found)
    position = np.stack([x[column], y[row]], axis=1).astype(np.float32)
    return position, np.stack([column, row], axis=1).astype(np.float32)


def _places(side: int, pitch_px: float, pitch_um: float) -> NDArray[np.float64]:
    """Return the places of a lattice along a side; a point on its last half pixel could round out of the image."""
    number = math.floor((side - 1 - pitch_px / 2) / pitch_px) + 1
    if number < 1:
        raise UsageError(f"--grid {pitch_um:g}um is wider than the slide; make it finer")
    if number > 20 * MOST_POINTS:
        raise UsageError(_too_many(number, pitch_um))
    return np.asarray((np.arange(number) + 0.5) * pitch_px, dtype=np.float64)


def _too_many(points: int, pitch_um: float) -> str:
    return f"--grid {pitch_um:g}um gives {points:,} points, more than {MOST_POINTS:,}; make it wider"
