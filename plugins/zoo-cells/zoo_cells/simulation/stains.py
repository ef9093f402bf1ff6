"""What each stain shows of a scene: amounts of dye in the pixels, before any optics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_cells.simulation.cells import UM_PER_PX, Scene, smooth_noise
from zoo_cells.simulation.effects import Traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

_FIBRE_UM = 5.5
_STACKS = 7


def dna(rng: np.random.Generator, scene: Scene, traits: Traits) -> Image:
    """Return DNA: nuclei with chromatin, condensed where a cell divides."""
    texture = np.exp(traits.chromatin * smooth_noise(rng, size=len(scene.cell), sigma_um=1.6))
    return np.asarray(scene.nucleus * scene.level[scene.body] * texture, np.float32)


def rna(rng: np.random.Generator, scene: Scene, traits: Traits) -> Image:
    """Return RNA: bright nucleoli, a fainter nucleus, and cytoplasm that thins out."""
    size = len(scene.cell)
    whole = np.flatnonzero(~scene.mitotic)
    whose = np.repeat(whole, rng.poisson(traits.nucleoli, len(whole)))
    places = scene.centre_um[whose] + _disc(rng, len(whose)) * 0.6 * scene.radius_um[whose, None]
    spots = _spots(places, size=size, sigma_um=traits.nucleolus_um)
    grain = 1 + 0.15 * smooth_noise(rng, size=size, sigma_um=1.5)
    cytoplasm = (scene.inside - scene.nucleus) * np.exp(-scene.reach_um / 14)
    level = 0.55 * cytoplasm * grain + 0.35 * scene.nucleus + 0.8 * np.minimum(spots, 1.2) * scene.nucleus
    return np.asarray(traits.rna * level, np.float32)


def er(rng: np.random.Generator, scene: Scene, traits: Traits) -> Image:
    """Return the endoplasmic reticulum: grains, dense about the nucleus."""
    grain = np.exp(0.45 * smooth_noise(rng, size=len(scene.cell), sigma_um=traits.er_um) - 0.1)
    about = 0.3 + 0.7 * np.exp(-scene.reach_um / 8)
    return np.asarray(traits.er * (scene.inside - 0.8 * scene.nucleus) * about * grain, np.float32)


def agp(rng: np.random.Generator, scene: Scene, traits: Traits) -> Image:
    """Return actin, Golgi and membrane: cortex at the border, stress fibres along a cell, stacks by a nucleus."""
    size = len(scene.cell)
    phase = rng.uniform(0, 2 * np.pi, len(scene.angle))[scene.cell]
    bent = scene.along_um + 1.2 * smooth_noise(rng, size=size, sigma_um=8.0)
    fibres = np.maximum(np.sin(2 * np.pi * bent / _FIBRE_UM + phase), 0) * (1 - 0.7 * scene.nucleus)
    cortex = np.exp(-scene.rim_um / 1.5)
    side = rng.uniform(0, 2 * np.pi, len(scene.radius_um))
    stack = scene.centre_um + 1.3 * scene.radius_um[:, None] * np.stack([np.sin(side), np.cos(side)], axis=1)
    places = np.repeat(stack, _STACKS, axis=0)
    golgi = _spots(places + rng.normal(0, traits.golgi_um, places.shape), size=size, sigma_um=1.1)
    level = 0.25 + traits.cortex * cortex * 0.5 + traits.fibres * fibres * 0.6 + 0.45 * np.minimum(golgi, 1.5)
    return np.asarray(traits.actin * scene.inside * level, np.float32)


def mito(rng: np.random.Generator, scene: Scene, traits: Traits) -> Image:
    """Return mitochondria: winding filaments in the cytoplasm, whole or cut to pieces."""
    size = len(scene.cell)
    course = smooth_noise(rng, size=size, sigma_um=2.6)
    down, right = np.gradient(course, UM_PER_PX)
    filament = np.exp(-((np.abs(course) / np.maximum(np.hypot(down, right), 0.12) / 0.9) ** 2))
    cuts = smooth_noise(rng, size=size, sigma_um=1.8)
    # the share of a normal distribution above -limit is what is kept; the total of dye does not follow from it
    limit = 2.5 * (traits.mito_kept - 0.5)
    whole = 1 / (1 + np.exp(-6 * (cuts + limit)))
    about = np.exp(-((scene.reach_um / (1.5 * traits.mito_um)) ** 2))
    amount = filament * whole / np.sqrt(traits.mito_kept)
    return np.asarray(traits.mito * (scene.inside - scene.nucleus) * about * (0.12 + 1.1 * amount), np.float32)


STAINS = {"DNA": dna, "RNA": rna, "ER": er, "AGP": agp, "Mito": mito}


def _disc(rng: np.random.Generator, number: int) -> NDArray[np.float64]:
    """Return places [n, 2] in the unit disc."""
    angle, radius = rng.uniform(0, 2 * np.pi, number), np.sqrt(rng.random(number))
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def _spots(places_um: NDArray[np.float64], *, size: int, sigma_um: float) -> Image:
    """Return round spots of height 1 at places [n, 2]; those outside the field are left out."""
    from scipy.ndimage import gaussian_filter

    sigma = sigma_um / UM_PER_PX
    row, column = np.floor(places_um / UM_PER_PX).astype(np.intp).T
    seen = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    drawn = np.bincount(row[seen] * size + column[seen], minlength=size * size).reshape(size, size)
    return np.asarray(gaussian_filter(drawn.astype(np.float32), sigma, truncate=3) * (2 * np.pi * sigma**2), np.float32)
