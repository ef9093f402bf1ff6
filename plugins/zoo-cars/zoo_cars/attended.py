"""What a model attends to in a field: attention as a picture, the pixels of highest attention, and their spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Spectrum = NDArray[np.float64]

ATTENDED = 0.1
"""Share of the pixels, those of highest attention, whose mean spectrum is drawn against that of the others."""


def attention_map(
    attention: NDArray[np.floating], places: NDArray[np.int64], shape: tuple[int, ...], size: int
) -> NDArray[np.float32]:
    """Return attention as a picture [H, W] in which 1 is what every tile would get if all got the same.

    Parameters
    ----------
    attention
        Of the tiles of one field [n], summing to 1.
    places
        Row and column of each tile's corner [n, 2].
    shape
        Height and width of the field.
    size
        Side of a tile in pixels. Where tiles overlap their mean is taken; where there is none, it is not a number.
    """
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (y, x) in zip(attention * len(attention), places, strict=True):
        total[y : y + size, x : x + size] += value
        count[y : y + size, x : x + size] += 1
    with np.errstate(invalid="ignore"):
        return (total / count).astype(np.float32)


def attended_pixels(found: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels of highest attention, at least :data:`ATTENDED` of those that have any, ties included.

    Where so many only come together with all that have the lowest attention, these are left out: one tile stands out of
    many that are the same. Attention that is the same everywhere is highest everywhere.
    """
    known = found[np.isfinite(found)]
    if not known.size:
        return np.zeros(found.shape, dtype=bool)
    least, lowest = np.quantile(known, 1 - ATTENDED), known.min()
    filled = np.nan_to_num(found, nan=-np.inf)
    return np.asarray(filled > lowest if least <= lowest < known.max() else filled >= least)


class Spectra(NamedTuple):
    """Mean spectra [C] of the attended pixels of a field and of the others (None: there are none), and their share."""

    attended: Spectrum
    others: Spectrum | None
    share: float


def mean_spectra(found: NDArray[np.float32], stack: NDArray[np.float32]) -> Spectra | None:
    """Return the mean spectra of a stack [C, H, W] by its attention map; None where it attends to nothing.

    Attention that is the same everywhere attends to every pixel, and leaves no others.
    """
    attended = attended_pixels(found).ravel()
    flat, inside = stack.reshape(len(stack), -1), int(attended.sum())
    if not inside:
        return None
    # a product of matrices: a stack is not copied pixel by pixel
    chosen, rest = ((flat @ which.astype(stack.dtype)).astype(np.float64) for which in (attended, ~attended))
    left = attended.size - inside
    return Spectra(chosen / inside, rest / left if left else None, inside / attended.size)
