"""One simulated field: the seed of a study, the plate, the well, the site, and what its cells were given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.simulation.camera import draw_plate, expose, place_of
from zoo_cells.simulation.cells import Scene, grow
from zoo_cells.simulation.effects import CHANNELS, traits
from zoo_cells.simulation.layout import Well
from zoo_cells.simulation.stains import STAINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# streams of random numbers; that of layouts is 0
_PLATE, _WELL, _SCENE, _STAIN, _CAMERA = range(1, 6)

UNEVEN = 0.25
"""Standard deviation of the logarithm of how much of a stain a cell takes up."""
STAINED, GROWN = 0.12, 0.2
"""The same between wells, and of the density of cells between wells."""


@dataclass(frozen=True, slots=True)
class SimulatedField:
    """A field whose place and treatment are fixed; drawn anew, to the same values, each time it is asked.

    Nothing of it is drawn from another field: what fields of a well or plate share is drawn from a seed of that well
    or plate.
    """

    seed: int
    plate: int
    well: Well
    site: int
    size: int
    channels: tuple[str, ...]
    effect: float

    def scene(self) -> Scene:
        """Return what is where."""
        plate = draw_plate(self._rng(_PLATE))
        well = self._rng(_WELL, self.well.row, self.well.column)
        density = plate.density * place_of(plate, self.well)[1] * float(np.exp(well.normal(0, GROWN)))
        looks = traits(self.well.treatment, self.effect)
        return grow(self._of_site(_SCENE), replace(looks, density=looks.density * density), size=self.size)

    def image(self) -> NDArray[np.uint16]:
        """Return the counts [C, H, W]."""
        plate = draw_plate(self._rng(_PLATE))
        scene, looks = self.scene(), traits(self.well.treatment, self.effect)
        well = self._rng(_WELL, self.well.row, self.well.column)
        # the first number is the density of the well, which the scene takes
        stained = np.exp(STAINED * well.standard_normal(1 + len(CHANNELS))[1:])
        camera = self._of_site(_CAMERA)
        focus_px = float(abs(camera.normal(0, 0.45)))
        brightness = place_of(plate, self.well)[0]
        found = []
        for channel in self.channels:
            number = CHANNELS.index(channel)
            painter = self._of_site(_STAIN, number)
            uneven = np.exp(painter.normal(0, UNEVEN, len(scene.angle))).astype(np.float32)
            dye = STAINS[channel](painter, scene, looks) * uneven[scene.cell]
            gain = brightness * stained[number]
            found.append(
                expose(self._of_site(_CAMERA, number), dye, plate, channel=channel, gain=gain, focus_px=focus_px)
            )
        return np.stack(found)

    def _rng(self, stream: int, *place: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, stream, self.plate, *place))

    def _of_site(self, stream: int, *more: int) -> np.random.Generator:
        return self._rng(stream, self.well.row, self.well.column, self.site, *more)
