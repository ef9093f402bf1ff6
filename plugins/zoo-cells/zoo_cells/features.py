"""Features of a field as profiling pipelines measure them: objects, their shapes, intensities, texture and neighbours.

A floor for models of images, and nothing that a model is made of. The kinds of features are those of CellProfiler
(Carpenter et al. 2006, doi:10.1186/gb-2006-7-10-r100; Caicedo et al. 2017, doi:10.1038/nmeth.4397); the segmentation is
a threshold of Otsu (doi:10.1109/TSMC.1979.4310076) and a watershed of the distance to the border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo_cells.texture import granularity, haralick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float64]
    Labels = NDArray[np.int32]
    Table = dict[str, NDArray[np.float64]]

SMALLEST = 0.1
"""Objects below this share of the area of a typical one are debris."""
RING = 0.6
"""Width of the ring about an object in which its cytoplasm is measured, in radii of a typical object."""
NEAR = 4.0
"""Neighbours are objects whose centres are nearer than this many radii of a typical one."""
SMOOTH, PROMINENT = 0.1, 0.1
"""By how much the distance to the border is smoothed, and a peak of it stands out at least, in radii of an object."""
_SHAPES = ("area", "eccentricity", "solidity", "perimeter", "axis_major_length", "axis_minor_length")


def describe(image: NDArray[Any], *, objects: int, split: bool = True) -> tuple[list[str], Image]:
    """Return names and values of the features of one field.

    Parameters
    ----------
    image
        Pixels [C, H, W]: uint8 or uint16, or floating in [0, 1].
    objects
        In which channel objects are found: nuclei in DNA, an organoid in brightfield. Whether they are bright or dark
        follows from the rim of the field, most of which is ground.
    split
        Part objects that touch. One large object of any shape wants it off.

    Returns
    -------
    The names, which follow from the number of channels alone, and as many finite values: the number of objects, mean
    and median over objects of area, eccentricity, solidity, form factor 4 pi A / P^2, mean, spread and maximum of each
    channel, how far its centre of light lies off, its mean and spread in a ring about the object, how far the next is
    and how many are near; for each channel mean, spread and granularity of the field, Haralick texture within
    objects; the correlation of channels. What is measured of objects is 0 in a field without any.

    Raises
    ------
    DataError
        The image has no three dimensions, no such channel, or pixels that are not finite.
    """
    pixels = _checked(image, objects)
    labels = segment(pixels[objects], split=split)
    found = {"count": float(labels.max())}
    for name, values in _measured(pixels, labels).items():
        found[f"mean_{name}"] = float(values.mean()) if len(values) else 0.0
        found[f"median_{name}"] = float(np.median(values)) if len(values) else 0.0
    for number, channel in enumerate(pixels):
        found |= {f"field_mean_c{number}": float(channel.mean()), f"field_std_c{number}": float(channel.std())}
        texture = granularity(channel) | haralick(channel, labels > 0)
        found |= {f"{name}_c{number}": value for name, value in texture.items()}
    found |= _correlations(pixels)
    return list(found), np.array(list(found.values()))


def segment(channel: Image, *, split: bool = True) -> Labels:
    """Return the objects of one channel [H, W], numbered from 1; 0 is ground.

    Parameters
    ----------
    channel
        Pixels of any scale.
    split
        Part objects that touch where the distance to their border has a waist.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(np.asarray(channel, dtype=np.float64), 1.0)
    # roots, so that a few bright objects do not lift the threshold over the faint ones
    smooth = np.sqrt(np.maximum(smooth, 0))
    if np.ptp(smooth) == 0:
        return np.zeros(channel.shape, dtype=np.int32)
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(_foreground(smooth)))
    labels = np.asarray(ndimage.label(mask)[0], dtype=np.int32)
    if split and labels.any():
        labels = _parted(labels)
    return _without_debris(labels)


def _checked(image: NDArray[Any], objects: int) -> Image:
    given = np.asarray(image)
    if given.ndim != 3:  # noqa: PLR2004 - channels, rows, columns
        raise DataError(f"a field is [channels, rows, columns], not {list(given.shape)}; give one field at a time")
    if not 0 <= objects < len(given):
        raise DataError(f"objects is a channel from 0 to {len(given) - 1}, not {objects}")
    highest = np.iinfo(given.dtype).max if given.dtype.kind == "u" else 1.0
    pixels = np.asarray(given, dtype=np.float64) / highest
    if not np.isfinite(pixels).all():
        raise DataError("a field has pixels that are not finite; leave it out or read it anew")
    return pixels


def _foreground(smooth: Image) -> NDArray[np.bool_]:
    from skimage.filters import threshold_otsu

    bright = smooth > threshold_otsu(smooth)
    rim = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    return np.asarray(bright if rim.mean() <= 0.5 else ~bright)  # noqa: PLR2004 - the greater half is ground


