"""What textures and dots are made of."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]


def smooth(rng: np.random.Generator, size: int, sigma_px: float) -> Image:
    """Return a Gaussian random field [size, size] of about zero mean and unit variance, which wraps round.

    It is shaped in the frequency domain, where a wide filter costs no more than a narrow one.
    """
    from scipy import fft

    spectrum = fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    return np.asarray(fft.irfft2(spectrum * _filter(size, sigma_px), s=(size, size), overwrite_x=True), np.float32)


@lru_cache(maxsize=32)
def _filter(size: int, sigma_px: float) -> Image:
    """Return what a Gaussian filter leaves of each frequency, scaled so that white noise keeps its variance."""
    passed = np.exp(-2 * (np.pi * sigma_px * np.fft.fftfreq(size)) ** 2)
    passed = passed[:, None] * passed
    kept = passed / np.sqrt((passed**2).mean())
    return np.asarray(kept[:, : size // 2 + 1], np.float32)


def ridges(course: Image, width_px: float) -> Image:
    """Return winding lines of height 1 where a smooth field passes through zero."""
    down, right = np.gradient(course)
    return np.asarray(np.exp(-((course / (np.hypot(down, right) + 0.02) / width_px) ** 2)), np.float32)


def dots(places: Floats, size: int, sigma_px: float, height: Floats | float = 1.0) -> Image:
    """Return round dots of some height at places [n, 2]; those outside the field are left out."""
    from scipy.ndimage import gaussian_filter

    row, column = np.floor(places).astype(np.intp).T
    seen = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    heights = np.broadcast_to(height, seen.shape)[seen]
    drawn = np.bincount(row[seen] * size + column[seen], heights, size * size).reshape(size, size)
    return np.asarray(
        gaussian_filter(drawn.astype(np.float32), sigma_px, truncate=3) * (2 * np.pi * sigma_px**2), np.float32
    )
