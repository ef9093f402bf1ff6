"""From cells to pixels: eosin, haematoxylin, a donor's stain and scanner, Beer-Lambert, blur and noise.

Haematoxylin: Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", Analytical and
Quantitative Cytology and Histology 23 (2001) 291-299. Eosin: the default of QuPath (Bankhead et al. 2017,
doi:10.1038/s41598-017-17204-5), since the pure dye of the former is more magenta than slides are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo_spatial.simulation.cells import Cells, Morphology
from zoo_spatial.simulation.fields import Field, smooth, standardise, to_pixels
from zoo_spatial.simulation.layout import Layout
from zoo_spatial.simulation.nuclei import draw_nuclei

# Optical density of red, green and blue, haematoxylin first, then eosin.
_STAINS = np.array([[0.651, 0.701, 0.290], [0.216, 0.801, 0.558]])
# Rows follow REGIONS: even eosin, fibres, grain. The sums are nearly equal, so the region shows as texture.
_GROUND = np.array(
    [[0.21, 0.00, 0.045], [0.22, 0.085, 0.01], [0.20, 0.02, 0.02], [0.225, 0.01, 0.02]], dtype=np.float32
)
_HAZE = np.array([0.05, 0.03, 0.045, 0.035], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Look:
    """How a donor's slides look: stain, scanner."""

    vectors: NDArray[np.float64]  # [2, 3] optical density per unit of stain
    white: NDArray[np.float64]  # [3] glass, 0 to 255
    blur_px: float
    noise: float  # standard deviation in grey levels


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a donor's look around the published stain vectors."""
    vectors = np.clip(_STAINS + rng.normal(0, 0.05, (2, 3)), 0.01, None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors *= np.exp(rng.normal(0, [[0.16], [0.2]]))
    white = 243 * np.exp(rng.normal(0, 0.015)) + rng.normal(0, 2.0, 3)
    return Look(vectors, np.clip(white, 225, 252), float(rng.uniform(0.5, 0.8)), float(rng.uniform(1.5, 3.5)))


def render(
    rng: np.random.Generator,
    layout: Layout,
    cells: Cells,
    morphologies: tuple[Morphology, ...],
    look: Look,
    *,
    side: int,
    um_per_px: float,
) -> NDArray[np.uint8]:
    """Render a section to RGB [side, side, 3]."""
    tissue = _rim(layout, side=side)
    regions = np.stack([to_pixels(share, side=side) for share in layout.regions])
    thickness = to_pixels(layout.thickness, side=side)
    nuclei = draw_nuclei(rng, cells, morphologies, side=side, um_per_px=um_per_px)
    haze = np.einsum("rij,r->ij", regions, _HAZE)
    eosin = _ground(rng, layout, regions, side=side, um_per_px=um_per_px)
    eosin += _cytoplasm(rng, cells, morphologies, side=side, um_per_px=um_per_px)
    lumen = 1 - np.float32(0.75) * to_pixels(layout.vessel, side=side) ** 3
    # Nuclei displace cytoplasm, and eosin with it.
    eosin = np.maximum(eosin, np.float32(0.02)) * lumen / (1 + nuclei)
    cut = thickness * tissue
    return expose(rng, cut * (nuclei + haze * lumen), cut * eosin, look)


def expose(rng: np.random.Generator, haematoxylin: Field, eosin: Field, look: Look) -> NDArray[np.uint8]:
    """Turn optical densities [h, w] of the two stains into RGB [h, w, 3] by Beer-Lambert: white * 10 ** -density."""
    blurred = [smooth(stain, look.blur_px) for stain in (haematoxylin, eosin)]
    image = np.empty((*haematoxylin.shape, 3), dtype=np.uint8)
    for channel in range(3):
        density = blurred[0] * np.float32(look.vectors[0, channel]) + blurred[1] * np.float32(look.vectors[1, channel])
        light = np.exp(np.float32(-np.log(10)) * density) * np.float32(look.white[channel])
        light += np.float32(look.noise) * rng.standard_normal(light.shape, dtype=np.float32)
        image[..., channel] = np.clip(np.rint(light), 0, 255)
    return image


def _rim(layout: Layout, *, side: int) -> Field:
    """Share of tissue in each pixel: the lattice's staircase is rounded off, then made sharp again."""
    rounded = to_pixels(smooth(layout.tissue.astype(np.float32), 1.0), side=side)
    return np.asarray(np.clip((rounded - np.float32(0.5)) * 6 + np.float32(0.5), 0, 1), dtype=np.float32)


def _ground(rng: np.random.Generator, layout: Layout, regions: Field, *, side: int, um_per_px: float) -> Field:
    """Eosin between the cells: even, fibrous or granular after the region."""
    grain = standardise(smooth(rng.standard_normal((side, side), dtype=np.float32), 1.2 / um_per_px))
    fibres = _fibres(rng, layout, grain, side=side)
    eosin = np.zeros((side, side), dtype=np.float32)
    for share, (even, fibrous, granular) in zip(regions, _GROUND, strict=True):
        eosin += share * (even + fibrous * fibres + granular * grain)
    return eosin


def _fibres(rng: np.random.Generator, layout: Layout, grain: Field, *, side: int) -> Field:
    """Collagen as contour bands of a smooth phase: a one-dimensional noise read along it gives wavy bundles."""
    bands = 1024
    strand = standardise(smooth(rng.standard_normal(bands, dtype=np.float32), 1.2, mode="wrap"))
    phase = to_pixels(layout.fibre, side=side) * np.float32(0.9 * bands / 16) + np.float32(0.6) * grain
    return np.asarray(strand[np.floor(phase).astype(np.intp) % bands], dtype=np.float32)


def _cytoplasm(
    rng: np.random.Generator, cells: Cells, morphologies: tuple[Morphology, ...], *, side: int, um_per_px: float
) -> Field:
    """Eosin around the nuclei; macrophages are foamy: pale bubbles instead of a halo."""
    halo = np.zeros((side, side), dtype=np.float32)
    column, row = np.minimum(cells.xy.astype(np.intp), side - 1).T
    for kind, look in enumerate(morphologies):
        mine = cells.kind == kind
        points = np.bincount(row[mine] * side + column[mine], minlength=side * side).reshape(side, side)
        sigma = look.cytoplasm_um / um_per_px
        cover = smooth(points.astype(np.float32), sigma, truncate=2.5) * np.float32(2 * np.pi * sigma**2)
        if look.eosin < 0:
            noise = rng.standard_normal((side, side), dtype=np.float32)
            cover *= 1 + np.float32(0.9) * standardise(smooth(noise, 1.0 / um_per_px))
        halo += np.float32(0.12 * look.eosin) * cover
    return halo
