"""What the names of image files say: plate, well, site and channel, as microscopes or a recipe write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError
from zoo_cells.scan import File
from zoo_cells.wells import well_at, well_of

ENDING = r"\.(?:tiff?|png)"
UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# names of microscopes are facts of their manufacturers' software; each is matched against the last part of the path
DIALECTS = {
    "phenix": re.compile(
        r"r(?P<row>\d{1,3})c(?P<column>\d{1,3})f(?P<site>\d{1,4})(?:p\d{1,4})?(?:-?ch(?P<channel>\d{1,3}).*?)?"
        + ENDING,
        re.IGNORECASE,
    ),
    "cytation": re.compile(
        r"(?P<well>[A-Z]{1,2}\d{1,2})_-?\d+_\d+_(?P<site>\d+)_(?P<channel>[A-Za-z][^_]*)_\d+" + ENDING,
        re.IGNORECASE,
    ),
    "incell": re.compile(
        r"(?P<well>[A-Z]{1,2} ?-? ?\d{1,2})\(fld (?P<site>\d+)(?: wv (?P<channel>[^()]+?))?"
        r"(?: z \d+)?(?: time \d+[^()]*)?\)" + ENDING,
        re.IGNORECASE,
    ),
    "well": re.compile(
        r"(?P<well>[A-Z]{1,2}[-_ ]?\d{1,2}|\d{1,2}[A-Z]{1,2})(?:[_-](?:f|s|site|field)?(?P<site>\d{1,4}))?" + ENDING,
        re.IGNORECASE,
    ),
    "imagexpress": re.compile(
        r"(?:(?P<plate>.+?)_)?(?P<well>[A-Z]{1,2}\d{2})(?:_s(?P<site>\d+))?(?:_w(?P<channel>\d))?"
        rf"(?:{UUID})?{ENDING}",
        re.IGNORECASE,
    ),
}
PLACEHOLDERS = {
    "plate": r"[^/]+?",
    "well": r"[A-Za-z]{1,2}[-_ ]?\d{1,4}|\d{1,4}[A-Za-z]{1,2}",
    "row": r"\d{1,3}|[A-Za-z]{1,2}",
    "column": r"\d{1,3}",
    "site": r"[A-Za-z0-9]+?",
    "channel": r"[^/]+?",
}
LONGEST, MOST_STARS = 500, 3


class Picture(NamedTuple):
    """A file and what its name says; "" for what it does not. ``told`` is the well as the name spells it."""

    file: File
    plate: str
    well: str
    site: str
    channel: str
    told: str


def parse(files: Sequence[File], *, pattern: str | None, root: Path, plates: Collection[str] = ()) -> list[Picture]:
    """Return what the names of files say.

    Left out are files that do not fit the pattern, or without one the dialect that most files fit. Where names hold no
    plate it is the one of ``plates`` that a folder is called after, or else the first folder that tells files apart.

    Raises
    ------
    DataError
        The pattern cannot be understood, or no name is.
    """
    if not files:
        raise DataError(f"{root}: there is no TIFF or PNG image below it; point the data at the folder of the images")
    if pattern is None:
        found = _by_dialect(files, root)
    else:
        regex = _regex(pattern)
        found = _pictures((file, regex.fullmatch(file.path)) for file in files)
        if not found and "/" in pattern:  # the folder of the images itself was named
            regex = _regex(pattern.rpartition("/")[2])
            found = _pictures((file, regex.fullmatch(file.name)) for file in files)
        if not found:
            raise DataError(f"{root}: no image fits data.images '{pattern}', the first is {files[0].path}; correct it")
    return _with_plates(found, plates)


def dialect_of(names: Sequence[str]) -> re.Pattern[str] | None:
    """Return the dialect that most of the names fit, None where they fit none."""
    counts = {key: sum(1 for one in names if dialect.fullmatch(one)) for key, dialect in DIALECTS.items()}
    best = max(counts, key=lambda key: counts[key])
    return DIALECTS[best] if counts[best] else None


def channel_in(name: str) -> str:
    """Return the channel that a microscope wrote into a name, "" where there is none."""
    dialect = dialect_of([name])
    match = dialect.fullmatch(name) if dialect else None
    return _plain((match.groupdict().get("channel") or "") if match else "")


def _by_dialect(files: Sequence[File], root: Path) -> list[Picture]:
    dialect = dialect_of([file.name for file in files])
    found = [] if dialect is None else _pictures((file, dialect.fullmatch(file.name)) for file in files)
    if not found:
        known = "of a microscope that is known (Phenix, Opera, InCell, Cytation, ImageXpress) or of a well"
        raise DataError(
            f"{root}: {files[0].path}, the first of {len(files)} images, has no name {known}; say data.images, for "
            "example images/{well}_{site}_{channel}.tif"
        )
    return found


def _regex(pattern: str) -> re.Pattern[str]:
    """Return what a recipe's pattern means: placeholders, ``*`` for anything within a folder, the rest as it stands."""
    names = re.findall(r"\{([^{}]*)\}", pattern)
    unknown = next((name for name in names if name not in PLACEHOLDERS), None)
    if unknown is not None:
        near = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise DataError(f"data.images '{pattern}' has {{{unknown}}}, known are {near}; correct it")
    if "well" not in names and not {"row", "column"} <= set(names):
        raise DataError(f"data.images '{pattern}' names no well; give it {{well}}, or {{row}} and {{column}}")
    if len(pattern) > LONGEST or pattern.count("*") > MOST_STARS or len(names) > len(PLACEHOLDERS):
        raise DataError(f"data.images has more than {LONGEST} letters, {MOST_STARS} stars or 6 names; write it shorter")
    if ".." in pattern.split("/") or pattern.startswith("/"):
        raise DataError(f"data.images '{pattern}' leads out of data.root; write it from there downwards")
    parts = [re.escape(part).replace(r"\*", "[^/]*") for part in re.split(r"\{[^{}]*\}", pattern)]
    text = parts[0]
    for place, name in enumerate(names):
        text += (f"(?P={name})" if name in names[:place] else f"(?P<{name}>{PLACEHOLDERS[name]})") + parts[place + 1]
    return re.compile(text)


