"""The CARS spectrum of a mixture: resonant lines on a non-resonant background, and the square of their sum.

The susceptibility of what is in focus is chi(w) = NR + sum_s c_s chi_s(w) with, for each substance, a sum of lines
A / (W - w - i G) (Evans and Xie, Annu Rev Anal Chem 2008;1:883, doi:10.1146/annurev.anchem.1.031207.112754; Mueller and
Zumbusch, ChemPhysChem 2007;8:2156, doi:10.1002/cphc.200700202). Light of intensity |chi|^2 is detected: a line on the
background is dispersive, a maximum followed by a dip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Line:
    """A vibration: where it lies, half of its width at half height, both in 1/cm, and how strong it is.

    ``strength`` is A / G, the height of the imaginary part on resonance, where the non-resonant background of water
    is 1.
    """

    position_cm: float
    half_width_cm: float
    strength: float


# Positions are rounded. Tables of bands: lipids Czamara et al. 2015, doi:10.1002/jrs.4607; proteins Rygula et al. 2013,
# doi:10.1002/jrs.4335; nucleic acids in the C-H region Lu et al. 2015, doi:10.1073/pnas.1515121112; the rest Movasaghi
# et al. 2007, doi:10.1080/05704920701551530. Widths hold the width of the lasers too. Strengths are ours, set by eye to
# the contrasts of CARS images. The drug is invented: one of its lines hides under protein, the other beside one of
# collagen, which every animal has, so that neither band says much alone.
LINES: dict[str, tuple[Line, ...]] = {
    "lipid": (
        *(Line(1300, 8, 0.35), Line(1440, 9, 0.60), Line(1655, 7, 0.40), Line(1745, 8, 0.12)),
        *(Line(2850, 8, 1.00), Line(2885, 13, 0.75), Line(2930, 14, 0.45)),
    ),
    "unsaturation": (Line(1265, 9, 0.20), Line(1655, 7, 0.30), Line(3010, 8, 0.25)),
    "protein": (
        *(Line(1003, 4, 0.25), Line(1250, 18, 0.20), Line(1450, 10, 0.45), Line(1660, 16, 0.50)),
        *(Line(2875, 14, 0.30), Line(2932, 16, 1.00), Line(2975, 12, 0.25), Line(3060, 10, 0.10)),
    ),
    "water": (Line(1640, 45, 0.08), Line(3230, 110, 0.40), Line(3430, 110, 0.50)),
    "nucleic acid": (
        *(Line(785, 6, 0.35), Line(1095, 9, 0.30), Line(1340, 10, 0.20), Line(1485, 8, 0.20), Line(1578, 7, 0.30)),
        *(Line(2895, 14, 0.20), Line(2967, 14, 0.80)),
    ),
    "collagen": (
        Line(855, 9, 0.30),
        Line(1250, 16, 0.40),
        Line(2885, 13, 0.30),
        Line(2940, 15, 0.90),
        Line(2983, 9, 0.70),
    ),
    "drug": (Line(1030, 6, 0.70), Line(1385, 6, 0.60), Line(2908, 7, 0.40), Line(2992, 7, 1.00)),
}


def susceptibility(
    lines: Sequence[Line], wavenumber_cm: NDArray[np.float64], *, shift_cm: float = 0.0, broadening: float = 1.0
) -> NDArray[np.complex128]:
    """Return the resonant susceptibility [C] of lines at wavenumbers [C], all shifted and broadened alike.

    Broadening keeps the area of the imaginary part, as a change of surroundings does.
    """
    position, half_width, strength = np.array([(n.position_cm, n.half_width_cm, n.strength) for n in lines]).T
    width = (half_width * broadening)[:, None]
    amplitude = (strength * half_width)[:, None]
    return np.asarray((amplitude / ((position + shift_cm)[:, None] - wavenumber_cm - 1j * width)).sum(axis=0))


def intensity(resonant: NDArray[np.complexfloating], background: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """Return |background + resonant|^2, where both may have any shapes that fit."""
    return np.asarray((background + resonant.real) ** 2 + resonant.imag**2)
