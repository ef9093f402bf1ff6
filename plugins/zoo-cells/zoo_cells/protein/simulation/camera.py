"""From dye to pixel values: what a staining batch and a field change, blur, light out of focus and shot noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.locations import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]

BRIGHT = 150.0
"""Value of a pixel with as much dye as usual, of 255."""
PHOTONS = 0.8
"""Photons of one grey value."""
HAZE_PX = 17
"""How wide light from out of focus is spread."""
READ_NOISE = 1.2
"""Standard deviation of a pixel without light."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What fields of one staining share; entries are in the order of the channels."""

    gain: Floats
    background: Floats
    blur_px: Floats


def draw_batch(rng: np.random.Generator) -> Batch:
    """Draw one staining batch."""
    number = len(CHANNELS)
    return Batch(
        gain=np.exp(rng.normal(0, 0.18, number)),
        background=6 * np.exp(rng.normal(0, 0.4, number)),
        blur_px=rng.uniform(0.5, 0.8, number),
    )


def expose(rng: np.random.Generator, dyes: list[Image], batch: Batch) -> NDArray[np.uint8]:
    """Return the pixels [4, H, W] of a field."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    focus_px, haze = abs(rng.normal(0, 0.25)), rng.uniform(0.05, 0.25)
    found = np.empty((len(dyes), *dyes[0].shape), np.uint8)
    for number, dye in enumerate(dyes):
        blur_px = float(np.hypot(batch.blur_px[number], focus_px))
        seen = gaussian_filter(dye, blur_px, mode="nearest", truncate=3)
        seen += haze * uniform_filter(uniform_filter(dye, HAZE_PX, mode="nearest"), HAZE_PX, mode="nearest")
        light = BRIGHT * batch.gain[number] * float(np.exp(rng.normal(0, 0.1)))
        value = seen * np.float32(light) + np.float32(batch.background[number])
        # a normal distribution of the same spread: there are some photons in every pixel
        spread = np.sqrt(value / PHOTONS + READ_NOISE**2, dtype=np.float32)
        value += spread * rng.standard_normal(value.shape, dtype=np.float32)
        found[number] = np.clip(np.rint(value), 0, 255)
    return found
