"""Where things are in a section: outline, regions, mixtures of cell types, fibres, vessels, uneven thickness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from zoo_spatial.simulation.fields import LATTICE_PER_PITCH, Field, random_field, standardise, tangent

REGIONS = ("tumour", "stroma", "follicle", "epithelium")

# Rows follow REGIONS, columns follow CELL_TYPES: tumour, epithelium, fibroblast, lymphocyte, macrophage, endothelium.
_MIXTURE = np.array(
    [
        [0.62, 0.03, 0.10, 0.09, 0.12, 0.04],
        [0.07, 0.06, 0.58, 0.08, 0.13, 0.08],
        [0.05, 0.04, 0.09, 0.66, 0.12, 0.04],
        [0.05, 0.62, 0.14, 0.07, 0.08, 0.04],
    ],
    dtype=np.float32,
)
_REGION_BIAS = np.array([0.15, 0.15, -0.15, 0.0], dtype=np.float32)
_VESSEL_HALF_WIDTH = 0.12
_ENDOTHELIUM = 5
_SAME_DONOR = 0.7
_GAP_LEVEL = 2.5


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields of one section on the lattice of side n."""

    tissue: NDArray[np.bool_]  # [n, n] tissue or glass
    regions: Field  # [4, n, n] shares, sum to one
    mixture: Field  # [6, n, n] probability of each cell type, sums to one
    density: Field  # [n, n] cells relative to the usual density
    fibre: Field  # [n, n] phase; collagen runs along its contour lines
    vessel: Field  # [n, n] 1 in the lumen of a vessel, falling to 0
    angle: Field  # [n, n] direction of fibres in radians
    vessel_angle: Field  # [n, n] direction of vessels in radians
    thickness: Field  # [n, n] factor on all optical density


def lay_out(donor: np.random.Generator, section: np.random.Generator, *, spots: int) -> Layout:
    """Draw the layout of one section of a donor.

    Sections of one donor share a part of their region fields, as neighbouring cuts of a block do.
    """
    side = (spots + 1) * LATTICE_PER_PITCH
    regions = _regions(donor, section, side=side)
    fibre = random_field(section, side=side, scale=1.0)
    course = random_field(section, side=side, scale=0.9)
    patent = 1 / (1 + np.exp(-4 * random_field(section, side=side, scale=0.8)))
    vessel = (np.exp(-((course / _VESSEL_HALF_WIDTH) ** 2)) * patent).astype(np.float32)
    return Layout(
        tissue=_outline(section, spots=spots, side=side),
        regions=regions,
        mixture=_mixture(section, regions, vessel),
        density=np.exp(0.4 * random_field(section, side=side, scale=0.7)),
        fibre=fibre,
        vessel=vessel,
        angle=tangent(fibre),
        vessel_angle=tangent(course),
        thickness=np.exp(0.2 * random_field(section, side=side, scale=0.8)),
    )


def _regions(donor: np.random.Generator, section: np.random.Generator, *, side: int) -> Field:
    shared = np.stack([random_field(donor, side=side, scale=1.0) for _ in REGIONS])
    own = np.stack([random_field(section, side=side, scale=1.0) for _ in REGIONS])
    fields = standardise(_SAME_DONOR * shared + (1 - _SAME_DONOR) * own)
    return np.asarray(softmax(5 * (fields + _REGION_BIAS[:, None, None]), axis=0), dtype=np.float32)


def _mixture(section: np.random.Generator, regions: Field, vessel: Field) -> Field:
    side = regions.shape[-1]
    wander = np.stack([random_field(section, side=side, scale=0.5) for _ in range(_MIXTURE.shape[1])])
    logits = np.log(np.einsum("rt,rij->tij", _MIXTURE, regions)) + 0.5 * wander
    logits[_ENDOTHELIUM] += 3.0 * vessel
    return np.asarray(softmax(logits, axis=0), dtype=np.float32)


def _outline(section: np.random.Generator, *, spots: int, side: int) -> NDArray[np.bool_]:
    """Cut an irregular rounded block: an eighth of the spots' square is glass, and there are gaps as cutting leaves."""
    line = np.linspace(-1, 1, side, dtype=np.float32)
    reach = (np.abs(line[:, None]) ** 4 + np.abs(line[None, :]) ** 4) ** 0.25
    reach = reach + 0.10 * random_field(section, side=side, scale=min(1.2, spots / 4))
    # The pixels beyond the outer spots are to show glass on every side.
    edge = np.abs(line) - (1 - 0.6 / (spots + 1))
    reach = reach + 4 * np.maximum(np.maximum(edge[:, None], edge[None, :]), 0)
    margin = LATTICE_PER_PITCH // 2
    covered = section.uniform(0.84, 0.92)
    inside = reach < np.quantile(reach[margin:-margin, margin:-margin], covered)
    gaps = random_field(section, side=side, scale=0.09) + 0.4 * random_field(section, side=side, scale=0.8)
    return np.asarray(inside & (gaps < _GAP_LEVEL))
