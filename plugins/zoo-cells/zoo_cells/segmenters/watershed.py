"""``watershed``: nuclei by threshold and distance, and the cells around them; no weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_cells.segmenters.bodies import cytoplasm, grown_over
from zoo_cells.segmenters.nuclei import ground_ends, nuclei, typical_diameter
from zoo_cells.segmenters.planes import checked, enlarged, scaled, shrunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BODIES = ("microtubules", "er")
"""Planes that show the body of a cell, the one that reaches to its border first."""

COARSE_PX, NUCLEUS_PX = 512, 36
"""The longest side of the copy a diameter is estimated on, and a nucleus' diameter in the copy that is segmented."""


class Watershed:
    """Find cells without any trained weights: the segmenter for where Cellpose-SAM cannot be had, and the default.

    It knows no shapes of cells as a trained network does: where bodies overlap or cells pile up, trust ``cellpose``
    more. It works on a copy of the field in which a nucleus is about 36 pixels wide, or as wide as it is where it is
    less, so that neither magnification nor exposure matters:

    1. nuclei: Otsu's threshold, parted at waists and dim lines, each ending at half its own light;
    2. with a plane of ``microtubules``, else of ``er``, cells by watershed from the nuclei over its light; a nucleus
       without a body and a body without a nucleus are no cell. Microtubules go first because they reach to the border
       of a cell; both together join cells where one has bright ER and its neighbour none. Where neither is there, or
       shows anything, nuclei grown by ``grow`` are the cells;
    3. every cell enlarged to the size of the field with a smooth border.

    Cells that touch the border of the field are kept. Nothing is drawn at random.

    Parameters
    ----------
    diameter
        Of a usual nucleus, in pixels of the field; estimated from each field where not given.
    min_area
        Of a nucleus, in pixels of the field; a 20th of a usual nucleus where not given.
    nucleus_threshold
        Times Otsu's threshold of the stain of nuclei; less finds dimmer ones.
    body_threshold
        Times Otsu's threshold of the stain of the body; less makes cells wider.
    contrast
        How many standard deviations of the ground a nucleus has to stand out of it, so that noise is no cell.
    grow
        Pixels of the field by which nuclei are grown where no plane shows the body.

    Raises
    ------
    ValueError
        A parameter is out of bounds.

    Notes
    -----
    Watershed from markers after Beucher and Meyer 1993 (doi:10.1201/9781482277234-12); cells from nuclei over a second
    stain as CellProfiler's secondary objects (Carpenter et al. 2006, doi:10.1186/gb-2006-7-10-r100), which offers
    distance or light as the landscape, where ours adds both.
    """

    needs = ("nucleus",)

    def __init__(
        self,
        *,
        diameter: float | None = None,
        min_area: float | None = None,
        nucleus_threshold: float = 0.8,
        body_threshold: float = 0.5,
        contrast: float = 6.0,
        grow: float = 0.0,
    ) -> None:
        if diameter is not None and not 2 <= diameter <= 2**14:  # noqa: PLR2004 - pixels of a nucleus
            raise ValueError(f"diameter is from 2 to 16384 pixels, or null to estimate it, not {diameter}")
        for name, value in (("min_area", min_area or 0), ("contrast", contrast), ("grow", grow)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is 0 or more, not {value}")
        for name, value in (("nucleus_threshold", nucleus_threshold), ("body_threshold", body_threshold)):
            if not 0 < value < 10:  # noqa: PLR2004 - times a threshold
                raise ValueError(f"{name} is above 0 and below 10 (it multiplies Otsu's threshold), not {value}")
        self.diameter, self.min_area, self.contrast, self.grow = diameter, min_area, contrast, grow
        self.nucleus_threshold, self.body_threshold = nucleus_threshold, body_threshold

    def __call__(self, planes: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
        """Return the cells of a field as labels [H, W].

        Raises
        ------
        DataError
            The field has no plane of the nucleus, planes of several sizes, or pixels that are not finite.
        """
        import numpy as np

        known = {name: planes[name] for name in (*self.needs, *BODIES) if name in planes}
        size = checked(known or planes, self.needs, who="watershed")
        across = self.diameter or self._estimate(known["nucleus"])
        if not across:
            return np.zeros(size, np.int32)
        factor = max(1, int(across / NUCLEUS_PX))
        return enlarged(self._small(known, across / factor, factor), factor, size)

    def _estimate(self, plane: NDArray[Any]) -> float:
        """Return the diameter of a usual nucleus, in pixels of the field."""
        factor = -(-int(max(plane.shape)) // COARSE_PX)
        return factor * typical_diameter(scaled(shrunk(plane, factor)))

    def _small(self, planes: Mapping[str, NDArray[Any]], diameter: float, factor: int) -> NDArray[np.int32]:
        """Return the cells of the shrunk field; ``diameter`` is in its pixels."""
        from skimage.segmentation import expand_labels

        light = {name: scaled(shrunk(plane, factor)) for name, plane in planes.items()}
        seeds = nuclei(
            light["nucleus"],
            diameter=diameter,
            smallest=diameter**2 / 25 if self.min_area is None else self.min_area / factor**2,
            threshold=self.nucleus_threshold,
            contrast=self.contrast,
        )
        # a stain that failed shows nothing, and says nothing of where cells end
        body = next((light[name] for name in BODIES if name in light and light[name].any()), None)
        if body is None or not seeds.any():
            return expand_labels(seeds, self.grow / factor) if self.grow else seeds
        smooth = cytoplasm(body, diameter=diameter)
        return grown_over(seeds, smooth, diameter=diameter, bound=self.body_threshold * ground_ends(smooth))
