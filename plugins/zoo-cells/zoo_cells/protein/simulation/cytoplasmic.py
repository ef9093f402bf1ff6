"""How a protein looks in each place outside the nucleus: amounts of dye in the pixels, before any optics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.simulation.geometry import Scene
from zoo_cells.protein.simulation.noise import dots, ridges, smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]

_SPINDLE = (11.5, 6.5)
"""Half length and half width of a spindle."""


def reticulum(rng: np.random.Generator, scene: Scene) -> Image:
    """Return the endoplasmic reticulum: a net that is dense about the nucleus and thins out."""
    net = np.exp(0.5 * smooth(rng, scene.size, 1.4 * scene.unit) - 0.15)
    return np.asarray(_cytoplasm(scene) * (0.12 + 0.9 * _near(scene, 7)) * net, np.float32)


def golgi(rng: np.random.Generator, scene: Scene) -> Image:
    """Return a ribbon of stacks that bends about one side of the nucleus."""
    number = len(scene.centre)
    whose = np.repeat(np.arange(number), rng.integers(10, 19, number))
    towards = scene.pole - scene.centre
    turn = np.arctan2(towards[:, 0], towards[:, 1])[whose] + rng.normal(0, 0.42, len(whose))
    far = np.hypot(*towards.T)[whose] + rng.normal(0.8, 1.5, len(whose)) * scene.unit
    places = scene.centre[whose] + far[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    stacks = dots(places, scene.size, 1.1 * scene.unit, rng.uniform(0.4, 0.9, len(whose)))
    return np.asarray(scene.inside * (1 - 0.7 * scene.nucleus) * np.minimum(stacks, 1.5), np.float32)


def intermediate(rng: np.random.Generator, scene: Scene) -> Image:
    """Return a wavy mesh that is dense on one side of the nucleus."""
    mesh = sum(ridges(smooth(rng, scene.size, width * scene.unit), 0.9 * scene.unit) for width in (2.8, 4.5))
    y, x = (scene.pole - scene.centre)[scene.cell].transpose(2, 0, 1)
    towards = (scene.down * y + scene.right * x) / (np.hypot(y, x) * (np.hypot(scene.down, scene.right) + 1e-3))
    about = _near(scene, 11) * (0.6 + 0.4 * towards)
    return np.asarray(_cytoplasm(scene) * about * (0.2 + 0.8 * mesh), np.float32)


def actin(rng: np.random.Generator, scene: Scene) -> Image:
    """Return stress fibres along the cell, and a cortex at its border."""
    angle = scene.angle.astype(np.float32)[scene.cell]
    across = scene.down * np.cos(angle) - scene.right * np.sin(angle)
    bent = across / scene.unit + 1.0 * smooth(rng, scene.size, 9 * scene.unit)
    phase = rng.uniform(0, 2 * np.pi, len(scene.angle)).astype(np.float32)[scene.cell]
    fibres = np.maximum(np.sin(2 * np.pi / 4.6 * bent + phase), 0) ** 2
    kept = np.clip(0.6 + 0.5 * smooth(rng, scene.size, 5 * scene.unit), 0, 1) * ~scene.mitotic[scene.cell]
    cortex = np.exp(-scene.rim / (1.3 * scene.unit))
    return np.asarray(scene.inside * (0.08 + 0.75 * fibres * kept + 0.55 * cortex), np.float32)


def microtubules(rng: np.random.Generator, scene: Scene) -> Image:
    """Return fine winding fibres that run out from beside the nucleus; a spindle where a cell divides."""
    y, x = scene.pole.astype(np.float32)[scene.cell].transpose(2, 0, 1)
    middle = scene.centre.astype(np.float32)[scene.cell]
    down, right = scene.down + middle[..., 0] - y, scene.right + middle[..., 1] - x
    far = np.hypot(down, right)
    turn = np.arctan2(down, right) + 0.3 * smooth(rng, scene.size, 5 * scene.unit)
    rays = np.maximum(np.sin(15 * turn + 2 * smooth(rng, scene.size, 3 * scene.unit)), 0) ** 2
    dense = np.exp(-far / (16 * scene.unit))
    level = (0.15 + 0.75 * rays + 0.7 * dense) * (1 - 0.55 * scene.nucleus) * np.exp(-far / (45 * scene.unit))
    divides = scene.mitotic[scene.cell]
    return np.asarray(scene.inside * np.where(divides, 0.12 + spindle(rng, scene), level), np.float32)


def spindle(_: np.random.Generator, scene: Scene) -> Image:
    """Return two fans of fibres that meet at the plate of chromosomes; nothing where no cell divides."""
    lit = np.zeros_like(scene.rim)
    here = scene.mitotic[scene.cell] & (scene.inside > 0)
    angle = scene.angle[scene.cell[here]]
    down, right = scene.down[here], scene.right[here]
    # its axis stands upright on the plate
    along = (down * np.cos(angle) - right * np.sin(angle)) / (_SPINDLE[0] * scene.unit)
    across = (down * np.sin(angle) + right * np.cos(angle)) / (_SPINDLE[1] * scene.unit)
    fan = across / np.maximum(1 - np.abs(along), 0.02) ** 0.6
    fibres = 0.55 + 0.45 * np.cos(9 * fan)
    within = 1 / (1 + np.exp(np.minimum(9 * (np.hypot(fan, along**3) - 1), 50)))
    poles = np.exp(-(((np.abs(along) - 0.92) / 0.22) ** 2) - (across / 0.35) ** 2)
    lit[here] = within * fibres + poles
    return lit


def centrosome(rng: np.random.Generator, scene: Scene) -> Image:
    """Return one or two dots close by the nucleus."""
    number = len(scene.centre)
    whose = np.repeat(np.arange(number), rng.integers(1, 3, number))
    places = scene.pole[whose] + rng.normal(0, 1.2 * scene.unit, (len(whose), 2))
    return np.asarray(
        scene.inside * (0.05 + np.minimum(dots(places, scene.size, 1.0 * scene.unit, 1.3), 1.6)), np.float32
    )


def membrane(rng: np.random.Generator, scene: Scene) -> Image:
    """Return the rim of the cell, uneven, and a faint rest where its upper side is seen."""
    uneven = np.clip(1 + 0.35 * smooth(rng, scene.size, 4 * scene.unit), 0.2, 2)
    rim = np.exp(-((scene.rim / (1.7 * scene.unit)) ** 2))
    return np.asarray(scene.inside * (0.12 + 0.95 * rim * uneven), np.float32)


def mitochondria(rng: np.random.Generator, scene: Scene) -> Image:
    """Return winding threads of the cytoplasm, cut here and there, fewer far from the nucleus."""
    threads = ridges(smooth(rng, scene.size, 2.3 * scene.unit), 0.95 * scene.unit)
    cut = 1 / (1 + np.exp(-5 * (smooth(rng, scene.size, 2.0 * scene.unit) + 0.4)))
    return np.asarray(_cytoplasm(scene) * (0.06 + 1.1 * threads * cut * _near(scene, 15)), np.float32)


def aggresome(rng: np.random.Generator, scene: Scene) -> Image:
    """Return one large blob close by the nucleus."""
    places = scene.pole + (scene.pole - scene.centre) * 0.12
    blob = dots(places, scene.size, 3.0 * scene.unit, rng.uniform(1.3, 1.9, len(places)))
    return np.asarray(scene.inside * (1 - 0.6 * scene.nucleus) * (0.08 + np.clip(1.2 * blob - 0.2, 0, 1.0)), np.float32)


def cytosol(rng: np.random.Generator, scene: Scene) -> Image:
    """Return all but the nucleus, evenly, thinner towards the border; all of a cell that divides."""
    even = 1 + 0.08 * smooth(rng, scene.size, 2.0)
    return np.asarray(_cytoplasm(scene) * (0.25 + 0.45 * _near(scene, 18)) * even, np.float32)


def vesicles(rng: np.random.Generator, scene: Scene) -> Image:
    """Return thirty to sixty dots of the cytoplasm, of uneven brightness."""
    number = len(scene.centre)
    whose = np.repeat(np.arange(number), rng.integers(30, 60, number))
    turn = rng.uniform(0, 2 * np.pi, len(whose))
    far = scene.axes[whose].mean(axis=1) + rng.uniform(0, 17, len(whose)) * scene.unit
    places = scene.centre[whose] + far[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    seen = dots(places, scene.size, 0.85 * scene.unit, rng.gamma(3, 0.25, len(whose)))
    return np.asarray(_cytoplasm(scene) * (0.05 + np.minimum(seen, 1.6)), np.float32)


def _cytoplasm(scene: Scene) -> Image:
    return np.asarray(scene.inside * (1 - 0.92 * scene.nucleus), np.float32)


def _near(scene: Scene, reach_px: float) -> Image:
    """Return 1 at the nucleus, less and less away from it; evenly less where a cell divides."""
    near = np.exp(np.minimum(scene.depth, 0) / np.float32(reach_px * scene.unit))
    return np.asarray(np.where(scene.mitotic[scene.cell], 0.4, near), np.float32)
