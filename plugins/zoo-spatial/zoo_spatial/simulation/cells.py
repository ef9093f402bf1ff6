"""Cell types, how their nuclei look, and where cells lie."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zoo_spatial.simulation.fields import Field, at_points
from zoo_spatial.simulation.layout import Layout

CELL_TYPES = ("tumour", "epithelium", "fibroblast", "lymphocyte", "macrophage", "endothelium")

_CELLS_PER_UM2 = 0.024
"""Cells offered before crowded ones are dropped; about a third of them stay."""


@dataclass(frozen=True, slots=True)
class Morphology:
    """Look of one cell type; lengths in micrometres, the rest relative."""

    diameter_um: float  # of a disc with the area of the nucleus
    elongation: float  # long axis over short axis
    spread: float  # coefficient of variation of the diameter
    dna: float  # haematoxylin summed over the nucleus
    rim: float  # chromatin moved from the centre to the membrane
    grain: float  # contrast of the chromatin
    clump_um: float  # size of chromatin clumps
    nucleolus: float  # contrast of the nucleolus
    bend: float  # curvature: bean and crescent shapes
    aligned: float  # 1 follows fibres or vessels, 0 lies at random
    cytoplasm_um: float  # standard deviation of the cytoplasm's halo
    eosin: float  # strength of the halo; below 0 is foamy and pale


# Total haematoxylin follows the DNA content, nearly the same for all types: small nuclei are dark, large ones pale, and
# the mean colour of a field says how many cells there are rather than which.
MORPHOLOGY = (
    Morphology(11.5, 1.25, 0.16, 1.25, 0.45, 0.25, 1.1, 1.3, 0.05, 0.0, 5.0, 0.5),
    Morphology(8.8, 1.45, 0.06, 1.05, 0.05, 0.12, 0.8, 0.0, 0.00, 0.6, 4.5, 0.5),
    Morphology(7.4, 4.20, 0.12, 0.85, 0.05, 0.15, 0.8, 0.0, 0.15, 1.0, 2.5, 0.2),
    Morphology(6.4, 1.05, 0.07, 0.90, 0.00, 0.32, 1.0, 0.0, 0.00, 0.0, 2.0, 0.1),
    Morphology(8.0, 1.70, 0.12, 0.95, 0.25, 0.25, 1.0, 0.4, 0.45, 0.0, 5.0, -0.7),
    Morphology(6.6, 2.60, 0.10, 0.85, 0.10, 0.15, 0.8, 0.0, 0.40, 1.0, 2.5, 0.2),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """All m cells of a section."""

    xy: Field  # [m, 2] centre in pixels
    kind: NDArray[np.intp]  # [m] index into CELL_TYPES
    angle: Field  # [m] direction of the long axis in radians


def vary_morphology(rng: np.random.Generator) -> tuple[Morphology, ...]:
    """Give an organism its own morphologies: the usual ones with a few per cent of change in size, shape and grain."""

    def near(value: float) -> float:
        return value * float(rng.uniform(0.95, 1.05))

    return tuple(
        replace(
            m,
            diameter_um=near(m.diameter_um),
            elongation=max(1.0, near(m.elongation)),
            dna=near(m.dna),
            grain=near(m.grain),
            clump_um=near(m.clump_um),
            nucleolus=near(m.nucleolus),
        )
        for m in MORPHOLOGY
    )


def place_cells(rng: np.random.Generator, layout: Layout, *, side: int, um_per_px: float) -> Cells:
    """Place cells in the tissue of an image of `side` pixels: a hard-core process of Matern's second type.

    Candidates are thinned by the local density and by the outline; of two that crowd each other the later goes
    (B. Matern, "Spatial variation", Meddelanden fran Statens Skogsforskningsinstitut 49:5, 1960).
    """
    offered = int(rng.poisson(_CELLS_PER_UM2 * (side * um_per_px) ** 2))
    xy = rng.uniform(0, side, (max(offered, 1), 2)).astype(np.float32)
    chance = at_points(layout.density / layout.density.max(), xy, side=side) ** 0.7
    in_tissue = at_points(layout.tissue.astype(np.float32), xy, side=side) > 0
    kept = in_tissue & (rng.random(len(xy)) < 1.6 * chance)
    # The tiniest sections too need a cell to count.
    kept[0] |= not kept.any()
    xy = xy[kept]
    shares = at_points(layout.mixture, xy, side=side).cumsum(axis=0)
    kind = np.asarray((rng.random(len(xy)) > shares[:-1]).sum(axis=0), dtype=np.intp)
    free = _uncrowded(xy * um_per_px, kind)
    xy, kind = xy[free], kind[free]
    return Cells(xy, kind, _angles(rng, layout, xy, kind, side=side))


def _uncrowded(xy_um: Field, kind: NDArray[np.intp]) -> NDArray[np.bool_]:
    radius = np.array([0.42 * m.diameter_um for m in MORPHOLOGY])[kind]
    free = np.ones(len(kind), dtype=np.bool_)
    pairs = cKDTree(xy_um).query_pairs(2 * float(radius.max()), output_type="ndarray")
    gap = np.linalg.norm(xy_um[pairs[:, 0]] - xy_um[pairs[:, 1]], axis=1)
    crowded = pairs[gap < radius[pairs].sum(axis=1)]
    free[crowded.max(axis=1)] = False
    return free


def _angles(rng: np.random.Generator, layout: Layout, xy: Field, kind: NDArray[np.intp], *, side: int) -> Field:
    in_vessel = kind == CELL_TYPES.index("endothelium")
    course = np.where(in_vessel, at_points(layout.vessel_angle, xy, side=side), at_points(layout.angle, xy, side=side))
    aligned = np.array([m.aligned for m in MORPHOLOGY])[kind]
    stray = rng.normal(0, 0.25, len(xy)) * aligned + rng.uniform(-np.pi, np.pi, len(xy)) * (1 - aligned)
    return np.asarray(course + stray, dtype=np.float32)
