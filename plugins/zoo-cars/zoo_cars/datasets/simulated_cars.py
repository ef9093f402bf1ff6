"""``simulated-cars``: hyperspectral CARS of liver with a drug in some of its cells; simulated data, not a sample."""

from __future__ import annotations

from functools import partial

import numpy as np

from zoo.contracts import Provenance
from zoo_cars.field import Field
from zoo_cars.field_files import open_field
from zoo_cars.fields import FieldDataset, Tiles
from zoo_cars.simulation import DOSES, SimulatedField
from zoo_cars.simulation.spectra import LINES

PROVENANCE: Provenance = {
    "name": "simulated-cars",
    "kind": "simulated",
    "licence": "apache-2.0",
    "source": "the simulator in the package zoo-cars",
    "modality": "hyperspectral-cars",
    "tissue": "simulated liver",
    "species": "simulated mouse",
}


def simulated_cars(
    *,
    animals: int = 24,
    fields: int = 4,
    size: int = 96,
    bands: int = 32,
    window_cm: tuple[float, float] = (2800.0, 3050.0),
    um_per_px: float = 1.5,
    photons: float = 300.0,
    tiles: Tiles = Tiles(size=16),
    doses: list[str] | None = None,
    standardise: bool = True,
    relative: bool = False,
    seed: int = 0,
) -> FieldDataset:
    """Simulate fields with known truth, of any size, in seconds, without a network.

    Intensities are those of coherent anti-Stokes Raman scattering, the square of resonant lines and a real background,
    with shot noise. Every animal gets one dose, and has lipids, background, illumination and gain of its own, which
    change the mean spectrum of a field more than the drug does; the drug is in a few cells only.

    Parameters
    ----------
    animals, fields
        How many animals (``M01``, ``M02`` ...; doses go round), and fields of each.
    size
        Pixels along each side of a field.
    bands, window_cm
        How many, spread evenly from the first to the last wavenumber in 1/cm.
    um_per_px
        Side of a pixel.
    photons
        Mean number that a band gives in a pixel of water: more photons, less noise.
    tiles
        How a field is cut into instances.
    doses
        Which, in rising order; all four where not given.
    standardise
        Deliver every band with the mean and spread of the training fields; transforms of physics want it off.
    relative
        Divide every band of a field by its mean over that field first: what an animal and its day do to all pixels
        alike cancels, and fewer animals are enough to learn from.
    seed
        Of the study; another seed has other animals.

    Raises
    ------
    ValueError
        There would be no field, or a dose is unknown.
    """
    chosen = doses or list(DOSES)
    for name, value, least in (("animals", animals, 1), ("fields", fields, 1), ("bands", bands, 4), ("size", size, 16)):
        if value < least:
            raise ValueError(f"{name} is a number of at least {least}, not {value}")
    unknown = [dose for dose in chosen if dose not in DOSES]
    if unknown:
        raise ValueError(f"doses are of {', '.join(DOSES)}, not {', '.join(unknown)}")
    axis = np.linspace(*window_cm, bands)
    make = partial(SimulatedField, seed=seed, size=size, um_per_px=um_per_px, wavenumber_cm=axis, photons=photons)
    dataset = FieldDataset(
        lambda: [
            _field(make(animal=animal, number=number, dose=chosen[(animal - 1) % len(chosen)]))
            for animal in range(1, animals + 1)
            for number in range(1, fields + 1)
        ],
        lambda inputs: [open_field(inputs["input"], axis=None, note=dataset.notes.append)],
        tiles=tiles,
        classes=chosen,
        standardise=standardise,
        relative=relative,
        provenance=PROVENANCE,
        bands={"drug": [line.position_cm for line in LINES["drug"]]},
    )
    return dataset


def _field(made: SimulatedField) -> Field:
    animal = f"M{made.animal:02}"
    return Field(
        name=f"{animal}-{made.number}",
        animal=animal,
        slide=animal,
        label=made.dose,
        open_stack=made.stack,
        wavenumber_cm=made.wavenumber_cm,
        um_per_px=made.um_per_px,
        truth=made.scene().drugged,
    )
