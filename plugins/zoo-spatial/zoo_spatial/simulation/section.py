"""One simulated section: image, counts and the truth behind them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError
from zoo_spatial.simulation.cells import CELL_TYPES, place_cells, vary_morphology
from zoo_spatial.simulation.counts import (
    assign_cells,
    compose,
    draw_counts,
    draw_donor_shift,
    draw_programmes,
    niche_levels,
)
from zoo_spatial.simulation.fields import LATTICE_PER_PITCH, Field, at_points, smooth
from zoo_spatial.simulation.layout import Layout, lay_out
from zoo_spatial.simulation.stain import draw_look, render

SPOT_DIAMETER = 0.7
"""Diameter of a spot in pitches."""

_ORGANISM, _DONOR, _SECTION = range(3)
_KEPT_AT_LEAST = 0.75


@dataclass(frozen=True, slots=True)
class SimulatedSection:
    """A section of n spots on tissue, G genes and T cell types; `composition` and `region` are the truth, not data."""

    name: str  # "D2-S1"
    donor: str  # "D2"
    image: NDArray[np.uint8]  # [H, W, 3] RGB
    um_per_px: float
    grid: NDArray[np.float32]  # [n, 2] array column (x) and row (y) of each spot
    position_px: NDArray[np.float32]  # [n, 2] x, y of spot centres in pixels
    counts: NDArray[np.int32]  # [n, G] transcripts seen under each spot
    genes: list[str]  # G names
    composition: NDArray[np.float32]  # [n, T] share of each cell type under the spot
    cell_types: list[str]  # T names
    region: NDArray[np.int32]  # [n] index into REGIONS at the spot


def simulate_section(
    *,
    seed: int,
    donor: int,
    section: int,
    spots: int = 12,
    genes: int = 400,
    pitch_px: int = 64,
    um_per_px: float = 0.8,
) -> SimulatedSection:
    """Simulate one section of `spots` by `spots` positions, `pitch_px` pixels apart.

    `seed` fixes the organism: morphologies and gene programmes. `donor` sets stain, scanner, depth and a mild shift of
    some genes. Sections of one donor resemble each other in layout. The same arguments give the same bytes. Positions
    that are mostly glass are left out; at least three quarters stay.

    Raises
    ------
    DataError
        An argument is out of its bounds.

    """
    _check_bounds(seed=seed, donor=donor, section=section, spots=spots, genes=genes)
    _check_scale(pitch_px=pitch_px, um_per_px=um_per_px)
    organism = _generators(seed, _ORGANISM)
    person = _generators(seed, _DONOR, donor)
    slide = _generators(seed, _SECTION, donor, section)
    side = (spots + 1) * pitch_px

    layout = lay_out(person[0], slide[0], spots=spots)
    cells = place_cells(slide[1], layout, side=side, um_per_px=um_per_px)
    image = render(
        slide[2], layout, cells, vary_morphology(organism[0]), draw_look(person[1]), side=side, um_per_px=um_per_px
    )
    grid = _spots_on_tissue(layout, spots=spots)
    position_px = ((grid + 1) * pitch_px).astype(np.float32)
    spot_of = assign_cells(cells, position_px, radius_px=SPOT_DIAMETER / 2 * pitch_px)
    composition = compose(cells, spot_of, position_px)
    counts = draw_counts(
        slide[3],
        cells,
        spot_of,
        composition,
        levels=niche_levels(cells, side=side, spots=spots),
        programmes=draw_programmes(organism[1], genes=genes),
        shift=draw_donor_shift(person[2], genes=genes),
        depth=float(np.exp(person[3].normal(0, 0.15))),
    )
    return SimulatedSection(
        name=f"D{donor}-S{section}",
        donor=f"D{donor}",
        image=image,
        um_per_px=um_per_px,
        grid=grid,
        position_px=position_px,
        counts=counts,
        genes=[f"SIM{number:04d}" for number in range(1, genes + 1)],
        composition=composition,
        cell_types=list(CELL_TYPES),
        region=at_points(layout.regions, position_px, side=side).argmax(axis=0).astype(np.int32),
    )


def _generators(*key: int) -> list[np.random.Generator]:
    """Four independent streams of one key: a longer draw in one part then leaves the others as they were."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(key).spawn(4)]


def _spots_on_tissue(layout: Layout, *, spots: int) -> Field:
    """Array columns and rows [n, 2] of spots whose disc is not mostly glass."""
    line = np.arange(spots, dtype=np.float32)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(line, line)], axis=1)
    cover = smooth(layout.tissue.astype(np.float32), SPOT_DIAMETER / 4 * LATTICE_PER_PITCH)
    share = at_points(cover, grid + np.float32(1), side=spots + 1)
    return grid[share >= min(0.5, float(np.quantile(share, 1 - _KEPT_AT_LEAST)))]


_BOUNDS: dict[str, tuple[float, float, str]] = {
    "seed": (0, 2**63, "any whole number from 0 on"),
    "donor": (0, 2**31, "count donors from 0"),
    "section": (0, 2**31, "count sections from 0"),
    "spots": (1, 64, "use 12 for a quick section, or several sections for more spots"),
    "genes": (30, 20_000, "use 400 for a quick section"),
    "pitch_px": (16, 512, "use 64, the pitch the patches are cut for"),
    "um_per_px": (0.25, 2.0, "use 0.8, where a nucleus is about ten pixels wide"),
}
_LEAST_PITCH_UM = 20.0


def _check_bounds(**values: float) -> None:
    for name, value in values.items():
        low, high, advice = _BOUNDS[name]
        if not low <= value <= high:
            raise DataError(f"{name} is {value}, but a simulated section needs {low} to {high}: {advice}.")


def _check_scale(*, pitch_px: int, um_per_px: float) -> None:
    _check_bounds(pitch_px=pitch_px, um_per_px=um_per_px)
    pitch_um = pitch_px * um_per_px
    if pitch_um < _LEAST_PITCH_UM:
        raise DataError(
            f"{pitch_px} pixels of {um_per_px} um make a pitch of {pitch_um:g} um, but spots need at least "
            f"{_LEAST_PITCH_UM:g} um to catch cells: raise pitch_px or um_per_px."
        )
