"""What cells look like, and what each treatment of the simulation does to them: the truth that a model may find.

The treatments are invented. Their names say what kind of drug changes cells in that direction; two with the same first
word share most of what they do, and are hard to tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

CONTROL = "DMSO"
"""The untreated cells, which have many wells."""
CHANNELS = ("DNA", "RNA", "ER", "AGP", "Mito")
"""The stains of Cell Painting (Bray et al. 2016, doi:10.1038/nprot.2016.105), as the simulation draws them."""
_MOST = 0.7
"""No share of cells or of places rises above this, whatever the effect."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the cells of a well look like; the defaults are those of untreated cells.

    Attributes
    ----------
    density
        Cells in an area, relative to usual.
    cell_um, nucleus_um
        Radius to which a cell spreads where it has room, and mean radius of a nucleus.
    elongation
        Long axis of a nucleus over its short one, less 1.
    chromatin
        Standard deviation of the logarithm of DNA within a nucleus.
    binucleate, mitotic
        Shares of cells with two nuclei, and with condensed chromosomes.
    nucleoli, nucleolus_um
        How many a nucleus has, and their size.
    rna, er, actin, mito
        Levels of a stain, relative to usual.
    er_um
        Size of the grains of the endoplasmic reticulum.
    cortex, fibres
        Shares of actin at the border of a cell and in stress fibres, relative to what is everywhere.
    golgi_um
        How far its stacks lie from each other.
    mito_kept
        Share of the length of mitochondria that is not cut: few are fragments, many a network.
    mito_um
        How far from the nucleus mitochondria reach.
    """

    density: float = 1.0
    cell_um: float = 19.0
    nucleus_um: float = 8.0
    elongation: float = 0.3
    chromatin: float = 0.18
    binucleate: float = 0.05
    mitotic: float = 0.04
    nucleoli: float = 3.0
    nucleolus_um: float = 1.5
    rna: float = 1.0
    er: float = 1.0
    er_um: float = 1.5
    actin: float = 1.0
    cortex: float = 1.2
    fibres: float = 0.5
    golgi_um: float = 2.5
    mito: float = 1.0
    mito_kept: float = 0.6
    mito_um: float = 9.0


EFFECTS: dict[str, dict[str, float]] = {
    CONTROL: {},
    "tubulin-1": {"binucleate": 2.3, "mitotic": 1.3, "nucleus_um": 0.07, "density": -0.15, "mito_um": -0.30},
    "tubulin-2": {"binucleate": 1.6, "mitotic": 2.2, "nucleus_um": 0.03, "density": -0.20, "mito_um": -0.30},
    "actin-1": {"fibres": -2.0, "cortex": 0.5, "actin": 0.15, "elongation": -0.8, "golgi_um": 0.7, "cell_um": -0.07},
    "actin-2": {"fibres": -1.1, "cortex": 0.1, "actin": 0.15, "elongation": -0.7, "golgi_um": 1.2, "cell_um": -0.11},
    "mitochondria-1": {"mito_kept": -1.4, "mito": 0.30, "mito_um": -0.15, "density": -0.07},
    "dna-1": {"nucleus_um": 0.20, "chromatin": 1.3, "density": -0.15, "cell_um": 0.07, "nucleoli": -0.7},
    "inert-1": {"rna": 0.04, "elongation": 0.15},
    "ribosome-1": {"nucleoli": -1.4, "nucleolus_um": 0.60, "rna": 0.07, "nucleus_um": -0.08, "er_um": -0.30},
    "er-1": {"er_um": 1.00, "er": 0.07, "golgi_um": 1.0, "cell_um": -0.07},
    "mitochondria-2": {"mito_kept": -0.8, "mito": -0.07, "mito_um": 0.50, "density": -0.07},
    "histone-1": {"chromatin": -1.4, "nucleus_um": 0.17, "elongation": 1.1, "fibres": 0.7},
    "kinase-1": {"elongation": 1.4, "cell_um": 0.17, "fibres": 1.0, "golgi_um": -0.7},
    "ribosome-2": {"nucleoli": -0.8, "nucleolus_um": 0.35, "rna": -0.20, "nucleus_um": -0.14},
    "er-2": {"er_um": 0.55, "er": 0.30, "golgi_um": 0.4, "rna": 0.11},
    "inert-2": {"mito": 0.05, "nucleus_um": -0.01},
}
"""Treatment -> trait -> change of its logarithm; what is not named stays as in untreated cells."""


def traits(treatment: str, effect: float = 1.0) -> Traits:
    """Return what the cells of a treated well look like; ``effect`` scales all changes, and at 0 there are none."""
    usual = {field.name: float(getattr(Traits(), field.name)) for field in fields(Traits)}
    for name, change in EFFECTS[treatment].items():
        usual[name] *= float(np.exp(effect * change))
    shares = {name: min(usual[name], _MOST) for name in ("binucleate", "mitotic", "mito_kept")}
    return Traits(**{**usual, **shares})
