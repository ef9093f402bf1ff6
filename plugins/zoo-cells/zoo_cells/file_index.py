"""Files that a table names, found below the root though their paths are those of another machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_cells.choosing import listed
from zoo_cells.names import plate_in
from zoo_cells.rows import Row
from zoo_cells.scan import File


class Index:
    """Files by their names.

    Parameters
    ----------
    files
        All there are below the root.
    plates
        Names of the plates of the table.
    table
        For messages.
    """

    def __init__(self, files: Sequence[File], plates: Collection[str], table: Path) -> None:
        self.table = table
        self.by_name: dict[str, list[File]] = {}
        self.by_stem: dict[str, list[File]] = {}
        for file in files:
            self.by_name.setdefault(file.name, []).append(file)
            self.by_stem.setdefault(file.stem, []).append(file)
        self.plate_of = {folder: plate_in(folder, plates) for folder in {file.folder for file in files}}

    def find(self, row: Row, folder: str, name: str) -> File | None:
        """Return the file whose path ends most like the one of the table, None where there is none of its name.

        A file in a folder of another plate is not taken, though it be the only one of its name. A file of another
        format is where none has the very name.

        Raises
        ------
        DataError
            The name leads out of the folder, or several files fit it.
        """
        if ".." in name.replace("\\", "/").split("/"):
            way = "write the path below it"
            raise DataError(f"{self.table}:{row.line}: '{name}' leads out of the folder of the images; {way}")
        parts = [part for part in f"{folder}/{name}".replace("\\", "/").split("/") if part not in ("", ".")]
        if not name or not parts:
            return None
        named = self.by_name.get(parts[-1]) or self.by_stem.get(parts[-1].rpartition(".")[0]) or []
        held = [file for file in named if self.plate_of[file.folder] in ("", row.plate)]
        if len(held) < 2:  # noqa: PLR2004 - no choice
            return held[0] if held else None
        scores = [(_shared(file.path, parts), self.plate_of[file.folder] == row.plate) for file in held]
        best = max(scores)
        if scores.count(best) > 1:
            several = listed([file.path for file, score in zip(held, scores, strict=True) if score == best])
            way = "keep each plate in a folder of its name, or give the table PathName"
            raise DataError(f"{self.table}:{row.line}: '{name}' may be {several}; {way}")
        return held[scores.index(best)]


def _shared(path: str, parts: Sequence[str]) -> int:
    """Return how many last folders two paths share."""
    shared = 0
    for one, other in zip(reversed(path.split("/")[:-1]), reversed(parts[:-1]), strict=False):
        if one != other:
            break
        shared += 1
    return shared
