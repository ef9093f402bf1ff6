"""Where cells, their nuclei and their borders are in a field: the geometry that stains are drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.simulation.effects import Traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]

UM_PER_PX = 1.0
"""Side of a pixel: about that of a 20x objective with pixels binned three by three."""
PITCH_UM = 27.0
"""Distance between neighbouring cells of a usual density."""
_VACANT = 0.15
_WOBBLE_UM = 2.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is where in a field; places are rows and columns in micrometres."""

    cell: NDArray[np.intp]  # [H, W] nearest cell
    inside: Image  # [H, W] share of the pixel that a cell covers
    rim_um: Image  # [H, W] how far inside a cell its border is
    reach_um: Image  # [H, W] how far the nearest nucleus is
    nucleus: Image  # [H, W] share of the pixel that a nucleus covers
    body: NDArray[np.intp]  # [H, W] nearest nucleus
    level: Floats  # [nuclei] amount of DNA where the nucleus is thick
    centre_um: Floats  # [nuclei, 2]
    radius_um: Floats  # [nuclei]
    mitotic: NDArray[np.bool_]  # [nuclei]
    angle: Floats  # [cells] which way a cell lies
    along_um: Image  # [H, W] place across the direction of the nearest cell


def grow(rng: np.random.Generator, traits: Traits, *, size: int) -> Scene:
    """Grow cells in a field of ``size`` by ``size`` pixels; cells at its border are cut by it."""
    from scipy.spatial import cKDTree

    centre = _centres(rng, density=traits.density, side_um=size * UM_PER_PX)
    number = len(centre)
    angle = rng.uniform(0, np.pi, number)
    divides = rng.random(number) < traits.mitotic
    spread_um = traits.cell_um * np.exp(rng.normal(0, 0.15, number)) * np.where(divides, 0.75, 1)
    line = (np.arange(size) + 0.5) * UM_PER_PX
    plain = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    wobble = np.stack([smooth_noise(rng, size=size, sigma_um=5.0) for _ in range(2)], axis=-1)
    yx = plain + _WOBBLE_UM * wobble
    distance, nearest = cKDTree(centre).query(yx, k=2)
    cell, own = nearest[..., 0], distance[..., 0]
    rim_um = np.minimum((distance[..., 1] - own) / 2 - 0.5, spread_um[cell] - own)
    away = yx - centre[cell]
    across = away[..., 0] * np.cos(angle)[cell] - away[..., 1] * np.sin(angle)[cell]
    bodies = _nuclei(rng, traits, centre, angle, divides)
    nucleus, body, reach_um = _draw_nuclei(bodies, plain)
    inside = np.maximum(np.clip(rim_um / UM_PER_PX + 0.5, 0, 1), nucleus)
    return Scene(
        cell=cell,
        inside=inside.astype(np.float32),
        rim_um=np.maximum(rim_um, 0).astype(np.float32),
        reach_um=reach_um,
        nucleus=nucleus,
        body=body,
        level=bodies["level"],
        centre_um=bodies["centre"],
        radius_um=bodies["radius"],
        mitotic=bodies["mitotic"].astype(bool),
        angle=angle,
        along_um=across.astype(np.float32),
    )


def smooth_noise(rng: np.random.Generator, *, size: int, sigma_um: float) -> Image:
    """Return a Gaussian random field [size, size] of about zero mean and unit variance."""
    from scipy.ndimage import gaussian_filter

    sigma = sigma_um / UM_PER_PX
    white = rng.standard_normal((size, size), dtype=np.float32)
    if sigma < 0.3:  # noqa: PLR2004 - a filter narrower than a pixel does nothing
        return white
    # the gain that a Gaussian filter takes from white noise; the spread of the draw itself stays
    return np.asarray(gaussian_filter(white, sigma, mode="wrap", truncate=3) * (2 * np.sqrt(np.pi) * sigma), np.float32)


def _centres(rng: np.random.Generator, *, density: float, side_um: float) -> Floats:
    """Return centres of cells [n, 2] on a jittered lattice with gaps, two cells wider than the field."""
    pitch = PITCH_UM / np.sqrt(density)
    rows = np.arange(-2 * pitch, side_um + 2 * pitch, pitch * np.sqrt(0.75))
    columns = np.arange(-2 * pitch, side_um + 2 * pitch, pitch)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x = x + pitch / 2 * (np.arange(len(rows)) % 2)[:, None] + rng.uniform(0, pitch)
    lattice = np.stack([(y + rng.uniform(0, pitch)).ravel(), x.ravel()], axis=1) - pitch / 2
    lattice += rng.normal(0, 0.17 * pitch, lattice.shape)
    kept = rng.random(len(lattice)) >= _VACANT
    # a field without any cell has no nearest one
    return np.asarray(lattice if kept.sum() < 2 else lattice[kept])  # noqa: PLR2004 - nor has one a second nearest


def _nuclei(
    rng: np.random.Generator, traits: Traits, centre: Floats, angle: Floats, divides: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Return one or two nuclei of each cell: centre, radius, axes, angle, level of DNA, and whether they divide."""
    number = len(centre)
    two = (rng.random(number) < traits.binucleate) & ~divides
    radius = traits.nucleus_um * np.exp(rng.normal(0, 0.10, number)) * np.where(two, 0.84, 1)
    ratio = 1 + traits.elongation * rng.gamma(4, 0.25, number)
    ratio = np.where(divides, 3.0, ratio)
    level = np.exp(rng.normal(0, 0.15, number)) * np.where(divides, 1.8, 1)
    radius = radius * np.where(divides, 0.8, 1)
    turn = angle + rng.normal(0, 0.3, number)
    side = rng.uniform(0, 2 * np.pi, number)
    apart = (0.95 * radius * two)[:, None] * np.stack([np.sin(side), np.cos(side)], axis=1)
    middle = centre + rng.normal(0, 1.0, centre.shape)
    whose = np.concatenate([np.arange(number), np.flatnonzero(two)])
    return {
        "centre": np.concatenate([middle - apart, (middle + apart)[two]]),
        "radius": radius[whose],
        "long": (radius * np.sqrt(ratio))[whose],
        "short": (radius / np.sqrt(ratio))[whose],
        "angle": turn[whose],
        "level": level[whose],
        "mitotic": divides[whose].astype(float),
    }


def _draw_nuclei(bodies: dict[str, Floats], yx: Floats) -> tuple[Image, NDArray[np.intp], Image]:
    """Return the share of nucleus in each pixel, which it is, and how far its border is."""
    from scipy.spatial import cKDTree

    _, near = cKDTree(bodies["centre"]).query(yx, k=2)
    best = np.full(yx.shape[:2], np.inf)
    body = near[..., 0]
    for one in (near[..., 0], near[..., 1]):
        away = yx - bodies["centre"][one]
        cos, sin = np.cos(bodies["angle"])[one], np.sin(bodies["angle"])[one]
        along = (away[..., 0] * sin + away[..., 1] * cos) / bodies["long"][one]
        across = (away[..., 0] * cos - away[..., 1] * sin) / bodies["short"][one]
        outside = (np.hypot(along, across) - 1) * bodies["short"][one]
        body = np.where(outside < best, one, body)
        best = np.minimum(best, outside)
    share = np.clip(0.5 - best / UM_PER_PX, 0, 1)
    return share.astype(np.float32), body, np.maximum(best, 0).astype(np.float32)
