"""Fields brought to one size: each new pixel is the mean of the area that it covers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resized(image: NDArray[Any], size: int) -> NDArray[Any]:
    """Return an image [C, H, W] as [C, size, size] of the same type, integers rounded to the nearest.

    A pixel at the edge of an area counts with the share of it that lies within, so intensities are kept on average. A
    field that is not square is squeezed; enlarging repeats pixels.
    """
    height, width = image.shape[1:]
    if height == width == size:
        return image
    tall, wide = _shares(height, size), _shares(width, size)
    small: NDArray[np.float32] = tall @ image.astype(np.float32) @ wide.T
    whole = np.issubdtype(image.dtype, np.integer)
    kept: NDArray[Any] = (np.rint(small) if whole else small).astype(image.dtype)
    return kept


@lru_cache(maxsize=8)
def _shares(old: int, new: int) -> NDArray[np.float32]:
    """Return how much each old pixel gives to each new one [new, old]; every row sums to 1."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float32] = (np.clip(overlap, 0, None) / (old / new)).astype(np.float32)
    return shares
