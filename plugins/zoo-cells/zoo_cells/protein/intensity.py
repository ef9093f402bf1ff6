"""Where the light of a stained protein lies in a cell, as few numbers: what a person would measure without learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_cells.protein.locations import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Masks = NDArray[np.bool_]

WHITE = {"uint8": 255.0, "uint16": 65535.0}
LEVELS = 256
PERCENTILES = (5, 25, 50, 75, 95, 99)
RIM = 2
"""Pixels on both sides of an edge that belong to its rim."""
SCALES = ((0.7, 1.4), (1.5, 3.0))
"""Two standard deviations in pixels each, whose difference of Gaussians answers to spots of one size."""
STILL = 1e-6
"""A mean or spread below that is nothing but rounding."""
AT_ONCE = 2**22
"""Values of crops that are measured at once; a few copies of them in 32 bits are held."""
PLACES = ("nucleus", "nuclear_rim", "cytoplasm", "cell_rim")
OTHERS = tuple(name for name in CHANNELS if name != "protein")


def names() -> tuple[str, ...]:
    """Return what the columns of :func:`features` are."""
    return (
        *("mean", "spread"),
        *(f"percentile_{p}" for p in PERCENTILES),
        *(f"{place}_{kind}" for kind in ("share", "contrast") for place in PLACES),
        *(f"correlation_{other}" for other in OTHERS),
        *(f"correlation_{other}_outside" for other in OTHERS),
        *(f"spots_{number}_{place}" for number in range(len(SCALES)) for place in ("nucleus", "cytoplasm")),
        "nucleus_size",
    )


def features(crops: Any) -> NDArray[np.float64]:
    """Return what is measured of each crop [n, F], in the order of :func:`names`.

    Parameters
    ----------
    crops
        Array or tensor [n, 4, S, S] in the order of :data:`~zoo_cells.protein.locations.CHANNELS`; integers of 8 and 16
        bits are scaled to [0, 1].

    Returns
    -------
    Mean, standard deviation and percentiles of the protein; of the nucleus, its rim, the cytoplasm and the rim of the
    cell, the mean of the protein over that of the crop (``share``) and its coefficient of variation (``contrast``); the
    correlation of the protein with each other channel over the crop, and outside of the nucleus; how spotty it is at
    two scales in nucleus and cytoplasm (spread of a difference of Gaussians over the mean); the nucleus' share of the
    crop. What has no pixels, or does not vary, is 0.

    The nucleus is where its channel is above the threshold of Otsu (doi:10.1109/TSMC.1979.4310076) in the crop, the
    cell where microtubules or endoplasmic reticulum are: rough, and of crops that are not masked a neighbour's are
    among them.
    """
    pixels = np.asarray(crops)
    step = max(1, AT_ONCE // max(1, pixels[:1].size))
    rows = [_measured(pixels[start : start + step]) for start in range(0, len(pixels), step)]
    return np.concatenate([np.empty((0, len(names()))), *rows])


def _measured(pixels: NDArray[Any]) -> NDArray[np.float64]:
    scaled = (pixels / WHITE.get(str(pixels.dtype), 1.0)).astype(np.float32)
    planes = {name: scaled[:, number] for number, name in enumerate(CHANNELS)}
    protein, places = planes["protein"], _places(planes)
    mean = protein.mean(axis=(1, 2), dtype=np.float64)
    columns = [mean, protein.std(axis=(1, 2), dtype=np.float64)]
    columns += list(np.percentile(protein.reshape(len(protein), -1), PERCENTILES, axis=1))
    moments = {place: _moments(protein, places[place]) for place in PLACES}
    columns += [_over(moments[place][0], mean) for place in PLACES]
    columns += [_over(moments[place][1], moments[place][0]) for place in PLACES]
    for region in (np.ones_like(places["nucleus"]), ~places["nucleus"]):
        columns += [_correlation(protein, planes[other], region) for other in OTHERS]
    columns += _spots(protein, places, mean)
    columns.append(places["nucleus"].mean(axis=(1, 2)))
    return np.stack(columns, axis=1).astype(np.float64)


def _places(planes: dict[str, Floats]) -> dict[str, Masks]:
    nucleus = _above(planes["nucleus"])
    cell = _above(np.maximum(planes["microtubules"], planes["er"])) | nucleus
    nuclear_rim, cell_rim = _rim(nucleus), _rim(cell)
    return {"nucleus": nucleus, "nuclear_rim": nuclear_rim, "cytoplasm": cell & ~nucleus, "cell_rim": cell_rim}


def _above(plane: Floats) -> Masks:
    """Return where each plane [n, S, S] is above its own threshold of Otsu; nowhere in one that does not vary."""
    low, high = plane.min(axis=(1, 2), keepdims=True), plane.max(axis=(1, 2), keepdims=True)
    level = ((plane - low) / np.maximum(high - low, STILL) * (LEVELS - 1)).astype(np.int64)
    flat = level.reshape(len(level), -1) + LEVELS * np.arange(len(level))[:, None]
    counted = np.bincount(flat.ravel(), minlength=LEVELS * len(level)).reshape(-1, LEVELS).astype(np.float64)
    below = np.cumsum(counted, axis=1)
    light = np.cumsum(counted * np.arange(LEVELS), axis=1)
    above = below[:, -1:] - below
    lower, upper = light / np.maximum(below, 1), (light[:, -1:] - light) / np.maximum(above, 1)
    best = (below * above * (upper - lower) ** 2).argmax(axis=1)
    found: Masks = (level > best[:, None, None]) & (high - low > STILL)
    return found


def _rim(mask: Masks) -> Masks:
    """Return what lies near the edge of each mask [n, S, S], on both sides of it."""
    from scipy import ndimage

    block = (1, 2 * RIM + 1, 2 * RIM + 1)
    grown = ndimage.maximum_filter(mask, size=block)
    kept = ndimage.minimum_filter(mask, size=block)
    found: Masks = grown & ~kept
    return found


def _moments(plane: Floats, mask: Masks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each plane within its mask, both [n]."""
    pixels = np.maximum(mask.sum(axis=(1, 2)), 1)
    mean = (plane * mask).sum(axis=(1, 2), dtype=np.float64) / pixels
    around = (plane - mean[:, None, None]) * mask
    return mean, np.sqrt((around**2).sum(axis=(1, 2)) / pixels)


def _correlation(plane: Floats, other: Floats, mask: Masks) -> NDArray[np.float64]:
    """Return the correlation of two planes over the pixels of a mask [n]."""
    one, spread = _moments(plane, mask)
    two, second = _moments(other, mask)
    together = (plane - one[:, None, None]) * (other - two[:, None, None]) * mask
    pixels = np.maximum(mask.sum(axis=(1, 2)), 1)
    return _over(together.sum(axis=(1, 2)) / pixels, spread * second, least=STILL**2)


def _spots(protein: Floats, places: dict[str, Masks], mean: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    from scipy import ndimage

    found = []
    for small, large in SCALES:
        fine, coarse = (ndimage.gaussian_filter(protein, (0, width, width)) for width in (small, large))
        found += [_over(_moments(fine - coarse, places[place])[1], mean) for place in ("nucleus", "cytoplasm")]
    return found


def _over(part: NDArray[Any], whole: NDArray[Any], *, least: float = STILL) -> NDArray[np.float64]:
    """Return ``part / whole``, 0 where the whole is nothing."""
    found: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > least)
    return found
