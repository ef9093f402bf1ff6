"""Smooth random fields on a coarse lattice, and the ways from the lattice to pixels and points."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field = NDArray[np.float32]

LATTICE_PER_PITCH = 16
"""Lattice nodes between two spots: everything smooth is drawn here, which keeps layouts alike at any pixel size."""


def random_field(rng: np.random.Generator, *, side: int, scale: float) -> Field:
    """Draw a Gaussian random field [side, side] of zero mean and unit variance.

    White noise is smoothed by a Gaussian whose standard deviation is `scale` spot pitches.
    """
    noise = rng.standard_normal((side, side), dtype=np.float32)
    return standardise(smooth(noise, scale * LATTICE_PER_PITCH))


def smooth(
    field: NDArray[np.float32], sigma: float, *, mode: Literal["reflect", "wrap"] = "reflect", truncate: float = 4.0
) -> Field:
    """Blur with a Gaussian of standard deviation `sigma` in the field's own steps."""
    return np.asarray(gaussian_filter(field, sigma, mode=mode, truncate=truncate), dtype=np.float32)


def standardise(field: Field) -> Field:
    """Shift and scale a field to zero mean and unit variance."""
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-12), dtype=np.float32)


def to_pixels(field: Field, *, side: int) -> Field:
    """Interpolate a lattice field [n, n] linearly to pixels [side, side].

    Two small matrix products are several times faster here than a general zoom.
    """
    nodes = field.shape[0]
    place = np.clip((np.arange(side) + 0.5) * nodes / side - 0.5, 0.0, nodes - 1.0)
    low = np.minimum(place.astype(np.intp), nodes - 2)
    share = (place - low).astype(np.float32)
    weights = np.zeros((side, nodes), dtype=np.float32)
    weights[np.arange(side), low] = 1.0 - share
    weights[np.arange(side), low + 1] = share
    return np.asarray(weights @ field @ weights.T, dtype=np.float32)


def at_points(field: Field, xy: Field, *, side: int) -> Field:
    """Read a lattice field [..., n, n] at pixel positions (x, y) [m, 2] of an image of `side` pixels: [..., m]."""
    nodes = field.shape[-1]
    index = np.clip((xy * (nodes / side)).astype(np.intp), 0, nodes - 1)
    return np.asarray(field[..., index[:, 1], index[:, 0]], dtype=np.float32)


def tangent(field: Field) -> Field:
    """Angle in radians of the contour line through each node of a field."""
    down, right = np.gradient(field)
    return np.asarray(np.arctan2(right, -down), dtype=np.float32)
