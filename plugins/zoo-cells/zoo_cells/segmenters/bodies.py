"""Bodies of cells, grown from their nuclei over the stains of the cytoplasm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_cells.segmenters.nuclei import renumbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_BODY = 0.1
"""Of its nucleus' area a cell has at least this much around it."""


def cytoplasm(plane: NDArray[np.float64], *, diameter: float) -> NDArray[np.float64]:
    """Return a scaled plane, at most 1, smoothed over a 28th of a nucleus, so that fibres become an area."""
    import numpy as np
    from scipy import ndimage

    smooth: NDArray[np.float64] = ndimage.gaussian_filter(np.minimum(plane, 1), diameter / 28)
    return smooth


def grown_over(
    nuclei: NDArray[np.int32], light: NDArray[np.float64], *, diameter: float, bound: float
) -> NDArray[np.int32]:
    """Return cells [h, w] under the numbers of their nuclei; a nucleus without a body is left out.

    Cells meet where the light of the cytoplasm is least, or half-way where it is even: the landscape of the watershed
    is a quarter of the distance to the nearest nucleus, in diameters, less the light. Light that no nucleus is
    connected with belongs to no cell.
    """
    import numpy as np
    from scipy import ndimage
    from skimage.segmentation import watershed

    mask = without_small_holes((light > bound) | (nuclei > 0), below=diameter**2 / 8)
    away = ndimage.distance_transform_edt(nuclei == 0) / diameter
    cells = watershed(away / 4 - light, nuclei, mask=mask).astype(np.int32)
    most = int(nuclei.max()) + 1
    around = np.bincount(cells.ravel(), minlength=most) - np.bincount(nuclei.ravel(), minlength=most)
    return renumbered(cells, around >= LEAST_BODY * np.bincount(nuclei.ravel(), minlength=most))


def without_small_holes(mask: NDArray[np.bool_], *, below: float) -> NDArray[np.bool_]:
    """Return the mask with those of its holes filled that have less than ``below`` pixels, at the border too."""
    import numpy as np
    from scipy import ndimage

    holes, _ = ndimage.label(~mask)
    filled: NDArray[np.bool_] = mask | (np.bincount(holes.ravel()) < below)[holes]
    return filled
