"""Where cells, their nuclei and what lies beside them are in a field: what all stains are drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.simulation.noise import smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]

DIVIDING, ARRESTED = 0.04, 0.45
"""Share of cells that divide: usually, and in a culture that was held at that point."""
_VACANT = 0.12
_FAR = 1e3
_USUAL_PX = 56.0
"""Diameter of a cell for which sizes of structures are given."""
_WOBBLE_PX = 3.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is where; places are rows and columns in pixels, lengths are in pixels."""

    unit: float  # of all sizes of structures: 1 for a cell of the usual diameter
    cell: NDArray[np.intp]  # [H, W] nearest cell
    inside: Image  # [H, W] share of the pixel that a cell covers
    rim: Image  # [H, W] how far inside a cell its border is
    nucleus: Image  # [H, W] share of the pixel that a nucleus covers; none where a cell divides
    depth: Image  # [H, W] how far inside a nucleus its border is, negative outside
    centre: Floats  # [n, 2] of nuclei
    axes: Floats  # [n, 2] half lengths of nuclei, along and across
    angle: Floats  # [n] which way a nucleus lies, or the plate of chromosomes of a cell that divides
    pole: Floats  # [n, 2] where microtubules begin, beside the nucleus
    mitotic: NDArray[np.bool_]  # [n] divides
    nucleoli: Floats  # [m, 2]
    down: Image  # [H, W] rows from the nucleus of the nearest cell
    right: Image  # [H, W] columns from it
    whole: NDArray[np.bool_]  # [n] at least half of the nucleus lies in the field

    @property
    def size(self) -> int:
        """Pixels along each side."""
        return len(self.cell)


@dataclass(frozen=True, slots=True)
class _Bodies:
    centre: Floats
    radius: Floats
    stretch: Floats
    angle: Floats
    mitotic: NDArray[np.bool_]


def grow(rng: np.random.Generator, *, size: int, diameter: float, arrested: bool) -> Scene:
    """Grow cells in a field of ``size`` by ``size`` pixels; its border cuts cells, and many divide where arrested."""
    unit = diameter / _USUAL_PX
    bodies = _draw(rng, size, unit, arrested=arrested)
    line = np.arange(size, dtype=np.float32) + 0.5
    wobble = [smooth(rng, size, 7 * unit) * (_WOBBLE_PX * unit) for _ in range(2)]
    warped = (line[:, None] + wobble[0], line[None, :] + wobble[1])
    best, second, cell = _territories(bodies, warped)
    shift = rng.normal(0, 1.5 * unit, bodies.centre.shape)
    centre = bodies.centre + np.where(bodies.mitotic[:, None], 0, shift)
    axes = _axes(rng, bodies, unit)
    calm = (line[:, None] + 0.4 * wobble[0], line[None, :] + 0.4 * wobble[1])
    turn = bodies.angle + rng.normal(0, 0.3, len(centre))
    depth, down, right = _nuclei(cell, calm, centre, axes, turn)
    covered = np.clip(depth + 0.5, 0, 1)
    rim = np.minimum(-best, (second - best) / 2 - 0.6 * unit)
    covered_by_cell = np.maximum(np.clip(rim + 0.5, 0, 1), covered * (best < _FAR / 2))
    side = rng.uniform(0, 2 * np.pi, len(centre))
    away = np.stack([np.sin(side), np.cos(side)], axis=1) * (axes.mean(axis=1) + 2.2 * unit)[:, None]
    seen = np.bincount(cell.ravel(), covered.ravel(), len(centre))
    nucleus = covered * ~bodies.mitotic[cell]
    return Scene(
        unit=unit,
        cell=cell,
        inside=covered_by_cell.astype(np.float32),
        rim=np.maximum(rim, 0).astype(np.float32),
        nucleus=nucleus.astype(np.float32),
        depth=depth,
        centre=centre,
        axes=axes,
        angle=turn,
        pole=centre + away,
        mitotic=bodies.mitotic,
        nucleoli=_nucleoli(rng, centre, axes, bodies),
        down=down,
        right=right,
        whole=seen >= 0.5 * np.pi * axes.prod(axis=1),
    )


