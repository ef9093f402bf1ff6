"""What is where in a field of simulated liver: hepatocytes, nuclei, lipid droplets, sinusoids, and the drug."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

PITCH_UM = 22.0
"""Distance between hepatocytes."""
NUCLEUS_UM = 4.0
"""Radius of a nucleus."""
BINUCLEATE = 0.25
"""Share of hepatocytes with two nuclei."""
SINUSOID_UM = 7.0
"""Width of a sinusoid."""
VEINS = 0.3
"""Share of fields that show a vein."""
DROPLET_UM = (0.6, 1.0, 1.6)
"""Radii of lipid droplets."""
DROPLETS_PER_CELL = (10.0, 4.0, 1.0)
"""How many of each radius a cell has on average."""
PLACE_TO_PLACE = 0.3
"""Standard deviation of the logarithm of fat and of collagen between the fields of one animal."""


@dataclass(frozen=True, slots=True)
class Dose:
    """What a dose does.

    Attributes
    ----------
    amount
        Of drug in the cells that took it up; at 1 its strongest line is as high as the background of water.
    shift_cm
        How far its lines move, in 1/cm.
    share
        Of all cells, those that took it up; how many there are in a field is left to chance, and may be none.
    """

    amount: float
    shift_cm: float
    share: float


DOSES: dict[str, Dose] = {
    "control": Dose(0.0, 0.0, 0.0),
    "low": Dose(0.4, 1.0, 0.025),
    "medium": Dose(0.6, 2.0, 0.045),
    "high": Dose(0.75, 4.0, 0.075),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Amounts of each substance in the pixels of a field, relative to what is usual in liver."""

    amounts: dict[str, Image]  # substance -> [H, W]
    drugged: NDArray[np.bool_]  # [H, W] pixels of cells that took up the drug


def lay_out(rng: np.random.Generator, *, size: int, um_per_px: float, dose: Dose, fat: float, scars: float) -> Scene:
    """Draw a field of ``size`` by ``size`` pixels; ``fat`` scales the lipid droplets, ``scars`` the collagen.

    The dose is looked at last: fields of two doses and the same generator differ in nothing but the drug.
    """
    fat, scars = np.exp(rng.normal(0, PLACE_TO_PLACE, 2)) * (fat, scars)
    centres = _centres(rng, side_um=size * um_per_px)
    cell, rim_um, yx = _cells(centres, size=size, um_per_px=um_per_px)
    inside = 1 - _sinusoids(rng, size=size, um_per_px=um_per_px)
    inside *= np.clip(0.4 + 0.4 * rim_um, 0.4, 1)
    nucleus = _nuclei(rng, centres, yx, um_per_px=um_per_px) * inside
    collagen = _collagen(rng, size=size, um_per_px=um_per_px, scars=scars) * (1 - nucleus)
    droplets = _droplets(rng, inside * (1 - nucleus), fat=fat, um_per_px=um_per_px)
    granules = _granules(rng, size=size, um_per_px=um_per_px)
    zone = np.exp(rng.normal(0, 0.12, len(centres)))[cell]
    cytoplasm = inside * (1 - np.minimum(droplets, 1))
    taken = _uptake(rng, centres, side_um=size * um_per_px, share=dose.share)
    drugged = taken[cell] & (inside > 0.5) & (nucleus < 0.5)  # noqa: PLR2004 - more than half of the pixel
    amounts = {
        "lipid": 0.35 * cytoplasm * zone * (1 - 0.7 * nucleus) + 1.8 * droplets,
        "protein": cytoplasm * zone * (1 - 0.35 * nucleus),
        "water": 1 - 0.35 * cytoplasm,
        "nucleic acid": nucleus,
        "collagen": collagen,
        "drug": dose.amount * drugged * granules,
    }
    return Scene({name: np.asarray(values, dtype=np.float32) for name, values in amounts.items()}, drugged)


def _centres(rng: np.random.Generator, *, side_um: float) -> NDArray[np.float64]:
    """Return centres of cells [n, 2] in micrometres, on a jittered hexagonal lattice a cell wider than the field."""
    rows = np.arange(-PITCH_UM, side_um + PITCH_UM, PITCH_UM * np.sqrt(0.75))
    columns = np.arange(-1.5 * PITCH_UM, side_um + PITCH_UM, PITCH_UM)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x = x + PITCH_UM / 2 * (np.arange(len(rows)) % 2)[:, None] + rng.uniform(0, PITCH_UM)
    y = y + rng.uniform(0, PITCH_UM)
    lattice = np.stack([y.ravel(), x.ravel()], axis=1) - PITCH_UM / 2
    return np.asarray(lattice + rng.normal(0, 0.12 * PITCH_UM, lattice.shape))


