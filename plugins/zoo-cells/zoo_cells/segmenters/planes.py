"""Planes of a field on their way to a segmenter: checked, shrunk, freed of exposure; and labels brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOW, HIGH = 1.0, 99.8
"""Percentiles of a plane that become 0 and 1."""


def checked(planes: Mapping[str, NDArray[Any]], needs: Sequence[str], *, who: str) -> tuple[int, int]:
    """Return height and width that all planes share.

    Raises
    ------
    DataError
        If a plane of ``needs`` is not there, if planes differ in size or are none, or if a pixel is not finite.
    """
    import numpy as np

    lacks = [name for name in needs if name not in planes]
    if lacks:
        has = ", ".join(planes) or "none"
        raise DataError(f"{who} needs a plane of {lacks[0]}, and the field has {has}; say which channel shows it")
    sizes = {name: plane.shape for name, plane in planes.items()}
    first = sizes[needs[0]] if needs else next(iter(sizes.values()))
    for name, size in sizes.items():
        if size != first or len(size) != 2 or 0 in size:  # noqa: PLR2004 - height and width
            raise DataError(f"plane {name} has shape {size} and another {first}; all planes have one [height, width]")
        if planes[name].dtype.kind == "f" and not np.isfinite(planes[name]).all():
            raise DataError(f"plane {name} has pixels that are not finite; mend the image or leave it out of the data")
    return first[0], first[1]


def shrunk(plane: NDArray[Any], factor: int) -> NDArray[np.float64]:
    """Return sums of squares of ``factor`` pixels, the border repeated where they do not fit.

    Sums of integers are exact in float64, which is why the same field in 8 and in 16 bits gives the same cells.
    """
    import numpy as np

    if factor == 1:
        return plane.astype(np.float64)
    more = [(0, -size % factor) for size in plane.shape]
    whole = np.pad(plane, more, mode="edge")
    kind = np.float64 if plane.dtype.kind == "f" else np.uint64
    # rows first: whole rows are added to one another
    rows = whole.reshape(-1, factor, whole.shape[1]).sum(axis=1, dtype=kind)
    summed: NDArray[Any] = rows.reshape(len(rows), -1, factor).sum(axis=2)
    return summed.astype(np.float64)


def scaled(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a plane with its ground at 0 and its light at 1; all zeros where it is flat.

    What is brighter than the 99.8th percentile stays above 1, so that one nucleus in a wide, empty field keeps its
    shape. Percentiles are values of pixels, not between them, so that a scale of the plane drops out exactly.
    """
    import numpy as np

    low, high = np.percentile(plane, [LOW, HIGH], method="nearest")
    high = high if high > low else plane.max()
    if high <= low:
        return np.zeros_like(plane)
    return np.asarray(np.maximum(plane - low, 0) / (high - low), np.float64)


def enlarged(labels: NDArray[np.int32], factor: int, size: tuple[int, int]) -> NDArray[np.int32]:
    """Return labels [h, w] at full ``size`` [H, W], with borders that are no stairs.

    Each cell is enlarged by itself, bilinearly, and a pixel belongs to the cell that covers most of it, at least half.
    """
    import numpy as np
    from scipy import ndimage

    if factor == 1:
        return labels[: size[0], : size[1]]
    shape = [side * factor for side in labels.shape]
    out, best = np.zeros(shape, np.int32), np.full(shape, 0.5, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            small, large = _room(box, labels.shape, factor)
            cover = _bilinear((labels[small] == number).astype(np.float32), factor)
            more = cover >= best[large]
            out[large][more] = number
            best[large][more] = np.nextafter(cover[more], np.float32(2))
    return out[: size[0], : size[1]]


def _room(box: tuple[slice, ...], shape: tuple[int, ...], factor: int) -> tuple[Any, Any]:
    """Return the box with one pixel around it, and the same at full size."""
    small = tuple(slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(box, shape, strict=True))
    return small, tuple(slice(s.start * factor, s.stop * factor) for s in small)


def _bilinear(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    import numpy as np

    rows, columns = (_weights(side, factor) for side in image.shape)
    return np.asarray(rows @ image @ columns.T, np.float32)


def _weights(side: int, factor: int) -> NDArray[np.float32]:
    """Return what each small pixel gives to each large one [side * factor, side]."""
    import numpy as np

    at = np.clip((np.arange(side * factor) + 0.5) / factor - 0.5, 0, side - 1)
    near: NDArray[Any] = np.maximum(1 - np.abs(at[:, None] - np.arange(side)), 0)
    return near.astype(np.float32)
