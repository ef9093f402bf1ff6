"""Found cells held against the true ones: the labels of those that match, and what was not found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.matching import matches
from zoo_cells.segmented.crops import touches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cells.protein.cell_field import CellTruth

IOU = 0.6
"""Overlap from which a found cell is a true one: that of the single-cell challenge of 2021."""
UNMATCHED = -1


def matched(
    mask: NDArray[np.int32], cells: int, truth: CellTruth, *, borders: bool
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return the labels of the found cells [n, K], -1 where one is no true cell, and how many of each class are missed.

    Parameters
    ----------
    mask
        Found cells [H, W], from 1 to ``cells``.
    cells
        Their number.
    truth
        The true ones.
    borders
        Whether true cells at the border of the field are asked for.
    """
    from scipy.ndimage import find_objects

    pairs = matches(mask, truth.mask, IOU)
    rows = np.full((cells, truth.labels.shape[1]), UNMATCHED, np.int8)
    rows[pairs[:, 0] - 1] = truth.labels[pairs[:, 1] - 1]
    boxes = find_objects(truth.mask, max_label=len(truth.labels))
    asked = np.array([box is not None and (borders or not touches(box, truth.mask.shape)) for box in boxes], bool)
    asked[pairs[:, 1] - 1] = False
    return rows, truth.labels[asked].sum(axis=0, dtype=np.int64)