def _cells(
    centres: NDArray[np.float64], *, size: int, um_per_px: float
) -> tuple[NDArray[np.intp], Image, NDArray[np.float64]]:
    """Return for each pixel [H, W] its cell and how far the border is, in um, and places of pixels [H, W, 2]."""
    from scipy.spatial import cKDTree

    line = (np.arange(size) + 0.5) * um_per_px
    yx = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    distance, nearest = cKDTree(centres).query(yx, k=2)
    return nearest[..., 0], ((distance[..., 1] - distance[..., 0]) / 2).astype(np.float32), yx


def _sinusoids(rng: np.random.Generator, *, size: int, um_per_px: float) -> Image:
    """Return the share of blood in each pixel: a net of sinusoids, and in some fields a vein."""
    course = _smooth_noise(rng, size=size, sigma_px=14 / um_per_px)
    down, right = np.gradient(course, um_per_px)
    distance_um = np.abs(course) / np.maximum(np.hypot(down, right), 0.01)
    blood = np.clip((SINUSOID_UM / 2 - distance_um) / um_per_px + 0.5, 0, 1)
    line = np.arange(size) * um_per_px
    y, x = rng.uniform(0, size * um_per_px, 2)
    radius = rng.uniform(8, 24)
    reach = np.hypot(line[:, None] - y, line - x)
    vein = np.clip((radius - reach) / um_per_px + 0.5, 0, 1) * (rng.random() < VEINS)
    return np.asarray(np.maximum(blood, vein), dtype=np.float32)


def _collagen(rng: np.random.Generator, *, size: int, um_per_px: float, scars: float) -> Image:
    """Return the amount of collagen in each pixel: strands in some places of the field."""
    course = _smooth_noise(rng, size=size, sigma_px=9 / um_per_px)
    down, right = np.gradient(course, um_per_px)
    distance_um = np.abs(course) / np.maximum(np.hypot(down, right), 0.02)
    place = _smooth_noise(rng, size=size, sigma_px=20 / um_per_px)
    there = 1 / (1 + np.exp(-5 * (place - 1.3 / scars)))
    return np.asarray(np.clip((2.5 - distance_um) / um_per_px + 0.5, 0, 1) * there, dtype=np.float32)


def _nuclei(
    rng: np.random.Generator, centres: NDArray[np.float64], yx: NDArray[np.float64], *, um_per_px: float
) -> Image:
    """Return the share of nucleus in each pixel; some cells have two."""
    from scipy.spatial import cKDTree

    first = centres + rng.normal(0, 1.5, centres.shape)
    angle = rng.uniform(0, 2 * np.pi, len(centres))
    apart = 5.0 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    two = rng.random(len(centres)) < BINUCLEATE
    places = np.concatenate([first - apart * two[:, None], (first + apart)[two]])
    radius = NUCLEUS_UM * np.exp(rng.normal(0, 0.1, len(places)))
    distance, nearest = cKDTree(places).query(yx)
    return np.asarray(np.clip((radius[nearest] - distance) / um_per_px + 0.5, 0, 1), dtype=np.float32)


def _droplets(rng: np.random.Generator, room: Image, *, fat: float, um_per_px: float) -> Image:
    """Return the share of lipid droplets in each pixel, of three sizes, where there is room for them."""
    from scipy.ndimage import gaussian_filter

    total = np.zeros(room.shape)
    cells = room.size * um_per_px**2 / PITCH_UM**2
    # fat lies in some places and not in others
    place = np.exp(0.8 * _smooth_noise(rng, size=len(room), sigma_px=12 / um_per_px)).ravel() * room.ravel()
    place /= place.sum()
    for radius, each in zip(DROPLET_UM, DROPLETS_PER_CELL, strict=True):
        drawn = rng.choice(room.size, rng.poisson(each * cells * fat), p=place)
        number = np.bincount(drawn, minlength=room.size).reshape(room.shape)
        area_px = np.pi * (radius / um_per_px) ** 2
        total += gaussian_filter(area_px * number, 0.6 * radius / um_per_px)
    return np.asarray(np.minimum(total, 1), dtype=np.float32)


def _granules(rng: np.random.Generator, *, size: int, um_per_px: float) -> Image:
    """Return how unevenly cells hold what they took up [H, W], about 1 on average."""
    return np.asarray(np.exp(0.3 * _smooth_noise(rng, size=size, sigma_px=1.0 / um_per_px)) / 1.05, dtype=np.float32)


def _uptake(
    rng: np.random.Generator, centres: NDArray[np.float64], *, side_um: float, share: float
) -> NDArray[np.bool_]:
    """Return which cells took up the drug: those nearest to a place in the field."""
    focus = rng.uniform(0.2, 0.8, 2) * side_um
    taken = np.zeros(len(centres), dtype=bool)
    cells = rng.poisson(share * side_um**2 / (PITCH_UM**2 * np.sqrt(0.75)))
    taken[np.hypot(*(centres - focus).T).argsort()[:cells]] = True
    return taken


def _smooth_noise(rng: np.random.Generator, *, size: int, sigma_px: float) -> Image:
    """Return a Gaussian random field [size, size] of zero mean and unit variance."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal((size, size), dtype=np.float32), sigma_px, mode="wrap")
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-12), dtype=np.float32)
