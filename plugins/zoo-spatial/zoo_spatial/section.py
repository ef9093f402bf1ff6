"""A section of tissue with its spots: what every reader makes, and what every dataset is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from zoo_spatial.slides.slide import Slide

FEWEST_SPOTS = 2


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes
    ----------
    name, donor
        Of the section, and of whom it was taken from.
    image
        The stained image.
    position_px
        x and y of each spot's centre in pixels of the image [n, 2].
    grid
        Column and row of each spot on the array [n, 2]; positions in pixels where there is no array.
    ids
        Name of each spot within the section.
    counts
        Transcripts [n, genes], dense or sparse; None where they are to be predicted.
    genes
        Names of the columns of ``counts``, each once: symbols where the source has them, else identifiers.
    um_per_px
        Size of a pixel in micrometres; None where unknown.
    gene_ids
        Ensembl identifiers of the columns; None where the source has no second name for its genes.
    notes
        What a reader of this section's figures must not overlook.
    """

    name: str
    donor: str
    image: Slide
    position_px: NDArray[np.float32]
    grid: NDArray[np.float32]
    ids: list[str]
    counts: NDArray[np.float32] | csr_matrix | None
    genes: list[str]
    um_per_px: float | None = None
    gene_ids: list[str] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a section that nothing can be learnt from or whose parts do not fit together."""
        if len(self.ids) < FEWEST_SPOTS:
            plural = "spot" if len(self.ids) == 1 else "spots"
            raise DataError(
                f"section {self.name} has {len(self.ids)} {plural}, at least {FEWEST_SPOTS} are needed; "
                "leave it out with data.sections"
            )
        height, width = self.image.shape
        x, y = self.position_px.T
        outside = np.flatnonzero(~((x >= 0) & (x < width) & (y >= 0) & (y < height)))
        if len(outside):
            first = outside[0]
            raise DataError(
                f"section {self.name}: {len(outside)} of {len(x)} spots lie outside the image of {width} x {height} "
                f"pixels (first: {self.ids[first]} at {x[first]:.0f}, {y[first]:.0f}); is the spot file of this image?"
            )

    @property
    def pitch_px(self) -> float:
        """Distance between neighbouring spots: the median over spots of the distance to the nearest other."""
        from scipy.spatial import cKDTree

        distances, _ = cKDTree(self.position_px).query(self.position_px, k=2)
        pitch = float(np.median(distances[:, 1]))
        if pitch == 0:
            raise DataError(f"section {self.name}: most spots lie on top of another; check the positions")
        return pitch
