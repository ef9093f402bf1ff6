"""Where a slide shows tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.slides.slide import Slide

LONGEST = 2048
SMOOTHED = 1 / 500
BLACK = 40
PALE, STAINED = 0.05, 0.12
NO_GLASS = 0.13
SPECK, HOLE = 2e-4, 1e-3
SMOOTH_GLASS, WINDOW = 3.0, 1 / 100
FEWEST = 16


def tissue_mask(slide: Slide, *, longest: int = LONGEST) -> tuple[NDArray[np.bool_], float]:
    """Find the tissue of an H&E slide on a thumbnail.

    Stained tissue is coloured and glass is not, so the saturation (HSV) of the smoothed thumbnail is split by Otsu's
    threshold (doi:10.1109/TSMC.1979.4310076), as CLAM does (doi:10.1038/s41551-020-00682-w). Three things are added.
    Black pixels, a scanner's border, are left out of both classes. Otsu splits whatever it is given, so his threshold
    is held between 0.05 and 0.12: paler than the first is glass and more stained than the second is tissue, which
    leaves a slide of nothing but glass empty; where even the paler class is as stained as tissue is on average, there
    is no glass and all of the slide is tissue. Stain that has run out over the glass is coloured but smooth: where
    the green channel varies by less than 3 of 255 (standard deviation over 1 / 100 of the longer side) there is no
    tissue either. Specks of less than 1 / 5000 of the image are removed, holes of less than 1 / 1000 filled.

    The bounds were chosen on seven real sections, so what they reach is no estimate for others: of the spots that
    their makers called tissue it finds 99.5 to 100 % on her2st C2 to C5, and 92, 98 and 80 % on three olfactory bulbs
    (and at most 0.2 % of the spots beside those). It misses frayed tissue and tears.

    Parameters
    ----------
    slide
        The slide.
    longest
        Longer side of the thumbnail in pixels.

    Returns
    -------
    Whether there is tissue [h, w], and the width of a pixel of this mask in pixels of the slide.
    """
    from scipy.ndimage import gaussian_filter

    thumbnail = slide.thumbnail(longest)
    width = SMOOTHED * max(thumbnail.shape)
    smooth = gaussian_filter(thumbnail.astype(np.float32), (width, width, 0))
    brightest = smooth.max(axis=-1)
    lit = brightest >= BLACK
    saturation = (brightest - smooth.min(axis=-1)) / np.maximum(brightest, 1)
    mask = lit & (saturation > _threshold(saturation[lit])) & (_variation(thumbnail[..., 1]) > SMOOTH_GLASS)
    mask = _without_small(mask, SPECK * mask.size)
    return ~_without_small(~mask, HOLE * mask.size) & lit, slide.shape[1] / mask.shape[1]


def _variation(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the standard deviation of the values around each pixel."""
    from scipy.ndimage import uniform_filter

    width = max(3, round(WINDOW * max(values.shape)))
    shifted = values.astype(np.float32) - float(values.mean())
    mean = uniform_filter(shifted, width)
    varied: NDArray[np.float32] = np.sqrt(np.maximum(uniform_filter(shifted * shifted, width) - mean * mean, 0))
    return varied


def _threshold(saturation: NDArray[np.float32]) -> float:
    from skimage.filters import threshold_otsu

    if len(saturation) < FEWEST or float(np.ptp(saturation)) == 0:
        return PALE
    threshold = float(threshold_otsu(saturation))
    if float(saturation[saturation <= threshold].mean()) > NO_GLASS:
        return PALE
    return min(max(threshold, PALE), STAINED)


def _without_small(mask: NDArray[np.bool_], smallest: float) -> NDArray[np.bool_]:
    """Remove connected parts of fewer pixels."""
    from scipy.ndimage import label

    parts, _ = label(mask)
    kept = np.bincount(parts.ravel()) >= smallest
    kept[0] = False
    found: NDArray[np.bool_] = kept[parts]
    return found