def _parted(labels: Labels) -> Labels:
    """Return components cut where they have a waist: a watershed from the peaks of the distance to the border."""
    from scipy import ndimage
    from skimage.morphology import reconstruction
    from skimage.segmentation import watershed

    distance = ndimage.distance_transform_edt(labels > 0)
    # components may be heaps, so that the size of an object follows from how deep they are and not from their area
    summits = np.sort(distance[(distance == ndimage.maximum_filter(distance, 5)) & (distance > 1)])
    radius = float(np.median(np.repeat(summits, summits.astype(np.intp)))) if len(summits) else 1.0
    smooth = ndimage.gaussian_filter(distance, max(SMOOTH * radius, 0.5))
    # peaks that stand out: what a flood from a little lower does not reach
    risen = smooth - reconstruction(smooth - PROMINENT * radius, smooth)
    markers = ndimage.label((risen > 0) & (labels > 0), np.ones((3, 3)))[0]
    return np.asarray(watershed(-smooth, markers, mask=labels > 0), dtype=np.int32)


def _without_debris(labels: Labels) -> Labels:
    """Return the objects that are not far smaller than a typical one, numbered without gaps."""
    areas = np.bincount(labels.ravel())
    kept = areas >= SMALLEST * _typical_area(labels)
    kept[0] = False
    return np.asarray((np.cumsum(kept) * kept)[labels], dtype=np.int32)


def _typical_area(labels: Labels) -> float:
    """Return the area of the object that the median pixel of all objects lies in: debris has few pixels."""
    areas = np.sort(np.bincount(labels.ravel())[1:])
    if not areas.sum():
        return 0.0
    return float(areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)])


def _measured(pixels: Image, labels: Labels) -> Table:
    """Return a value of each object for each feature of objects."""
    from skimage.measure import regionprops_table

    shape = regionprops_table(labels, properties=(*_SHAPES, "centroid"))
    found: Table = {name: np.asarray(shape[name], dtype=np.float64) for name in _SHAPES}
    perimeter = np.maximum(found["perimeter"], 1.0)
    found["form_factor"] = np.minimum(4 * np.pi * found["area"] / perimeter**2, 1.0)
    found |= _intensities(pixels, labels)
    centres = np.stack([shape["centroid-0"], shape["centroid-1"]], axis=1)
    radius = max(float(np.sqrt(_typical_area(labels) / np.pi)), 1.0)
    for number, channel in enumerate(pixels):
        found[f"displacement_c{number}"] = np.linalg.norm(_balance(channel, labels) - centres, axis=1) / radius
    return found | _neighbours(centres, radius)


def _intensities(pixels: Image, labels: Labels) -> Table:
    from scipy import ndimage
    from skimage.segmentation import expand_labels

    number = int(labels.max())
    width = max(RING * np.sqrt(_typical_area(labels) / np.pi), 1.0)
    ring = np.where(labels == 0, expand_labels(labels, width), 0)
    found: Table = {}
    for place, channel in enumerate(pixels):
        mean, spread = _moments(channel, labels, number)
        brightest = np.atleast_1d(ndimage.maximum(channel, labels, np.arange(1, number + 1)))
        # an object that is hemmed in all around has no ring, and the others tell the field's
        beside, uneven = (values[np.isfinite(values)] for values in _moments(channel, ring, number))
        table = {"intensity_mean": mean, "intensity_std": spread, "intensity_max": brightest}
        table |= {"ring_mean": beside, "ring_std": uneven}
        found |= {f"{name}_c{place}": values for name, values in table.items()}
    return found


def _moments(channel: Image, labels: Labels, number: int) -> tuple[Image, Image]:
    """Return mean and standard deviation of a channel in each object [n], not a number where it has no pixel."""
    whose = labels.ravel()
    count = np.bincount(whose, minlength=number + 1)[1:].astype(np.float64)
    count[count == 0] = np.nan
    mean = np.bincount(whose, channel.ravel(), number + 1)[1:] / count
    away = channel.ravel() - np.append(0.0, mean)[whose]
    return mean, np.sqrt(np.bincount(whose, away**2, number + 1)[1:] / count)


def _balance(channel: Image, labels: Labels) -> Image:
    """Return the place of each object's centre of light [n, 2]."""
    light = channel + 1e-12  # an object without light has its centre in its middle
    whose, number = labels.ravel(), int(labels.max()) + 1
    total = np.bincount(whose, light.ravel(), number)[1:]
    moments = (np.bincount(whose, (light * place).ravel(), number)[1:] for place in np.indices(labels.shape))
    return np.stack([moment / total for moment in moments], axis=1)


def _neighbours(centres: Image, radius: float) -> Table:
    """Return the distance to the nearest other object, in radii, and how many are near, where there is another."""
    from scipy.spatial import cKDTree

    if len(centres) <= 1:
        return {"nearest": np.zeros(len(centres)), "neighbours": np.zeros(len(centres))}
    tree = cKDTree(centres)
    near = tree.query_ball_point(centres, NEAR * radius, return_length=True) - 1
    return {"nearest": tree.query(centres, k=2)[0][:, 1] / radius, "neighbours": np.asarray(near, dtype=np.float64)}


def _correlations(pixels: Image) -> dict[str, float]:
    flat = pixels.reshape(len(pixels), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    spread = np.sqrt((flat**2).sum(axis=1))
    return {
        f"correlation_c{one}_c{other}": float(flat[one] @ flat[other] / max(spread[one] * spread[other], 1e-12))
        for one in range(len(pixels))
        for other in range(one + 1, len(pixels))
    }
