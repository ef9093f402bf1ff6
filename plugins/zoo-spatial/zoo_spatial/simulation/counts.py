"""Gene programmes of an organism, and the transcripts seen under each spot.

Counts are negative binomial, the usual model of sequenced tags: Robinson and Smyth 2007,
doi:10.1093/bioinformatics/btm453.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import expit

from zoo_spatial.simulation.cells import CELL_TYPES, Cells
from zoo_spatial.simulation.fields import LATTICE_PER_PITCH, Field, at_points, smooth

NICHES = (("fibroblast", "tumour"), ("lymphocyte", "lymphocyte"), ("tumour", "fibroblast"))
"""Programmes that a type (first) expresses where another (second) is common within about two spot pitches."""

_MARKERS, _NICHE, _HOUSEKEEPING = 0.54, 0.18, 0.18
_NICHE_SCALE = 1.3
_NICHE_SWITCH, _NICHE_WIDTH = 0.22, 0.04
_DISPERSION = 0.08
_DEPTH = 5000.0
_AMBIENT = 0.04
_SHIFTED = 0.2
# Transcripts of a cell by type, relative: large cells hold more.
_LIBRARY = np.array([1.5, 1.2, 0.9, 0.8, 1.1, 0.9])


@dataclass(frozen=True, slots=True)
class Programmes:
    """Expression of G genes; what is the same for every donor of an organism."""

    profiles: NDArray[np.float64]  # [T, G] expected transcripts of a cell by type, relative
    niche: NDArray[np.float64]  # [P, G] added at full niche signal
    marker_of: NDArray[np.intp]  # [G] cell type, or -1
    niche_of: NDArray[np.intp]  # [G] index into NICHES, or -1
    housekeeping: NDArray[np.bool_]  # [G]


def draw_programmes(rng: np.random.Generator, *, genes: int) -> Programmes:
    """Draw an organism's genes: markers of each type, niche programmes, housekeeping, and the rest noise."""
    types, order = len(CELL_TYPES), rng.permutation(genes)
    markers, niches, house = (int(genes * share) for share in (_MARKERS, _NICHE, _HOUSEKEEPING))
    marker_of, niche_of = np.full(genes, -1), np.full(genes, -1)
    marker_of[order[:markers]] = np.arange(markers) % types
    niche_of[order[markers : markers + niches]] = np.arange(niches) % len(NICHES)
    housekeeping = np.zeros(genes, dtype=np.bool_)
    housekeeping[order[markers + niches : markers + niches + house]] = True
    base = np.exp(rng.normal(0, 0.7, genes)) * np.where(housekeeping, 1.5, 0.12)
    profiles = base * np.exp(rng.normal(0, 0.15, (types, genes)))
    own = np.arange(types)[:, None] == marker_of
    strength = np.exp(rng.normal(np.log(3.0), 0.6, genes))
    profiles = np.where(marker_of >= 0, strength * np.where(own, 1.0, rng.uniform(0.02, 0.2, (types, genes))), profiles)
    niche = np.where(np.arange(len(NICHES))[:, None] == niche_of, np.exp(rng.normal(np.log(4.0), 0.4, genes)), 0.0)
    return Programmes(profiles, niche, marker_of, niche_of, housekeeping)


def draw_donor_shift(rng: np.random.Generator, *, genes: int) -> NDArray[np.float64]:
    """Factor on each gene [G] in one donor: a fifth of the genes differ mildly."""
    return np.where(rng.random(genes) < _SHIFTED, np.exp(rng.normal(0, 0.3, genes)), 1.0)


def assign_cells(cells: Cells, position_px: Field, *, radius_px: float) -> NDArray[np.intp]:
    """Index of the spot whose disc covers each cell [m], or -1. The discs do not touch, so there is at most one."""
    gap, nearest = cKDTree(position_px).query(cells.xy)
    return np.where(gap <= radius_px, nearest, -1).astype(np.intp)


def compose(cells: Cells, spot_of: NDArray[np.intp], position_px: Field) -> NDArray[np.float32]:
    """Share of each cell type under each spot [n, T]; a spot that caught no cell takes the nearest one."""
    tally = np.zeros((len(position_px), len(CELL_TYPES)))
    seen = spot_of >= 0
    np.add.at(tally, (spot_of[seen], cells.kind[seen]), 1)
    for spot in np.flatnonzero(tally.sum(axis=1) == 0):
        closest = np.argmin(((cells.xy - position_px[spot]) ** 2).sum(axis=1))
        tally[spot, cells.kind[closest]] = 1
    return np.asarray(tally / tally.sum(axis=1, keepdims=True), dtype=np.float32)


def niche_levels(cells: Cells, *, side: int, spots: int) -> Field:
    """Signal of each programme in each cell [P, m]: 0 in the wrong type, else a switch on the other type around."""
    nodes = (spots + 1) * LATTICE_PER_PITCH
    column, row = np.minimum((cells.xy * (nodes / side)).astype(np.intp), nodes - 1).T
    tally = np.zeros((len(CELL_TYPES), nodes, nodes), dtype=np.float32)
    np.add.at(tally, (cells.kind, row, column), 1)
    sigma = _NICHE_SCALE * LATTICE_PER_PITCH
    everyone = smooth(tally.sum(axis=0), sigma) + 1e-6
    levels = np.zeros((len(NICHES), len(cells.kind)), dtype=np.float32)
    for level, (own, other) in zip(levels, NICHES, strict=True):
        around = smooth(tally[CELL_TYPES.index(other)], sigma) / everyone
        mine = cells.kind == CELL_TYPES.index(own)
        share = at_points(around, cells.xy[mine], side=side)
        level[mine] = expit((share - _NICHE_SWITCH) / _NICHE_WIDTH)
    return levels


def draw_counts(
    rng: np.random.Generator,
    cells: Cells,
    spot_of: NDArray[np.intp],
    composition: NDArray[np.float32],
    *,
    levels: Field,
    programmes: Programmes,
    shift: NDArray[np.float64],
    depth: float,
) -> NDArray[np.int32]:
    """Draw the transcripts of each gene under each spot [n, G]: negative binomial, as a gamma mixture of Poissons.

    `shift` [G] and `depth` are the donor's. Depth grows less than linearly with the cells under a spot, as capture
    saturates.
    """
    spots = len(composition)
    library = np.exp(rng.normal(0, 0.35, len(cells.kind))) * _LIBRARY[cells.kind]
    seen = spot_of >= 0
    held = np.zeros((spots, len(CELL_TYPES)))
    np.add.at(held, (spot_of[seen], cells.kind[seen]), library[seen])
    signal = np.stack([np.bincount(spot_of[seen], (library * level)[seen], spots) for level in levels], axis=1)
    held += 0.05 * composition
    rates = (held @ programmes.profiles + signal @ programmes.niche) * shift
    share = rates / rates.sum(axis=1, keepdims=True)
    share = (1 - _AMBIENT) * share + _AMBIENT * share.mean(axis=0)
    amount = (held.sum(axis=1) / held.sum(axis=1).mean()) ** 0.5
    total = _DEPTH * depth * np.clip(amount, 0.6, 1.6) * np.exp(rng.normal(0, 0.15, spots))
    heterogeneity = rng.gamma(1 / _DISPERSION, _DISPERSION, share.shape)
    return np.asarray(rng.poisson(total[:, None] * share * heterogeneity), dtype=np.int32)
