"""One simulated field: the seed of a study, the animal, the field, and the dose that the animal was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cars.simulation.liver import DOSES, Scene, lay_out
from zoo_cars.simulation.microscope import draw_session, expose

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ANIMAL, _SCENE, _EXPOSURE = range(3)


@dataclass(frozen=True, slots=True)
class SimulatedField:
    """A field whose dose, animal and number are fixed; drawn anew, to the same values, each time it is asked."""

    seed: int
    animal: int
    number: int
    dose: str
    size: int
    um_per_px: float
    wavenumber_cm: NDArray[np.float64]  # [C]
    photons: float

    def scene(self) -> Scene:
        """Return what is where."""
        rng = np.random.default_rng((self.seed, _SCENE, self.animal, self.number))
        animal = draw_session(np.random.default_rng((self.seed, _ANIMAL, self.animal)))
        return lay_out(
            rng, size=self.size, um_per_px=self.um_per_px, dose=DOSES[self.dose], fat=animal.fat, scars=animal.scars
        )

    def stack(self) -> NDArray[np.float32]:
        """Return the counts [C, H, W]."""
        rng = np.random.default_rng((self.seed, _EXPOSURE, self.animal, self.number))
        session = draw_session(np.random.default_rng((self.seed, _ANIMAL, self.animal)))
        shift = DOSES[self.dose].shift_cm
        return expose(rng, self.scene(), session, self.wavenumber_cm, shift_cm=shift, photons=self.photons)
