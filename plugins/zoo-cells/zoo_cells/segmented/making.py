"""One field made into cells: read, segmented, cut, kept. It runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import Segmenter
from zoo.errors import DataError
from zoo_cells.image_checks import sizes
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import read_field
from zoo_cells.segmented.crops import Crops, cut
from zoo_cells.segmented.store import CellStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Making:
    """What is done to each field: a callable of the field and the name of its file.

    Attributes
    ----------
    segmenter, crops
        As the recipe has them.
    channels
        What the planes of a field show.
    store
        Where its cells go.

    Raises
    ------
    DataError
        The field cannot be read, or what the segmenter gives is no label image of it.
    """

    segmenter: Segmenter
    crops: Crops
    channels: tuple[str, ...]
    store: CellStore

    def __call__(self, task: tuple[CellField, str]) -> None:
        """Make the cells of a field, and put them into the file of that name."""
        field, name = task
        image = read_field(field)
        labels = self.segmenter(dict(zip(self.channels, image, strict=True)))
        self.store.write(name, cut(image, as_labels(labels, image.shape[1:]), self.crops))


def as_labels(given: Any, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return what a segmenter gave as a label image, and refuse what is none.

    Raises
    ------
    DataError
        It has another size than the field, or values that are no numbers of cells.
    """
    labels = np.asarray(given)
    if labels.shape != shape or not np.issubdtype(labels.dtype, np.integer):
        said = f"{sizes(labels.shape)} {labels.dtype} for a field of {sizes(shape)}"
        raise DataError(f"the segmenter gave {said}; it has to give whole numbers, one a pixel")
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high > labels.size:
        raise DataError(f"the segmenter gave numbers from {low} to {high}; cells are 1 to n, background is 0")
    return labels.astype(np.int32)
