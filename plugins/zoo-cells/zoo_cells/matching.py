"""Found cells against true cells: which is which, and how many are right (average precision at an overlap)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST = 0.5
"""Below this overlap one cell could match several others that do not share it, and pairs would not be unique."""


class Tally(NamedTuple):
    """Cells of one or several fields: true ones that were found, found ones that are none, true ones not found."""

    hits: int
    false: int
    missed: int


def matches(found: NDArray[Any], true: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """Return which found cell is which true cell: pairs [m, 2] of (found number, true number), by found number.

    Both are label images [H, W], 0 for background; numbers may have gaps. A pair is one whose intersection over union
    is at least ``iou``. From 0.5 on pairs are unique, but for a cell that is exactly cut in halves: then the half of
    the lower number is taken, so that each number stands in one pair at most.

    Raises
    ------
    UsageError
        If ``iou`` is not from 0.5 to 1.
    DataError
        If the two are not of one size.
    """
    import numpy as np

    _check(found, true, iou)
    both = (found > 0) & (true > 0)
    codes = found[both].astype(np.int64) << 32 | true[both].astype(np.int64)
    pairs, shared = np.unique(codes, return_counts=True)
    f, t = pairs >> 32, pairs & 0xFFFFFFFF
    union = _areas(found, f) + _areas(true, t) - shared
    kept = shared >= iou * union
    f, t = f[kept], t[kept]
    first = np.unique(f, return_index=True)[1]
    f, t = f[first], t[first]
    once = np.sort(np.unique(t, return_index=True)[1])
    return np.stack([f[once], t[once]], axis=1)


def _areas(labels: NDArray[Any], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the area of each of these cells, pixels."""
    import numpy as np

    present, areas = np.unique(labels[labels > 0], return_counts=True)
    return areas[np.searchsorted(present, numbers)] if len(numbers) else np.zeros(0, np.int64)


def _check(found: NDArray[Any], true: NDArray[Any], iou: float) -> None:
    if not LEAST <= iou <= 1:
        raise UsageError(f"cells are matched at an overlap (IoU) from {LEAST} to 1, not {iou}; pairs are unique there")
    if found.shape != true.shape:
        raise DataError(f"masks of {found.shape} and {true.shape} cannot be matched; both have to be of the same field")


def tally(found: NDArray[Any], true: NDArray[Any], iou: float) -> Tally:
    """Return how many cells of a field were found, wrongly found and missed at this overlap; see :func:`matches`."""
    import numpy as np

    hits = len(matches(found, true, iou))
    found_all, true_all = (len(np.unique(labels[labels > 0])) for labels in (found, true))
    return Tally(hits, found_all - hits, true_all - hits)


def average_precision(*tallies: Tally) -> float:
    """Return TP / (TP + FP + FN) of all these fields together, 1 where there is nothing to find and nothing found.

    It is what the segmentation of cells is scored by (Caicedo et al. 2019, doi:10.1038/s41592-019-0612-7), at one
    overlap and without confidences, and not the area under a curve of precision that detection calls by that name.
    """
    hits = sum(one.hits for one in tallies)
    all_cells = sum(sum(one) for one in tallies)
    return hits / all_cells if all_cells else 1.0
