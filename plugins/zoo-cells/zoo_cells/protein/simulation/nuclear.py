"""How a protein looks in each place of a nucleus: amounts of dye in the pixels, before any optics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.simulation.geometry import Scene, within
from zoo_cells.protein.simulation.noise import dots, smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]


def nucleoplasm(rng: np.random.Generator, scene: Scene) -> Image:
    """Return the nucleus without its nucleoli, finely mottled."""
    mottled = 0.7 * (1 + 0.15 * smooth(rng, scene.size, 1.3))
    return np.asarray(scene.nucleus * mottled * (1 - 0.75 * _bodies(scene)), np.float32)


def membrane(_: np.random.Generator, scene: Scene) -> Image:
    """Return a thin ring at the border of the nucleus, and a little of what lies in it."""
    alive = ~scene.mitotic[scene.cell]
    ring = np.exp(-(((scene.depth - 0.2) / (1.1 * scene.unit)) ** 2))
    return np.asarray(alive * scene.inside * (ring + 0.12 * scene.nucleus), np.float32)


def nucleoli(_: np.random.Generator, scene: Scene) -> Image:
    """Return two to four round bodies in the nucleus, and a faint rest of it."""
    return np.asarray(scene.nucleus * (0.12 + 1.0 * _bodies(scene)), np.float32)


def fibrillar_centre(rng: np.random.Generator, scene: Scene) -> Image:
    """Return small dots within each nucleolus."""
    places = np.repeat(scene.nucleoli, rng.integers(2, 5, len(scene.nucleoli)), axis=0)
    places = places + rng.normal(0, 1.3 * scene.unit, places.shape)
    small = dots(places, scene.size, 0.65 * scene.unit, rng.uniform(0.7, 1.3, len(places)))
    return np.asarray(scene.nucleus * (0.06 + np.minimum(small, 1.5)), np.float32)


def speckles(rng: np.random.Generator, scene: Scene) -> Image:
    """Return ten to twenty grains of uneven size in the nucleus, beside its nucleoli."""
    places = within(rng, scene.centre, scene.axes, _some(rng, scene, 10, 20), 0.85)
    fine = dots(places, scene.size, 0.9 * scene.unit, rng.uniform(0.35, 0.8, len(places)))
    return np.asarray(scene.nucleus * (0.15 + np.minimum(fine, 1.2)) * (1 - 0.8 * _bodies(scene)), np.float32)


def bodies(rng: np.random.Generator, scene: Scene) -> Image:
    """Return two to six bright round dots in the nucleus."""
    places = within(rng, scene.centre, scene.axes, _some(rng, scene, 2, 6), 0.8)
    bright = dots(places, scene.size, 1.0 * scene.unit, rng.uniform(0.8, 1.4, len(places)))
    return np.asarray(scene.nucleus * (0.08 + np.minimum(bright, 1.6)), np.float32)


def _bodies(scene: Scene) -> Image:
    """Return nucleoli: 1 within them, 0 far off."""
    soft = dots(scene.nucleoli, scene.size, 2.0 * scene.unit)
    return np.asarray(np.clip(1.8 * soft - 0.35, 0, 1), np.float32)


def _some(rng: np.random.Generator, scene: Scene, least: int, most: int) -> NDArray[np.intp]:
    number = len(scene.centre)
    return np.repeat(np.arange(number), rng.integers(least, most + 1, number))