def _draw(rng: np.random.Generator, size: int, unit: float, *, arrested: bool) -> _Bodies:
    """Draw cells on a jittered lattice with gaps, one pitch wider than the field."""
    pitch = 1.05 * _USUAL_PX * unit
    rows = np.arange(-pitch, size + 1.5 * pitch, pitch * np.sqrt(0.75))
    columns = np.arange(-pitch, size + 1.5 * pitch, pitch)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x = x + pitch / 2 * (np.arange(len(rows)) % 2)[:, None]
    lattice = np.stack([y.ravel(), x.ravel()], axis=1) - rng.uniform(0, pitch, 2)
    lattice += rng.normal(0, 0.13 * pitch, lattice.shape)
    # the cell in the middle is always there, and divides where it should be seen
    lattice = lattice[np.argsort(((lattice - size / 2) ** 2).sum(axis=1))]
    first = np.arange(len(lattice)) == 0
    centre = lattice[first | (rng.random(len(lattice)) >= _VACANT)]
    divides = rng.random(len(centre)) < (ARRESTED if arrested else DIVIDING)
    divides[0] |= arrested
    spread = 0.52 * pitch * np.exp(rng.normal(0, 0.1, len(centre)))
    return _Bodies(
        centre=centre,
        radius=np.where(divides, 0.8 * spread, spread),
        stretch=np.where(divides, 1.0, 1 + rng.gamma(3, 0.07, len(centre))),
        angle=rng.uniform(0, np.pi, len(centre)),
        mitotic=divides,
    )


def _territories(bodies: _Bodies, at: tuple[Image, Image]) -> tuple[Image, Image, NDArray[np.intp]]:
    """Return how far each pixel lies outside the nearest cell and the second, and which is the nearest."""
    size = len(at[0])
    best, second = (np.full((size, size), _FAR, np.float32) for _ in range(2))
    cell = np.zeros((size, size), np.intp)
    for number, (y, x) in enumerate(bodies.centre):
        radius, stretch = bodies.radius[number], bodies.stretch[number]
        reach = 1.5 * radius * stretch
        part = np.s_[_span(y, reach, size), _span(x, reach, size)]
        along, across = _turned(at[0][part] - y, at[1][part] - x, bodies.angle[number])
        outside = np.hypot(along / stretch, across * stretch) - radius
        nearer = outside < best[part]
        second[part] = np.where(nearer, best[part], np.minimum(second[part], outside))
        cell[part] = np.where(nearer, number, cell[part])
        best[part] = np.where(nearer, outside, best[part])
    return best, second, cell


def _span(middle: float, reach: float, size: int) -> slice:
    return slice(int(np.clip(middle - reach, 0, size)), int(np.clip(middle + reach + 1, 0, size)))


def _turned(down: Image, right: Image, angle: float | Image) -> tuple[Image, Image]:
    sin, cos = np.sin(angle, dtype=np.float32), np.cos(angle, dtype=np.float32)
    return down * sin + right * cos, down * cos - right * sin


def _axes(rng: np.random.Generator, bodies: _Bodies, unit: float) -> Floats:
    """Return half lengths of nuclei, and of the plate of chromosomes where a cell divides."""
    number = len(bodies.centre)
    radius = 11.0 * unit * np.exp(rng.normal(0, 0.09, number))
    ratio = np.sqrt(1 + rng.gamma(3, 0.08, number))
    usual = np.stack([radius * ratio, radius / ratio], axis=1)
    return np.where(bodies.mitotic[:, None], np.array([9.0, 3.0]) * unit, usual)


def _nuclei(
    cell: NDArray[np.intp], at: tuple[Image, Image], centre: Floats, axes: Floats, angle: Floats
) -> tuple[Image, Image, Image]:
    """Return how deep each pixel lies in the nucleus of its cell, and its place from there."""
    middle, half = centre.astype(np.float32), axes.astype(np.float32)
    down, right = at[0] - middle[cell, 0], at[1] - middle[cell, 1]
    along, across = _turned(down, right, angle.astype(np.float32)[cell])
    outside = np.hypot(along / half[cell, 0], across / half[cell, 1]) - 1
    return np.asarray(-outside * half[cell].min(axis=-1), np.float32), down, right


def _nucleoli(rng: np.random.Generator, centre: Floats, axes: Floats, bodies: _Bodies) -> Floats:
    """Return places of two to four nucleoli of each nucleus."""
    count = rng.integers(2, 5, len(centre)) * ~bodies.mitotic
    whose = np.repeat(np.arange(len(centre)), count)
    # each in a sector of its own, so that they lie apart
    place = np.arange(len(whose)) - np.repeat(np.cumsum(count) - count, count)
    turn = rng.uniform(0, 2 * np.pi, len(centre))[whose] + 2 * np.pi * (place + rng.uniform(-0.25, 0.25)) / count[whose]
    far = axes[whose].min(axis=1) * rng.uniform(0.35, 0.6, len(whose))
    return np.asarray(centre[whose] + far[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1))


def within(rng: np.random.Generator, centre: Floats, axes: Floats, whose: NDArray[np.intp], share: float) -> Floats:
    """Return a place in the inner share of the nucleus of each cell that is named [m, 2]."""
    turn, far = rng.uniform(0, 2 * np.pi, len(whose)), share * np.sqrt(rng.random(len(whose)))
    reach = axes[whose].min(axis=1) * far
    return np.asarray(centre[whose] + reach[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1))
