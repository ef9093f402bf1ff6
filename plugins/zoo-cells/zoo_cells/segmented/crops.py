"""Cells cut out of a field: which ones, how much around them, how bright, how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo_cells.resizing import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Box = tuple[slice, slice]

LOW, HIGH = 1.0, 99.9
"""Percentiles of a channel that become black and white; what a dot of protein covers is less than a hundredth."""
WHITE = 255
WIDE_TO_NARROW = 257
"""65,535 / 255: how 16 bits become 8."""


@dataclass(frozen=True, slots=True)
class Crops:
    """How cells are cut out of their field.

    A crop is a square around the cell, so that its shape is not squeezed, and 0 beyond the field. The defaults of
    ``pad``, ``min_area`` and ``edges`` are those of a published pipeline (Cellpose-SAM and a cell network on the images
    of the 2021 challenge); that one squeezed boxes, left neighbours in the picture, and is had with ``mask: false``
    and ``scale: cell`` but for the squeezing.

    Attributes
    ----------
    size
        Pixels a side after resizing, by area.
    pad
        Pixels of the field around the box of the cell.
    mask
        Set what does not belong to the cell to 0: its neighbours may have the protein somewhere else.
    min_area
        Smaller ones are no cells, pixels of the field.
    edges
        Whether cells that touch the border of the field are kept; what is cut off of them nobody sees.
    most
        A field with more cells is left out and noted: a segmenter that takes grains for cells finds thousands.
    scale
        How pixels become 8 bits. ``field``: percentiles of each channel over the whole field become 0 and 255, so
        that cells of a field can be compared and exposure does not matter. ``cell``: divided by the largest value of
        the crop over all channels, as published; a dim cell looks like a bright one. ``none``: 8 bits stay as they
        are, 16 are divided by 257. Nothing ever wraps around.
    """

    size: int = 128
    pad: int = 16
    mask: bool = True
    min_area: int = 135
    edges: Literal["keep", "drop"] = "keep"
    most: int = 1000
    scale: Literal["field", "cell", "none"] = "field"

    def __post_init__(self) -> None:
        for name, least in (("size", 8), ("pad", 0), ("min_area", 1), ("most", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is a number of at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Cut:
    """The cells of one field.

    Attributes
    ----------
    crops
        [n, C, S, S].
    box
        [n, 4]: first row, first column, and the row and column after the last, without padding.
    centroid
        [n, 2]: row and column.
    area
        [n] pixels.
    mask
        [H, W]: 0, and c for the pixels of cell c, from 1 to n.
    found
        How many cells there are; with more than ``most`` none was cut out.
    """

    crops: NDArray[np.uint8]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]
    area: NDArray[np.int32]
    mask: NDArray[np.int32]
    found: int


def cut(image: NDArray[Any], labels: NDArray[np.int32], crops: Crops) -> Cut:
    """Cut the cells of a label image [H, W] out of a field [C, H, W] of uint8 or uint16, in the order of numbers."""
    from scipy.ndimage import find_objects

    boxes: list[Box | None] = find_objects(labels)
    area = np.bincount(labels.ravel(), minlength=len(boxes) + 1)
    numbers = [
        number for number, box in enumerate(boxes, 1) if box is not None and _is_kept(box, area[number], labels, crops)
    ]
    found = len(numbers)
    if found > crops.most:
        numbers = []
    renumbered = np.zeros(len(boxes) + 1, np.int32)
    renumbered[numbers] = np.arange(1, len(numbers) + 1)
    kept = [box for number in numbers if (box := boxes[number - 1]) is not None]
    span = percentiles(image) if crops.scale == "field" and numbers else None
    sheet = _Sheet(image, labels, crops, span)
    pixels = [sheet.crop(number, box) for number, box in zip(numbers, kept, strict=True)]
    return Cut(
        np.stack(pixels) if pixels else np.zeros((0, len(image), crops.size, crops.size), np.uint8),
        np.array([[y.start, x.start, y.stop, x.stop] for y, x in kept], np.int32).reshape(-1, 4),
        np.array([_centroid(labels, *each) for each in zip(numbers, kept, strict=True)], np.float32).reshape(-1, 2),
        area[numbers].astype(np.int32),
        renumbered[labels],
        found,
    )


def touches(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a box reaches the border of its field."""
    return any(side.start == 0 or side.stop == length for side, length in zip(box, shape, strict=True))


def percentiles(image: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the values of each channel [C] that become black and white: of its ``LOW`` and ``HIGH`` percentile."""
    ends = np.empty((2, len(image)), np.float32)
    for channel, plane in enumerate(image):
        below = np.cumsum(np.bincount(plane.ravel()))
        ends[:, channel] = np.searchsorted(below, np.array([LOW, HIGH]) / 100 * plane.size)
    return ends[0], ends[1]


def _is_kept(box: Box, area: int, labels: NDArray[np.int32], crops: Crops) -> bool:
    return bool(area >= crops.min_area) and (crops.edges == "keep" or not touches(box, labels.shape))


def _centroid(labels: NDArray[np.int32], number: int, box: Box) -> tuple[float, float]:
    rows, columns = np.nonzero(labels[box] == number)
    return box[0].start + rows.mean(), box[1].start + columns.mean()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A field that cells are cut from; ``span`` are the values that become black and white, where these are its own."""

    image: NDArray[Any]
    labels: NDArray[np.int32]
    crops: Crops
    span: tuple[NDArray[np.float32], NDArray[np.float32]] | None

    def crop(self, number: int, box: Box) -> NDArray[np.uint8]:
        """Return one cell [C, S, S] in 8 bits."""
        crops, (window, inside) = self.crops, _window(box, self.labels.shape, self.crops.pad)
        values = self._scaled(self.image[:, *window])
        if crops.mask:
            values *= self.labels[window] == number
        if crops.scale == "cell":
            values *= WHITE / max(float(values.max()), 1 / WIDE_TO_NARROW)
        side = _side(box, crops.pad)
        square = np.zeros((len(self.image), side, side), np.float32)
        square[:, *inside] = values
        kept: NDArray[np.uint8] = np.rint(np.clip(resized(square, crops.size), 0, WHITE)).astype(np.uint8)
        return kept

    def _scaled(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return pixels from 0 to 255."""
        if self.span is None:
            return pixels.astype(np.float32) / np.float32(WIDE_TO_NARROW if pixels.dtype == np.uint16 else 1)
        low, high = (end[:, None, None] for end in self.span)
        scaled: NDArray[np.float32] = np.clip((pixels - low) / np.maximum(high - low, 1), 0, 1) * WHITE
        return scaled


def _side(box: Box, pad: int) -> int:
    return int(max(one.stop - one.start for one in box)) + 2 * pad


def _window(box: Box, shape: tuple[int, ...], pad: int) -> tuple[Box, Box]:
    """Return what of the field a square around a box covers, and where in the square that lies."""
    side = _side(box, pad)
    window, inside = list[slice](), list[slice]()
    for one, length in zip(box, shape, strict=True):
        first = one.start - (side - (one.stop - one.start)) // 2
        window.append(slice(max(first, 0), min(first + side, length)))
        inside.append(slice(window[-1].start - first, window[-1].stop - first))
    return (window[0], window[1]), (inside[0], inside[1])
