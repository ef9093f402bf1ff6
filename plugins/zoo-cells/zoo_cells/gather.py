"""Files and rows brought together: which files make which field, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import DataError
from zoo_cells.choosing import listed
from zoo_cells.file_index import Index
from zoo_cells.names import Picture
from zoo_cells.rows import Row
from zoo_cells.scan import File


@dataclass(frozen=True, slots=True)
class Draft:
    """A field before its channels are chosen: ``files`` channel -> file, "" for one that holds all."""

    plate: str
    well: str
    told: str
    site: str
    label: str
    groups: Mapping[str, str]
    files: Mapping[str, File]

    @property
    def name(self) -> str:
        """Plate, well as it is told, and site, as far as there are."""
        return "/".join(filter(None, (self.plate, self.told, f"f{self.site}" if self.site else "")))


def drafts_of_pictures(pictures: Sequence[Picture]) -> list[Draft]:
    """Return the fields that names of files make, sorted by plate, well and site; labels are not known.

    Raises
    ------
    DataError
        Two files are the same channel of the same field.
    """
    found: dict[tuple[str, str, str], dict[str, File]] = {}
    told: dict[tuple[str, str, str], str] = {}
    for one in pictures:
        place = (one.plate, one.well, one.site)
        other = found.setdefault(place, {}).setdefault(one.channel, one.file)
        told.setdefault(place, one.told)
        if other is not one.file:
            what = f"channel {one.channel} of field " if one.channel else "field "
            where = f"{what}{'/'.join(filter(None, place))}"
            way = "planes or points in time? say data.images so that one of them fits"
            raise DataError(f"{other.path} and {one.file.path} are both {where}; {way}")
    ordered = sorted(found, key=lambda place: (*place[:2], place[2].zfill(8)))
    return [Draft(*place[:2], told[place], place[2], "", {}, found[place]) for place in ordered]


def with_rows(
    drafts: Sequence[Draft], rows: Sequence[Row], table: Path, notes: list[str], *, keep: bool
) -> list[Draft]:
    """Return the fields with what the rows of a table say of them; ``keep`` those of which none does.

    Raises
    ------
    DataError
        The table names several plates and the images none, or no image belongs to any row.
    """
    drafts = _with_plate(drafts, sorted({row.plate for row in rows}), table)
    by_plate, by_site = any(row.plate for row in rows), _by_site(drafts, rows)
    known = {(row.plate if by_plate else "", row.well, row.site if by_site else ""): row for row in rows}
    found, bare, used = list[Draft](), list[Draft](), set[int]()
    for one in drafts:
        row = known.get((one.plate if by_plate else "", one.well, one.site if by_site else ""))
        if row is None:
            bare.append(one)
            continue
        used.add(row.line)
        found.append(replace(one, told=row.told, label=row.label, groups=row.groups))
    if not found and not keep:
        have, need = f"{rows[0].plate} {rows[0].told}".strip(), f"{drafts[0].plate} {drafts[0].told}".strip()
        said = f"none of its {len(rows)} rows has an image (first row: {have}, first image: {need})"
        raise DataError(f"{table}: {said}; check data.root, data.images and data.columns")
    if bare and not keep:
        first = listed([next(iter(one.files.values())).path for one in bare])
        notes.append(f"{len(bare)} fields have no row in {table.name} and are left out: {first}")
    _note_unseen(rows, used, table, notes)
    return [*found, *(bare if keep else ())]


def _by_site(drafts: Sequence[Draft], rows: Sequence[Row]) -> bool:
    return any(row.site for row in rows) and any(one.site for one in drafts)


def _with_plate(drafts: Sequence[Draft], plates: Sequence[str], table: Path) -> list[Draft]:
    """Return the fields with the one plate that there is, where their names hold none."""
    if not any(plates) or any(one.plate for one in drafts):
        return list(drafts)
    if len(plates) > 1:
        path = next(iter(drafts[0].files.values())).path
        said = f"has {len(plates)} plates ({listed(plates)}), and nothing in the path of {path} says which"
        raise DataError(f"{table}: {said}; keep each plate in a folder of its name, or say data.images with {{plate}}")
    return [replace(one, plate=plates[0]) for one in drafts]


def _note_unseen(rows: Sequence[Row], used: set[int], table: Path, notes: list[str]) -> None:
    """Note the treatments none of whose rows has an image, and how many rows of others have none."""
    unseen = [row for row in rows if row.line not in used]
    if not unseen:
        return
    seen = {row.label for row in rows if row.line in used}
    lost = sorted({row.label for row in unseen if row.label} - seen)
    if lost:
        counts = {name: sum(1 for row in unseen if row.label == name) for name in lost}
        names = listed([f"{name} ({count})" for name, count in counts.items()])
        notes.append(f"{len(lost)} treatments of {table.name} have no image (rows of each): {names}")
    others = [row for row in unseen if row.label not in lost]
    if others:
        wells = listed(["/".join(filter(None, (row.plate, row.told, row.site))) for row in others])
        notes.append(f"{len(others)} more rows of {table.name} have no image: {wells}")


def drafts_of_rows(files: Sequence[File], rows: Sequence[Row], table: Path, notes: list[str]) -> list[Draft]:
    """Return the fields of a table that names the files of each; rows without any file are noted and left out.

    Raises
    ------
    DataError
        A name leads out of the folder, fits several files, or no file of the table is there.
    """
    index = Index(files, {row.plate for row in rows} - {""}, table)
    found, used, owner = list[Draft](), set[int](), dict[str, int]()
    for row in rows:
        held = {channel: index.find(row, *place) for channel, place in row.files.items()}
        there = {channel: file for channel, file in held.items() if file is not None}
        for file in there.values():
            if file.path in owner:
                said = (
                    f"{file.path} is the image of lines {owner[file.path]} and {row.line}, or of two of their channels"
                )
                raise DataError(f"{table}: {said}; correct the names, or give the table PathName")
            owner[file.path] = row.line
        if there:
            used.add(row.line)
            found.append(Draft(row.plate, row.well, row.told, row.site, row.label, row.groups, there))
    if not found:
        first = next((name for row in rows for _, name in row.files.values() if name), "")
        said = f"none of its {len(rows)} rows has an image, the first names '{first}'"
        raise DataError(f"{table}: {said}; check data.root, or say data.images for files that were renamed")
    _note_unseen(rows, used, table, notes)
    return found
