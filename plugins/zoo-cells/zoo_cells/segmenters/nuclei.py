"""Nuclei of a stained plane: told from the ground, parted where they touch, each cut at half its own light."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 20
"""Pixels of the shrunk plane below which nothing is a nucleus; single hot pixels are less once smoothed."""


def typical_diameter(plane: NDArray[np.float64]) -> float:
    """Return the diameter of a usual nucleus of a scaled plane, in its pixels; 0 where it shows none.

    It is that of a disc of the median area of bright parts. Debris does not count, which is what is less than an eighth
    of the middle part; for that one each part weighs as its width, so that neither a swarm of specks nor one long
    fibre carries it away.
    """
    import numpy as np
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(plane, 1.0)
    parts, _ = ndimage.label(ndimage.binary_fill_holes(smooth > ground_ends(smooth)))
    areas = np.sort(np.bincount(parts.ravel())[1:])
    if not len(areas):
        return 0.0
    widths = np.sqrt(areas).cumsum()
    middle = areas[np.searchsorted(widths, widths[-1] / 2)]
    return float(np.sqrt(4 / np.pi * np.median(areas[areas > middle / 8])))


def ground_ends(smooth: NDArray[np.float64]) -> float:
    """Return the light at which ground and stain part: Otsu's threshold of square roots, so that dim nuclei count.

    Otsu 1979, doi:10.1109/TSMC.1979.4310076.
    """
    import numpy as np
    from skimage.filters import threshold_otsu

    roots = np.sqrt(smooth)
    return float(threshold_otsu(roots)) ** 2 if roots.max() > roots.min() else float(smooth.max())


def nuclei(
    plane: NDArray[np.float64], *, diameter: float, smallest: float, threshold: float, contrast: float
) -> NDArray[np.int32]:
    """Return the nuclei of a scaled plane [h, w] as labels 1 to n.

    Parameters
    ----------
    plane
        Scaled light of the stain.
    diameter
        Of a usual nucleus, pixels; lengths below are parts of it.
    smallest
        Area in pixels below which a part is none.
    threshold
        Times Otsu's threshold.
    contrast
        Standard deviations of the ground by which a nucleus stands out of it on average.
    """
    import numpy as np
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(plane, diameter / 28)
    bound = threshold * ground_ends(smooth)
    mask = ndimage.binary_fill_holes(smooth > bound)
    if not mask.any() or mask.all():
        return np.zeros(plane.shape, np.int32)
    ground = smooth[~mask]
    middle = float(np.median(ground))
    spread = 1.4826 * float(np.median(np.abs(ground - middle)))
    apart = parted(mask, np.log(np.maximum(smooth, bound / 2)), diameter=diameter)
    cut = at_half_light(apart, smooth, ground=middle, reach=0.1 * diameter)
    return kept(cut, smooth, smallest=max(smallest, SMALLEST), least=middle + contrast * spread)


def parted(mask: NDArray[np.bool_], light: NDArray[np.float64], *, diameter: float) -> NDArray[np.int32]:
    """Return the mask in parts where it has a waist, or a dim line, by watershed from its tops.

    The landscape is the distance to the ground plus the logarithm of the light, smoothed; a top that rises less than
    1/37 of a diameter above the saddle to a higher one is none (h-maxima; Vincent 1993, doi:10.1109/83.217222).
    """
    import numpy as np
    from scipy import ndimage
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    high = ndimage.distance_transform_edt(mask) + 0.21 * diameter * light
    high = ndimage.gaussian_filter(high, 0.07 * diameter)
    filled = reconstruction(high - 0.027 * diameter, high, method="dilation")
    tops, _ = ndimage.label(local_maxima(filled, connectivity=2) & mask, np.ones((3, 3)))
    parts: NDArray[np.int32] = watershed(-high, tops, mask=mask).astype(np.int32)
    return parts


def at_half_light(
    labels: NDArray[np.int32], smooth: NDArray[np.float64], *, ground: float, reach: float
) -> NDArray[np.int32]:
    """Return labels of which each ends where the light falls to half of its own median above the ground.

    One threshold for all is too low for bright nuclei, which grow a rim by it, and too high for dim ones.
    """
    import numpy as np
    from scipy import ndimage
    from skimage.segmentation import expand_labels

    numbers = np.arange(1, labels.max() + 1)
    if not len(numbers):
        return labels
    half = (ground + ndimage.median(smooth, labels, numbers)) / 2
    wider = expand_labels(labels, reach)
    cut = np.where(smooth > np.concatenate([[np.inf], half])[wider], wider, 0)
    return np.where(filled_by(labels, cut), labels, cut).astype(np.int32)


def filled_by(labels: NDArray[np.int32], cut: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the holes that a cut left in what it was made of, dark nucleoli for instance."""
    from scipy import ndimage

    holes: NDArray[np.bool_] = ndimage.binary_fill_holes(cut > 0) & (cut == 0) & (labels > 0)
    return holes


def kept(labels: NDArray[np.int32], smooth: NDArray[np.float64], *, smallest: float, least: float) -> NDArray[np.int32]:
    """Return the labels that are large and bright enough on average, numbered anew from 1."""
    import numpy as np

    areas = np.bincount(labels.ravel())
    light = np.bincount(labels.ravel(), weights=smooth.ravel()) / np.maximum(areas, 1)
    return renumbered(labels, (areas >= smallest) & (light >= least))


def renumbered(labels: NDArray[np.int32], stays: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return labels 1 to m of those numbers that stay; ``stays`` has a place for the ground, which is left out."""
    import numpy as np

    stays[0] = False
    anew: NDArray[np.int32] = np.where(stays, stays.cumsum(), 0).astype(np.int32)
    return anew[labels]