def _pictures(matches: Iterable[tuple[File, re.Match[str] | None]]) -> list[Picture]:
    found = []
    for file, match in matches:
        if match is None:
            continue
        told = match.groupdict()
        well = told.get("well") or ""
        name = well_of(well) if well else well_at(told.get("row") or "", told.get("column") or "")
        if name:
            site, channel = _plain(told.get("site") or ""), _plain(told.get("channel") or "")
            found.append(Picture(file, told.get("plate") or "", name, site, channel, well or name))
    return found


def _plain(text: str) -> str:
    """Return a number without leading zeros, and the dye of ``DAPI - DAPI``."""
    return str(int(text)) if text.isdecimal() else text.partition(" - ")[0].strip()


def _with_plates(pictures: list[Picture], plates: Collection[str]) -> list[Picture]:
    """Return pictures with the plate that their folder names, where their own names do not."""
    if any(one.plate for one in pictures):
        return pictures
    folders = {one.file.folder for one in pictures}
    known = {folder: plate_in(folder, plates) for folder in folders}
    if len(folders) > 1:
        own = _differing(folders)
        known = {folder: plate or own[folder] for folder, plate in known.items()}
    return [one._replace(plate=known[one.file.folder]) for one in pictures]


def plate_in(folder: str, plates: Collection[str]) -> str:
    """Return the plate that a folder is called after (``BR00117006__2020-11-08T18_18_00-Measurement1``), or ""."""
    for part in folder.split("/"):
        if part in plates:
            return part
        # the longest first: P1 is not P12, and P1_2 is not P1
        for plate in sorted(plates, key=len, reverse=True):
            if plate and part.startswith(plate) and not part[len(plate)].isalnum():
                return plate
    return ""


def _differing(folders: Collection[str]) -> dict[str, str]:
    """Return for each folder the first part of its path that tells it from others and is no well."""
    parts = {folder: [part for part in folder.split("/") if not well_of(part)] for folder in folders}
    depth = max(map(len, parts.values()))
    for level in range(depth):
        at_level = {folder: (held[level] if level < len(held) else "") for folder, held in parts.items()}
        if len(set(at_level.values())) > 1:
            return {folder: part.partition("__")[0] for folder, part in at_level.items()}
    return dict.fromkeys(folders, "")
