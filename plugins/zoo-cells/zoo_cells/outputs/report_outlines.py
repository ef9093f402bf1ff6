"""Outlines of cells as lines, from a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Outline = NDArray[np.float64]

FEW, EACH = 24, 5
"""Points below which an outline stays as it is, and which of more are kept."""
INSET = 0.9
"""Pixels by which an outline lies within its cell."""


def outlines_of(mask: NDArray[np.int32], boxes: NDArray[np.int64]) -> dict[int, Outline]:
    """Return the outline of each cell of a mask as points (x, y), smoothed; of one in pieces that of the largest.

    Parameters
    ----------
    mask
        [H, W], the number of the cell that each pixel is of.
    boxes
        Number, first row and column, last row and column of each cell [n, 5].
    """
    from skimage.measure import find_contours

    found = {}
    for number, top, left, bottom, right in boxes.tolist():
        inside = np.pad((mask[top : bottom + 1, left : right + 1] == number).astype(np.float64), 1)
        contours = find_contours(inside, 0.5)
        if contours:
            found[number] = _smooth(max(contours, key=len)) + np.array([left - 1, top - 1])
    return found


def _smooth(contour: NDArray[np.float64]) -> Outline:
    """Return a closed line (y, x) as points (x, y), fewer and a little further inside where it has enough of them.

    So the lines of two cells that touch lie beside each other.
    """
    points = contour[:-1, ::-1]
    if len(points) < FEW:
        return points
    around: Outline = np.mean([np.roll(points, shift, axis=0) for shift in range(-2, 3)], axis=0)[::EACH]
    before, behind = np.roll(around, 1, axis=0), np.roll(around, -1, axis=0)
    along = behind - before
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    turn = np.sign((around[:, 0] * behind[:, 1] - behind[:, 0] * around[:, 1]).sum())
    inset: Outline = around + INSET * turn * inward
    return inset
