"""One simulated field: its antibody, which of its cells have the protein where, its pixels and its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.protein.cell_field import CellTruth
from zoo_cells.protein.locations import LOCATIONS, NEGATIVE
from zoo_cells.protein.simulation.camera import draw_batch, expose
from zoo_cells.protein.simulation.geometry import Scene, grow
from zoo_cells.protein.simulation.stains import paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

# streams of random numbers; that of antibodies is 0
_BATCH, _SCENE, _CELLS, _STAIN, _CAMERA = range(1, 6)

SPINDLE, CYTOSOL = LOCATIONS.index("Mitotic spindle"), LOCATIONS.index("Cytosol")
NUCLEAR = tuple(range(LOCATIONS.index("Nuclear bodies") + 1))
STRAY = (LOCATIONS.index("Nucleoplasm"), CYTOSOL)
ELSEWHERE = 0.15
"""Share of the cells without any label of their field that have the protein in another place."""
UNEVEN = 0.4
"""Standard deviation of the logarithm of how much of the protein a cell has."""


@dataclass(frozen=True, slots=True)
class SimulatedCells:
    """A field whose antibody is fixed; drawn anew, to the same values, each time it is asked for."""

    seed: int
    antibody: int
    batch: int
    number: int
    labels: tuple[int, ...]
    size: int
    diameter: float
    deviate: float

    def scene(self) -> Scene:
        """Return what is where."""
        return grow(self._rng(_SCENE), size=self.size, diameter=self.diameter, arrested=SPINDLE in self.labels)

    def cell_labels(self, scene: Scene) -> NDArray[np.int8]:
        """Return where the protein is in each cell [n, K]: never nowhere, since ``Negative`` is a location too.

        A cell lacks each label of its field with the probability ``deviate``, but one at least of those that are whole
        has it. A nucleus that dissolves gives what was in it to the cytosol.
        """
        rng, number = self._rng(_CELLS), len(scene.centre)
        found = np.zeros((number, len(LOCATIONS)), np.int8)
        for label in self.labels:
            able = scene.mitotic if label == SPINDLE else ~scene.mitotic | (label not in NUCLEAR)
            has = able & (rng.random(number) >= self.deviate)
            shown = np.flatnonzero(able & scene.whole)
            if len(shown) and not has[shown].any():
                has[rng.choice(shown)] = True
            found[has, label] = 1
        if NEGATIVE not in self.labels:
            lost = scene.mitotic & (rng.random(number) >= self.deviate) & any(one in NUCLEAR for one in self.labels)
            found[lost, CYTOSOL] = 1
            stray = (found.sum(axis=1) == 0) & (rng.random(number) < ELSEWHERE)
            found[stray, rng.choice(STRAY, int(stray.sum()))] = 1
            found[scene.mitotic, STRAY[0]] = 0
        found[:, NEGATIVE] = 0
        found[found.sum(axis=1) == 0, NEGATIVE] = 1
        return found

    def image(self) -> NDArray[np.uint8]:
        """Return the pixels [4, H, W]."""
        scene = self.scene()
        level = np.exp(self._rng(_CELLS, 1).normal(0, UNEVEN, len(scene.centre)))
        dyes = paint(self._rng(_STAIN), scene, self.cell_labels(scene), level)
        batch = draw_batch(np.random.default_rng((self.seed, _BATCH, self.batch)))
        return expose(self._rng(_CAMERA), dyes, batch)

    def truth(self) -> CellTruth:
        """Return each cell of which at least half of the nucleus lies in the field."""
        scene = self.scene()
        kept = np.flatnonzero(scene.whole)
        new = np.zeros(len(scene.whole), np.int32)
        new[kept] = np.arange(1, len(kept) + 1)
        mask = np.where(scene.inside > 0.5, new[scene.cell], 0)  # noqa: PLR2004 - most of the pixel
        return CellTruth(mask.astype(np.int32), self.cell_labels(scene)[kept])

    def _rng(self, stream: int, *more: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, stream, self.antibody, self.number, *more))
