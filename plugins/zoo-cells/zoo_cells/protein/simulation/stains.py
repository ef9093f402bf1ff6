"""The four stains of a field: three that show the cell, and the protein where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.locations import LOCATIONS, NEGATIVE
from zoo_cells.protein.simulation import cytoplasmic, nuclear
from zoo_cells.protein.simulation.geometry import Scene
from zoo_cells.protein.simulation.noise import smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Floats = NDArray[np.float64]
    Painter = Callable[[np.random.Generator, Scene], Image]

UNSPECIFIC = 0.07
"""How much of the stain for the protein sticks anywhere in a cell."""
PAINTERS: dict[str, Painter] = {
    "Nucleoplasm": nuclear.nucleoplasm,
    "Nuclear membrane": nuclear.membrane,
    "Nucleoli": nuclear.nucleoli,
    "Nucleoli fibrillar center": nuclear.fibrillar_centre,
    "Nuclear speckles": nuclear.speckles,
    "Nuclear bodies": nuclear.bodies,
    "Endoplasmic reticulum": cytoplasmic.reticulum,
    "Golgi apparatus": cytoplasmic.golgi,
    "Intermediate filaments": cytoplasmic.intermediate,
    "Actin filaments": cytoplasmic.actin,
    "Microtubules": cytoplasmic.microtubules,
    "Mitotic spindle": cytoplasmic.spindle,
    "Centrosome": cytoplasmic.centrosome,
    "Plasma membrane": cytoplasmic.membrane,
    "Mitochondria": cytoplasmic.mitochondria,
    "Aggresome": cytoplasmic.aggresome,
    "Cytosol": cytoplasmic.cytosol,
    "Vesicles and punctate cytosolic patterns": cytoplasmic.vesicles,
}
SHARED = {LOCATIONS.index("Endoplasmic reticulum"): 3, LOCATIONS.index("Microtubules"): 0}
"""Location -> the stain that shows it in every cell: a protein that lies there follows it."""


def paint(rng: np.random.Generator, scene: Scene, labels: NDArray[np.int8], level: Floats) -> list[Image]:
    """Return the dyes of microtubules, protein, nucleus and reticulum, each [H, W].

    Parameters
    ----------
    rng
        What they are drawn from.
    scene
        Where cells are.
    labels
        [n, K] of 1 and 0: where the protein is in each cell.
    level
        [n] how much of it.
    """
    red, yellow = cytoplasmic.microtubules(rng, scene), cytoplasmic.reticulum(rng, scene)
    blue = _dna(rng, scene)
    dyes = [red, UNSPECIFIC * scene.inside, blue, yellow]
    for location in np.flatnonzero(labels.any(axis=0)):
        if location == NEGATIVE:
            continue
        shared = SHARED.get(int(location))
        dye = PAINTERS[LOCATIONS[location]](rng, scene) if shared is None else dyes[shared]
        much = level * labels[:, location] * np.exp(rng.normal(0, 0.2, len(level)))
        dyes[1] = dyes[1] + dye * much.astype(np.float32)[scene.cell]
    return dyes


def _dna(rng: np.random.Generator, scene: Scene) -> Image:
    """Return nuclei with chromatin, and plates of chromosomes where cells divide."""
    plate = np.clip(scene.depth + 0.5, 0, 1) * scene.inside * scene.mitotic[scene.cell]
    level = np.exp(rng.normal(0, 0.12, len(scene.centre))).astype(np.float32)[scene.cell]
    texture = 1 + 0.16 * smooth(rng, scene.size, 1.5)
    return np.asarray((0.65 * scene.nucleus * texture + 1.3 * plate) * level, np.float32)
