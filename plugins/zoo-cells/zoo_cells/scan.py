"""What image files lie below a folder: one look at each folder, no file opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError, MissingError
from zoo.progress import track

ENDINGS = (".tif", ".tiff", ".png")
NOT_PIXELS = re.compile(r"[_-](mask\w*|thumb|outlines?\w*|labels?|seg)$|^mask_", re.IGNORECASE)
"""Drawn beside images by segmentation, or small copies for browsing."""
MOST_FILES, MOST_DEPTH = 5_000_000, 12


class File(NamedTuple):
    """An image file; ``path`` is where it lies below the root, with ``/``."""

    path: str
    size: int
    changed_ns: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path without its last part, "" for what lies in the root itself."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.rpartition(".")[0]

    @property
    def stamp(self) -> str:
        """What the content follows from."""
        return f"{self.path}|{self.size}|{self.changed_ns}"


def images_below(root: Path) -> list[File]:
    """Return the TIFF and PNG files at or below a path, sorted; masks and thumbnails are left out.

    Raises
    ------
    MissingError
        The folder is not there or cannot be read.
    DataError
        There are too many files for one plate set, or folders lie too deep.
    """
    try:
        if root.is_file():
            facts = root.stat()
            return [File(root.name, facts.st_size, facts.st_mtime_ns)]
        return sorted(track(_below(root), "looking for images", unit="files"))
    except OSError as error:
        raise MissingError(f"{root}: cannot be read ({error.strerror}); check data.root") from error


def _below(root: Path) -> Iterator[File]:
    waiting, seen, found = [("", 0)], set[tuple[int, int]](), 0
    while waiting:
        below, depth = waiting.pop()
        folder = os.path.join(root, below)  # noqa: PTH118 - a Path for every file takes as long as all the rest
        facts = os.stat(folder)  # noqa: PTH116 - as above
        if (facts.st_dev, facts.st_ino) in seen:  # a link that leads back up
            continue
        seen.add((facts.st_dev, facts.st_ino))
        if depth > MOST_DEPTH:
            raise DataError(f"{folder}: lies more than {MOST_DEPTH} folders deep; point data.root further down")
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                stem, dot, ending = entry.name.rpartition(".")
                if f".{ending.lower()}" in ENDINGS and dot and entry.is_file():
                    found += 1
                    if found > MOST_FILES:
                        raise DataError(f"{root}: has more than {MOST_FILES:,} images; point data.root further down")
                    if not NOT_PIXELS.search(stem):
                        facts = entry.stat()
                        yield File(below + entry.name, facts.st_size, facts.st_mtime_ns)
                elif entry.is_dir():
                    waiting.append((f"{below}{entry.name}/", depth + 1))
