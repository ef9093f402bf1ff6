"""From amounts to counts: spectra of the mixture, laser power, uneven illumination, shot noise and read noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_cars.simulation.spectra import LINES, intensity, susceptibility

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cars.simulation.liver import Scene

    Axis = NDArray[np.float64]

READ_NOISE = 2.0
"""Standard deviation of the detector, in photons."""
FLICKER = 0.03
"""Standard deviation of the laser's power from band to band: the bands of a field are taken one after the other."""
AXIS_JITTER_CM = 0.15
"""Standard deviation of where a band is taken."""
MODES = 5
"""Cosines that the laser's power over the bands is made of."""


@dataclass(frozen=True, slots=True)
class Session:
    """What one animal, and the day it was imaged on, does to every spectrum."""

    fat: float  # number of lipid droplets
    scars: float  # how much collagen
    lipid: float  # factor on the lipid of membranes and droplets
    unsaturation: float  # of that lipid
    protein: float
    nucleic_acid: float
    background: float  # non-resonant susceptibility
    broadening: float  # of all lines
    offset_cm: float  # of the true axis from the recorded one
    gain: float
    power: NDArray[np.float64]  # [MODES] logarithm of the laser's power over the bands


def draw_session(rng: np.random.Generator) -> Session:
    """Draw one animal and its day."""
    factor = np.exp(rng.normal(0, [0.15, 0.15, 0.12, 0.15, 0.06, 0.06, 0.05, 0.04, 0.15]))
    fat, scars, lipid, unsaturation, protein, nucleic_acid, background, broadening, gain = factor.tolist()
    return Session(
        fat=fat,
        scars=scars,
        lipid=lipid,
        unsaturation=unsaturation,
        protein=protein,
        nucleic_acid=nucleic_acid,
        background=background,
        broadening=broadening,
        offset_cm=float(rng.normal(0, 0.5)),
        gain=gain,
        power=rng.normal(0, 0.03, MODES),
    )


def expose(
    rng: np.random.Generator, scene: Scene, session: Session, wavenumber_cm: Axis, *, shift_cm: float, photons: float
) -> NDArray[np.float32]:
    """Return counts [C, H, W] of a field.

    ``photons`` is about the mean of the counts in a well-lit pixel of water.
    """
    axis = wavenumber_cm + session.offset_cm + rng.normal(0, AXIS_JITTER_CM, len(wavenumber_cm))
    light = intensity(_resonant(scene, session, axis, shift_cm=shift_cm), session.background)
    shape = next(iter(scene.amounts.values())).shape
    power = _power(session, len(axis)) * session.gain * photons * np.exp(rng.normal(0, FLICKER, len(axis)))
    expected = light * power[:, None] * _illumination(rng, shape).ravel()
    counts = rng.poisson(expected) + rng.normal(0, READ_NOISE, expected.shape)
    return np.maximum(counts, 0).reshape(len(axis), *shape).astype(np.float32)


def _resonant(scene: Scene, session: Session, axis: Axis, *, shift_cm: float) -> NDArray[np.complex64]:
    """Return the resonant susceptibility of every pixel [C, H * W]."""
    factors = {"lipid": session.lipid, "protein": session.protein, "nucleic acid": session.nucleic_acid}
    total = np.zeros((len(axis), next(iter(scene.amounts.values())).size), dtype=np.complex64)
    for name, amount in scene.amounts.items():
        moved = shift_cm if name == "drug" else 0.0
        spectrum = susceptibility(LINES[name], axis, shift_cm=moved, broadening=session.broadening)
        if name == "lipid":
            spectrum += session.unsaturation * susceptibility(
                LINES["unsaturation"], axis, broadening=session.broadening
            )
        spectrum *= factors.get(name, 1.0)
        total += np.outer(spectrum.astype(np.complex64), amount.ravel())
    return total


def _power(session: Session, bands: int) -> NDArray[np.float64]:
    """Return the power over the bands, 1 on average: it sags to the sides, and has waves of its own each day."""
    place = np.linspace(-1, 1, bands)
    modes = np.cos(np.pi / 2 * np.arange(1, MODES + 1)[:, None] * (place + 1))
    shape = np.exp(-0.25 * place**2 + session.power @ modes)
    return np.asarray(shape / shape.mean())


def _illumination(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the illumination of the pixels [H, W]: 1 in its centre, which is near that of the field, and less away."""
    y, x = (np.linspace(-1, 1, side) for side in shape)
    down, right = rng.normal(0, 0.25, 2)
    return np.asarray(np.exp(-rng.uniform(0.1, 0.35) * ((y[:, None] - down) ** 2 + (x - right) ** 2)))
