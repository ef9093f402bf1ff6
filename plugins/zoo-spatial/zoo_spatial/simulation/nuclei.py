"""Haematoxylin of the nuclei: each is drawn on its own small square of pixels, all of a type at once."""

import numpy as np
from numpy.typing import NDArray

from zoo_spatial.simulation.cells import Cells, Morphology
from zoo_spatial.simulation.fields import Field, smooth, standardise

_TILE = 128
_DENSITY_PER_DNA = 34.0
"""Optical density times square micrometres of one diploid nucleus: a lymphocyte comes out near 1."""


def draw_nuclei(
    rng: np.random.Generator, cells: Cells, morphologies: tuple[Morphology, ...], *, side: int, um_per_px: float
) -> Field:
    """Sum the haematoxylin optical density of all nuclei over pixels [side, side]."""
    total = np.zeros(side * side)
    for kind, morphology in enumerate(morphologies):
        mine = cells.kind == kind
        if mine.any():
            where, density = _stamps(rng, cells.xy[mine], cells.angle[mine], morphology, side=side, um_per_px=um_per_px)
            total += np.bincount(where.ravel(), weights=density.ravel(), minlength=side * side)
    return total.reshape(side, side).astype(np.float32)


def _stamps(
    rng: np.random.Generator, xy: Field, angle: Field, look: Morphology, *, side: int, um_per_px: float
) -> tuple[NDArray[np.intp], Field]:
    """Give pixel indices and optical densities, both [m, p, p], of m nuclei of one type."""
    short, long = _axes(rng, len(xy), look, um_per_px=um_per_px)
    reach = int(np.ceil(1.1 * long.max() + 1.5))
    step = np.arange(-reach, reach + 1, dtype=np.int32)
    corner = np.floor(xy).astype(np.int32)
    columns = corner[:, 0, None, None] + step[None, None, :]
    rows = corner[:, 1, None, None] + step[None, :, None]
    right = columns + np.float32(0.5) - xy[:, 0, None, None]
    down = rows + np.float32(0.5) - xy[:, 1, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along = np.asarray((right * cos + down * sin) / long, dtype=np.float32)
    across = np.asarray((down * cos - right * sin) / short, dtype=np.float32)
    across += look.bend * (along**2 - np.float32(0.4))
    density = _chromatin(rng, along, across, short, look)
    density *= _texture(rng, rows, columns, look, um_per_px=um_per_px)
    density *= _DENSITY_PER_DNA * look.dna / (np.float32(np.pi) * short * long * np.float32(um_per_px**2))
    density *= np.exp(rng.normal(0, 0.18, (len(xy), 1, 1))).astype(np.float32)
    density *= (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    where = np.clip(rows, 0, side - 1).astype(np.intp) * side + np.clip(columns, 0, side - 1)
    return where, density


def _axes(rng: np.random.Generator, count: int, look: Morphology, *, um_per_px: float) -> tuple[Field, Field]:
    shape = (count, 1, 1)
    radius = 0.5 * look.diameter_um / um_per_px * np.exp(rng.normal(0, look.spread, shape).clip(-0.4, 0.4))
    stretch = np.sqrt(look.elongation * np.exp(rng.normal(0, 0.12, shape).clip(-0.3, 0.3)))
    return (radius / stretch).astype(np.float32), (radius * stretch).astype(np.float32)


def _chromatin(rng: np.random.Generator, along: Field, across: Field, short: Field, look: Morphology) -> Field:
    """Shape of the nucleus with an edge about a pixel soft; rim and nucleolus move chromatin, they add none."""
    square = along**2 + across**2
    body = np.clip((1 - np.sqrt(square)) * short / np.float32(1.2) + np.float32(0.5), 0, 1)
    inner = 1 - look.rim + 2 * look.rim * np.minimum(square, 1)
    if look.nucleolus:
        off = rng.uniform(-0.35, 0.35, (2, len(along), 1, 1)).astype(np.float32)
        inner = inner + look.nucleolus * np.exp(-((along - off[0]) ** 2 + (across - off[1]) ** 2) / np.float32(0.06))
        inner = inner / np.float32(1 + 0.06 * look.nucleolus)
    return np.asarray(body * inner, dtype=np.float32)


def _texture(
    rng: np.random.Generator, rows: NDArray[np.int32], columns: NDArray[np.int32], look: Morphology, *, um_per_px: float
) -> Field:
    """Read each nucleus's clumps from a random place of one shared tile of noise."""
    noise = rng.standard_normal((_TILE, _TILE), dtype=np.float32)
    tile = standardise(smooth(noise, 0.5 * look.clump_um / um_per_px, mode="wrap"))
    tile = np.clip(1 + look.grain * tile, 0.1, 2.5)
    shift = rng.integers(0, _TILE, (2, len(rows), 1, 1), dtype=np.int32)
    return np.asarray(tile[(rows + shift[0]) % _TILE, (columns + shift[1]) % _TILE], dtype=np.float32)
