"""Masks of cells as OME-TIFF, a file a field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 80
ENDING = ".ome.tif"


def file_names(fields: Sequence[str]) -> list[str]:
    """Return a name for the mask of each field that any file system takes, no two alike in any case."""
    taken: set[str] = set()
    return [_free(re.sub(r"[^A-Za-z0-9_-]+", "_", field).strip("_")[:LONGEST] or "field", taken) for field in fields]


def _free(stem: str, taken: set[str]) -> str:
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return f"{name}{ENDING}"


def write_masks(folder: Path, dataset: Any, fields: Sequence[str]) -> Iterator[Path]:
    """Write the mask of each item in order and give its path.

    Pixels are 0 for background and c for cell c, the number that the tables call it by; 16 bits, 32 where there are
    more than 65,535 cells. Files are compressed without loss (deflate) and hold one plane.

    Parameters
    ----------
    folder
        Where to.
    dataset
        Has ``mask(item)`` -> [H, W].
    fields
        Name of each item.
    """
    for item, name in enumerate(file_names(fields)):
        yield write_mask(folder / name, dataset.mask(item), fields[item])


def write_mask(path: Path, mask: NDArray[np.int32], field: str) -> Path:
    """Write one mask and return its path."""
    import tifffile

    kind = np.uint16 if mask.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    told = {"axes": "YX", "Name": f"cells of {field}"}

    def fill(temporary: Path) -> None:
        tifffile.imwrite(temporary, mask.astype(kind), ome=True, compression="zlib", metadata=told)

    atomic.write(path, fill)
    return path
