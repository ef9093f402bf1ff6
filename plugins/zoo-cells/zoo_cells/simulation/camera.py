"""From dye to counts: what plate, well and field change, blur, uneven light, shot noise and the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.simulation.effects import CHANNELS
from zoo_cells.simulation.layout import Well

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]

OFFSET = 100
"""Counts that the camera adds to every pixel."""
WHITE = 4095
"""The highest count of its 12 bits."""
READ_NOISE = 4.0
"""Standard deviation of a pixel without light, in counts."""
COUNTS_PER_PHOTON = 2.0
BRIGHTNESS = {"DNA": 1100.0, "RNA": 1300.0, "ER": 1200.0, "AGP": 1200.0, "Mito": 1100.0}
"""Counts where there is as much dye as usual."""
BLUR_PX = {"DNA": 0.75, "RNA": 0.7, "ER": 0.7, "AGP": 0.7, "Mito": 0.65}
"""Standard deviation of the point spread, in pixels."""
HAZE = (0.1, 0.8)
"""Light from out of focus, as a share of that in focus: from well-focused flat cells to a thick layer."""
HAZE_PX = 12.0
"""How far it is spread."""
EDGE = 0.15
"""By how much wells at the rim are dimmer, and have fewer cells."""


@dataclass(frozen=True, slots=True)
class Plate:
    """What one plate, and the day it was stained on, does to all its fields; entries of channels are in their order."""

    density: float
    gain: Floats  # [5]
    background: Floats  # [5] counts
    slope: Floats  # [2] change of the logarithm of brightness from the middle to the last row, and column
    falloff: float  # of illumination towards the corners
    middle: Floats  # [2] where illumination is brightest, from -1 to 1


def draw_plate(rng: np.random.Generator) -> Plate:
    """Draw one plate."""
    return Plate(
        density=float(np.exp(rng.normal(0, 0.06))),
        gain=np.exp(rng.normal(0, 0.15, len(CHANNELS))),
        background=60 * np.exp(rng.normal(0, 0.3, len(CHANNELS))),
        slope=rng.normal(0, [0.06, 0.08]),
        falloff=float(rng.uniform(0.08, 0.2)),
        middle=rng.normal(0, 0.2, 2),
    )


def place_of(plate: Plate, well: Well) -> tuple[float, float]:
    """Return what the place of a well does to brightness and to density, as factors."""
    row = 2 * well.row / max(well.rows - 1, 1) - 1
    column = 2 * well.column / max(well.columns - 1, 1) - 1
    rim = 1 - EDGE * well.edge
    return float(np.exp(plate.slope @ (row, column)) * rim), rim


def expose(
    rng: np.random.Generator, dye: Image, plate: Plate, *, channel: str, gain: float, focus_px: float
) -> NDArray[np.uint16]:
    """Return counts [H, W] of one channel; ``focus_px`` is the blur that a field out of focus adds."""
    from scipy.ndimage import gaussian_filter

    number = CHANNELS.index(channel)
    seen = gaussian_filter(dye, float(np.hypot(BLUR_PX[channel], focus_px)), mode="nearest", truncate=3)
    seen += rng.uniform(*HAZE) * gaussian_filter(dye, HAZE_PX, mode="nearest", truncate=2)
    light = _illumination(plate, len(dye)) * (BRIGHTNESS[channel] * plate.gain[number] * gain)
    photons = (seen * light + plate.background[number]) / COUNTS_PER_PHOTON
    counts = COUNTS_PER_PHOTON * rng.poisson(photons) + rng.normal(OFFSET, READ_NOISE, dye.shape)
    return np.asarray(np.clip(np.rint(counts), 0, WHITE), dtype=np.uint16)


def _illumination(plate: Plate, size: int) -> Floats:
    line = np.linspace(-1, 1, size)
    down, right = (line - middle for middle in plate.middle)
    return np.asarray(np.exp(-plate.falloff * (down[:, None] ** 2 + right**2)))
