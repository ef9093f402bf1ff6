"""Cells of fields on disk: one file a field that appears whole, and a table of all cells of a dataset."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.folders import cache_home
from zoo.progress import track

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from zoo_cells.segmented.crops import Cut

ENDING = ".safetensors"
NARROW = 2**16
MOST_PIXELS = 2**28
SMALL = ("box", "centroid", "area")
BOX = ("y0", "x0", "y1", "x1")
COLUMNS = {
    "item": "int32",
    "field": "string",
    "cell": "int32",
    **dict.fromkeys(BOX, "int32"),
    "centroid_y": "float32",
    "centroid_x": "float32",
    "area": "int32",
    "file": "string",
}
"""Columns of the table of all cells, and their types."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the files of the fields of a dataset tell.

    Attributes
    ----------
    kept, found
        How many cells of each field are kept, and how many were found [n].
    damaged
        Which files cannot be read.
    rows
        ``box``, ``centroid`` and ``area`` of all cells, one field after the other.
    """

    kept: NDArray[np.int64]
    found: NDArray[np.int64]
    damaged: list[int]
    rows: Mapping[str, NDArray[Any]]


class CellStore:
    """Files of fields in ``cache_home()/cells/<key>``; the folder may be deleted at any time.

    A file is called by a digest of its field, so that a field which is added to the data leaves the others as they are,
    and lies in one of 256 folders. Two processes that make the same field write the same bytes. Files are mapped when
    they are read; one that was cut short is told by its header, a flipped bit is not.

    Parameters
    ----------
    key
        Follows from segmenter and settings.
    """

    def __init__(self, key: str) -> None:
        self.folder = cache_home() / "cells" / key

    def path(self, name: str) -> Path:
        """Return where the file of a field lies."""
        return self.folder / name[:2] / f"{name}{ENDING}"

    def there(self) -> set[str]:
        """Return the names of all fields that are there."""
        found = set[str]()
        for part in self._entries(self.folder):
            if part.is_dir():
                found |= {one.name.removesuffix(ENDING) for one in self._entries(part) if _is_whole(one.name)}
        return found

    @staticmethod
    def _entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
        with suppress(OSError), os.scandir(folder) as entries:
            return list(entries)
        return []

    def write(self, name: str, made: Cut) -> None:
        """Put the cells of a field in their place.

        Raises
        ------
        RunError
            The disk is full, or cannot be written to.
        """
        import torch

        packed = zlib.compress(made.mask.astype(np.uint16 if len(made.area) < NARROW else np.int32).tobytes(), 1)
        tensors = {
            "crops": torch.from_numpy(made.crops),
            "box": torch.from_numpy(made.box),
            "centroid": torch.from_numpy(made.centroid),
            "area": torch.from_numpy(made.area),
            "found": torch.tensor([made.found]),
            "mask": torch.frombuffer(bytearray(packed), dtype=torch.uint8),
            "shape": torch.tensor(made.mask.shape),
        }
        atomic.write_tensors(self.path(name), tensors)

    def read(self, name: str, wanted: Sequence[str]) -> dict[str, torch.Tensor] | None:
        """Return some of what is kept of a field, None where its file is not there or damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path(name), framework="pt") as file:
                return {one: file.get_tensor(one) for one in wanted}
        except (OSError, SafetensorError):
            return None

    def mask(self, name: str) -> NDArray[np.int32] | None:
        """Return the label image [H, W] of a field, None where its file is not there or damaged."""
        held = self.read(name, ("mask", "shape", "area"))
        if held is None:
            return None
        height, width = (int(one) for one in held["shape"])
        kind = np.dtype(np.uint16 if len(held["area"]) < NARROW else np.int32)
        if not 0 < height * width <= MOST_PIXELS:
            return None
        try:
            pixels = zlib.decompressobj().decompress(held["mask"].numpy().tobytes(), height * width * kind.itemsize)
        except zlib.error:
            return None
        if len(pixels) != height * width * kind.itemsize:
            return None
        return np.frombuffer(pixels, kind).reshape(height, width).astype(np.int32)

    def counts(self, names: Sequence[str], numbers: Sequence[int]) -> Counts:
        """Return what is known of these of the fields; the others have no cells."""
        kept, found = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
        damaged: list[int] = []
        parts: list[dict[str, torch.Tensor]] = []
        for number in track(numbers, "counting cells", unit="fields"):
            held = self.read(names[number], (*SMALL, "found"))
            if held is None:
                damaged.append(number)
            else:
                kept[number], found[number] = len(held["area"]), int(held["found"][0])
                parts.append(held)
        rows = {name: np.concatenate([part[name].numpy() for part in parts]) for name in SMALL if parts}
        return Counts(kept, found, damaged, rows)

    def table(self, stamp: str, lost: Sequence[int], length: int) -> Counts | None:
        """Return the counts that the table of a dataset tells, None where it does not fit or is not there."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / f"{stamp}.parquet"
        try:
            with pq.ParquetFile(path) as file:
                told = json.loads((file.schema_arrow.metadata or {}).get(b"zoo", b"{}"))
                if told.get("lost") != list(lost) or told.get("fields") != length:
                    return None
                numbers = file.read(columns=["item"])["item"].to_numpy()
        except (OSError, ValueError, pa.ArrowException):
            return None
        kept = np.bincount(numbers, minlength=length).astype(np.int64)
        found = kept.copy()
        for number, count in told["over"]:
            found[number] = count
        return Counts(kept, found, [], {})

    def write_table(
        self, stamp: str, names: Sequence[str], fields: Sequence[str], counts: Counts, lost: list[int]
    ) -> None:
        """Write one row a cell: number and name of its field, its number in the mask, box, centroid, area, file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        over = [[int(one), int(counts.found[one])] for one in np.flatnonzero(counts.found > counts.kept)]
        told = json.dumps({"fields": len(names), "lost": lost, "over": over})
        kinds = [(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()]
        item = np.repeat(np.arange(len(names)), counts.kept)
        files = [str(self.path(name).relative_to(self.folder)) for name in names]
        rows: dict[str, Any] = {
            **columns(counts.rows),
            "item": item,
            "field": np.array(fields, object)[item],
            "cell": np.arange(len(item)) - np.repeat(np.cumsum(counts.kept) - counts.kept, counts.kept) + 1,
            "file": np.array(files, object)[item],
        }
        table = pa.table(rows, schema=pa.schema(kinds, metadata={"zoo": told}))
        atomic.write(self.folder / f"{stamp}.parquet", lambda temporary: pq.write_table(table, temporary))


def columns(held: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return what is kept of the cells of a field as columns of a table."""
    box, centroid, area = (np.asarray(held[name]) for name in SMALL)
    told = {"cell": np.arange(1, len(area) + 1, dtype=np.int32)}
    told |= {name: box[:, place] for place, name in enumerate(BOX)}
    return {**told, "centroid_y": centroid[:, 0], "centroid_x": centroid[:, 1], "area": area}


def _is_whole(name: str) -> bool:
    """Return whether this is the file of a field, and not one that was being written when its process ended."""
    return name.endswith(ENDING) and not name.startswith(".")
