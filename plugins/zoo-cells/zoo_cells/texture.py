"""Texture of a channel: what openings of growing size take away, and how grey levels stand side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (1, 2, 4, 6)
"""Radii of openings, in pixels."""
LEVELS = 16
"""Grey levels that a channel is cut to before pairs are counted."""
DISTANCES = (1, 3)
"""How far the pixels of a pair lie apart."""


def granularity(channel: NDArray[np.float64]) -> dict[str, float]:
    """Return the shares of a channel's light above its lowest that openings take away, a band of sizes after the other.

    Granularity is the spectrum of sizes of mathematical morphology (Maragos 1989, doi:10.1109/34.192465), by openings
    of squares.
    """
    from scipy import ndimage

    # a few dark pixels of noise are no ground
    ground = float(np.percentile(channel, 1))
    rest = np.maximum(channel - ground, 0)
    total, found = max(float(rest.sum()), 1e-12), {}
    for radius in SIZES:
        opened = np.minimum(rest, ndimage.grey_opening(rest, size=2 * radius + 1))
        found[f"granularity_{radius}"] = float((rest - opened).sum()) / total
        rest = opened
    return found


def haralick(channel: NDArray[np.float64], mask: NDArray[np.bool_]) -> dict[str, float]:
    """Return contrast, correlation and homogeneity of pairs of pixels within a mask, averaged over four directions.

    Grey levels are cut between the 1st and 99th percentile of the mask, so that they do not follow the brightness
    (Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314). A mask without pixels gives zeros.
    """
    from skimage.feature import graycomatrix, graycoprops

    kinds = ("contrast", "correlation", "homogeneity")
    if not mask.any():
        return {f"{kind}_{distance}": 0.0 for kind in kinds for distance in DISTANCES}
    low, high = np.percentile(channel[mask], [1, 99])
    scaled = np.clip((channel - low) / max(high - low, 1e-12), 0, 1)
    # level 0 is what lies outside, and its pairs are not counted
    grey = np.where(mask, 1 + np.minimum(scaled * LEVELS, LEVELS - 1), 0).astype(np.uint8)
    turns = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    pairs = graycomatrix(grey, DISTANCES, turns, levels=LEVELS + 1, symmetric=True)[1:, 1:]
    return {
        f"{kind}_{distance}": float(value)
        for kind in kinds
        for distance, value in zip(DISTANCES, graycoprops(pairs, kind).mean(axis=1), strict=True)
    }
