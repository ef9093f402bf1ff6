"""Where the light of a stained protein lies in a cell, as few numbers: what a person would measure without learning."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_cells.protein.locations import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    Floats = NDArray[np.float64]
    Masks = NDArray[np.bool_]

WHITE = {"uint8": 255.0, "uint16": 65535.0}
LEVELS = 256
PERCENTILES = (5, 25, 50, 75, 95, 99)
RIM = 2
"""Pixels on both sides of an edge that belong to its rim."""
WIDTHS = (0.7, 1.5, 3.0)
"""Standard deviations in pixels; the difference of Gaussians between one and the next answers to spots of one size."""
STILL = 1e-5
"""A mean or spread below that is nothing but rounding."""
AT_ONCE = 2**22
"""Values of crops that are measured at once; a few copies of them in 32 bits are held."""
PLACES = ("nucleus", "nuclear_rim", "cytoplasm", "cell_rim")
PROTEIN = CHANNELS.index("protein")
OTHERS = tuple(name for name in CHANNELS if name != "protein")


def names() -> tuple[str, ...]:
    """Return what the columns of :func:`features` are."""
    return (
        *("mean", "spread"),
        *(f"percentile_{p}" for p in PERCENTILES),
        *(f"{place}_{kind}" for kind in ("share", "contrast") for place in PLACES),
        *(f"correlation_{other}" for other in OTHERS),
        *(f"correlation_{other}_cytoplasm" for other in OTHERS),
        *(f"spots_{number}_{place}" for number in range(len(WIDTHS) - 1) for place in ("nucleus", "cytoplasm")),
        "nucleus_size",
    )


def features(crops: Any) -> Floats:
    """Return what is measured of each crop [n, F], in the order of :func:`names`.

    Parameters
    ----------
    crops
        Array or tensor [n, 4, S, S] in the order of :data:`~zoo_cells.protein.locations.CHANNELS`; integers of 8 and 16
        bits are scaled to [0, 1].

    Returns
    -------
    Mean, standard deviation and percentiles of the protein in the cell; of the nucleus, its rim, the cytoplasm and the
    rim of the cell, the mean of the protein over that of the cell (``share``) and its coefficient of variation
    (``contrast``); the correlation of the protein with each other channel over the cell, and over the cytoplasm; how
    spotty it is at two scales in nucleus and cytoplasm (spread of a difference of Gaussians over the mean); the
    nucleus' share of the cell. What has no pixels, or does not vary, is 0.

    The nucleus is where its channel is above the threshold of Otsu (doi:10.1109/TSMC.1979.4310076) in the crop, the
    cell where microtubules or endoplasmic reticulum are: rough, and of crops that are not masked a neighbour's are
    among them.
    """
    pixels = np.asarray(crops)
    step = max(1, AT_ONCE // max(1, pixels[:1].size))
    rows = [_measured(pixels[start : start + step]) for start in range(0, len(pixels), step)]
    return np.concatenate([np.empty((0, len(names()))), *rows])


def _measured(pixels: NDArray[Any]) -> Floats:
    """Return the numbers of a few crops [n, 4, S, S]: all come from sums over regions, one product of matrices."""
    scaled = (pixels / np.float32(WHITE.get(str(pixels.dtype), 1.0))).astype(np.float32, copy=False)
    mean = scaled.mean(axis=(2, 3))
    planes = dict(zip(CHANNELS, np.moveaxis(scaled, 1, 0), strict=True))
    # of centred values the square of a mean can be taken from a mean of squares in 32 bits
    centred = dict(zip(CHANNELS, np.moveaxis(scaled - mean[..., None, None], 1, 0), strict=True))
    protein = centred["protein"]
    regions = _regions(planes)
    spots = {f"spots_{number}": plane for number, plane in enumerate(_spots(protein))}
    sums = _Sums(regions, {**centred, **spots}, [("protein", other) for other in OTHERS])
    shift = mean[:, PROTEIN].astype(np.float64)
    light, *lit = (
        np.maximum(sums.mean(place, "protein") + shift, 0) * sums.there(place) for place in ("cell", *PLACES)
    )
    columns = [
        *(light, sums.spread("cell", "protein"), *_percentiles(planes["protein"], regions["cell"])),
        *(_over(part, light) for part in lit),
        *(_over(sums.spread(place, "protein"), part) for place, part in zip(PLACES, lit, strict=True)),
        *(sums.correlation(region, "protein", other) for region in ("cell", "cytoplasm") for other in OTHERS),
        *(_over(sums.spread(place, plane), light) for plane in spots for place in ("nucleus", "cytoplasm")),
        _over(sums.size("nucleus"), sums.size("cell")),
    ]
    return np.stack(columns, axis=1)


class _Sums:
    """Sums of planes, of their squares and of products of pairs over regions, of each crop on its own."""

    def __init__(self, regions: dict[str, Masks], planes: dict[str, Plane], pairs: list[tuple[str, str]]) -> None:
        self._region = {name: number for number, name in enumerate(regions)}
        values = {("", ""): np.ones_like(next(iter(planes.values())))}
        values |= {(name, ""): plane for name, plane in planes.items()}
        values |= {(one, two): planes[one] * planes[two] for one, two in [*((name, name) for name in planes), *pairs]}
        self._value = {key: number for number, key in enumerate(values)}
        where, what = (
            np.stack([part.reshape(len(part), -1) for part in parts], axis=1).astype(np.float32, copy=False)
            for parts in (list(regions.values()), list(values.values()))
        )
        self._sums = (where @ what.transpose(0, 2, 1)).astype(np.float64)

    def size(self, region: str) -> Floats:
        """Return the pixels of a region [n]."""
        return self._of(region, "", "")

    def there(self, region: str) -> NDArray[np.bool_]:
        """Return whether a region has pixels [n]."""
        found: NDArray[np.bool_] = self.size(region) > 0
        return found

    def mean(self, region: str, plane: str) -> Floats:
        """Return the mean of a plane over a region [n]."""
        return self._mean(region, plane, "")

    def spread(self, region: str, plane: str) -> Floats:
        """Return the standard deviation of a plane over a region [n]."""
        return np.sqrt(np.maximum(self._covariance(region, plane, plane), 0))

    def correlation(self, region: str, one: str, two: str) -> Floats:
        """Return the correlation of two planes over a region [n]."""
        scale = self.spread(region, one) * self.spread(region, two)
        return np.clip(_over(self._covariance(region, one, two), scale, least=STILL**2), -1, 1)

    def _covariance(self, region: str, one: str, two: str) -> Floats:
        return self._mean(region, one, two) - self.mean(region, one) * self.mean(region, two)

    def _mean(self, region: str, one: str, two: str) -> Floats:
        return self._of(region, one, two) / np.maximum(self.size(region), 1)

    def _of(self, region: str, one: str, two: str) -> Floats:
        found: Floats = self._sums[:, self._region[region], self._value[one, two]]
        return found


def _regions(planes: dict[str, Plane]) -> dict[str, Masks]:
    nucleus = _above(planes["nucleus"])
    cell = _above(np.maximum(planes["microtubules"], planes["er"])) | nucleus
    places = (nucleus, _rim(nucleus), cell & ~nucleus, _rim(cell))
    return {**dict(zip(PLACES, places, strict=True)), "cell": cell}


def _percentiles(plane: Plane, mask: Masks) -> list[Floats]:
    """Return the percentiles of each plane within its mask [n], 0 where that has no pixels."""
    found = np.zeros((len(plane), len(PERCENTILES)))
    for row, values, inside in zip(found, plane, mask, strict=True):
        if inside.any():
            row[:] = np.percentile(values[inside], PERCENTILES)
    return list(found.T)


def _above(plane: Plane) -> Masks:
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
    bytes_of = mask.view(np.uint8)
    found: Masks = ndimage.maximum_filter(bytes_of, size=block) != ndimage.minimum_filter(bytes_of, size=block)
    return found


def _spots(protein: Plane) -> list[Plane]:
    """Return the differences between the protein blurred by one width and by the next."""
    from scipy import ndimage

    blurred = [ndimage.gaussian_filter(protein, (0, width, width), truncate=3.0) for width in WIDTHS]
    return [fine - coarse for fine, coarse in pairwise(blurred)]


def _over(part: Floats, whole: Floats, *, least: float = STILL) -> Floats:
    """Return ``part / whole``, 0 where the whole is nothing."""
    found: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > least)
    return found
