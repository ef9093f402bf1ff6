"""Which channels of files make a field, in which order, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo_cells.choosing import listed
from zoo_cells.field import Field
from zoo_cells.gather import Draft
from zoo_cells.image_checks import sizes
from zoo_cells.images import look, read_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERED = re.compile(r"(?:ch|channel|w|orig)?[ _-]?0*(\d+)", re.IGNORECASE)
ALL = ""


@dataclass(frozen=True, slots=True)
class FieldFiles:
    """Reads the pixels of a field: a file a channel, or ``planes`` of ``count`` in one file."""

    files: tuple[Path, ...]
    planes: tuple[int, ...] = ()
    count: int = 1

    def __call__(self) -> NDArray[Any]:
        """Return [C, H, W].

        Raises
        ------
        DataError
            The files differ in type or size, or have another number of channels.
        """
        if self.planes:
            whole = _counted(self.files[0], self.count)
            return whole[list(self.planes)]
        first = _counted(self.files[0], 1)
        found = [first]
        for file in self.files[1:]:
            one = _counted(file, 1)
            if one.dtype != first.dtype or one.shape != first.shape:
                said = (
                    f"{sizes(one.shape[1:])} of {one.dtype}, {self.files[0]} {sizes(first.shape[1:])} of {first.dtype}"
                )
                raise DataError(f"{file}: has {said}; the channels of a field have one size and type")
            found.append(one)
        return np.concatenate(found)


def _counted(path: Path, count: int) -> NDArray[Any]:
    planes = read_planes(path)
    if len(planes) != count:
        said = f"has {len(planes)} channels, {count} are needed, as the first field has"
        raise DataError(f"{path}: {said}; bring a file with as many, or leave the field out")
    return planes


@dataclass(frozen=True, slots=True)
class Choice:
    """The channels of all fields: their names and, in the same order, what they are called in the files.

    ``numbers`` are their places in files that hold ``count`` of them each; empty where each has a file of its own.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    count: int = 1


def choose(drafts: Sequence[Draft], root: Path, wanted: Sequence[str] | None, aliases: Mapping[str, str]) -> Choice:
    """Return the channels that a recipe names, or all there are.

    A name is one of the files (a ``FileName_Orig`` column without these words, a number, a dye, a page) or, through
    ``aliases``, another name of it. Names for pages that have none are given to them in their order.

    Raises
    ------
    DataError
        There is no such channel, two names mean one, or some fields keep all channels in one file and others do not.
    """
    keys = list(dict.fromkeys(key for one in drafts for key in one.files))
    if ALL in keys and len(keys) > 1:
        whole, parted = (next(one for one in drafts if (ALL in one.files) is is_whole) for is_whole in (True, False))
        said = f"field {whole.name} has one file for all channels, field {parted.name} one for each"
        raise DataError(f"{said}; say data.images so that one kind fits")
    if ALL not in keys:
        ordered = sorted(keys, key=_natural) if all(key.isdecimal() for key in keys) else keys
        chosen = ordered if wanted is None else [_key(name, ordered, aliases) for name in wanted]
        _refuse_twice(wanted or chosen, chosen)
        return Choice(tuple(wanted or chosen), tuple(chosen))
    path = _path(root, drafts[0], ALL)
    seen = look(path)
    pages = list(seen.names) or [str(number + 1) for number in range(seen.channels)]
    pages = pages if len(set(pages)) == len(pages) else [str(number + 1) for number in range(seen.channels)]
    unnamed = not seen.names and wanted is not None and len(wanted) == len(pages)
    if wanted is None or (unnamed and not all(_canonical(name) in pages for name in wanted)):
        return Choice(tuple(wanted or pages), (ALL,), tuple(range(len(pages))), seen.channels)
    chosen = [_key(name, pages, aliases) for name in wanted]
    _refuse_twice(wanted, chosen)
    return Choice(tuple(wanted), (ALL,), tuple(pages.index(one) for one in chosen), seen.channels)


def _key(name: str, keys: Sequence[str], aliases: Mapping[str, str]) -> str:
    for meant in (name, aliases.get(name, name)):
        same = [key for key in keys if _canonical(key) == _canonical(meant)]
        if same:
            return same[0]
    near = get_close_matches(name, keys, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DataError(f"there is no channel {name}, the images have {listed(list(keys))}{hint}")


def _refuse_twice(names: Sequence[str], keys: Sequence[str]) -> None:
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise DataError(f"the channels {names[keys.index(key)]} and {names[place]} are both {key}; name it once")


def _canonical(name: str) -> str:
    match = NUMBERED.fullmatch(name.strip())
    return match[1] if match else re.sub(r"^orig(?=.)", "", name.strip().casefold())


def _natural(name: str) -> int:
    return int(name)


def fields_of(
    drafts: Sequence[Draft], root: Path, choice: Choice, notes: list[str], *, skip_incomplete: bool
) -> list[Field]:
    """Return the fields with these channels.

    Raises
    ------
    DataError
        A field lacks a channel, unless those are to be skipped.
    """
    lacking = {
        number: [name for name, key in zip(choice.names, choice.keys, strict=False) if key not in one.files]
        for number, one in enumerate(drafts)
    }
    lacking = {number: names for number, names in lacking.items() if names}
    if lacking and (not skip_incomplete or len(lacking) == len(drafts)):
        number, names = next(iter(lacking.items()))
        others = f", and {len(lacking) - 1} others lack one" if len(lacking) > 1 else ""
        said = f"field {drafts[number].name} has no channel {listed(names)}{others}"
        way = "bring the files, name data.channels without it, or say data.skip_damaged: true"
        raise DataError(f"{said} ({root}); {way}")
    if lacking:
        first = listed([drafts[number].name for number in lacking])
        notes.append(f"{len(lacking)} of {len(drafts)} fields lack a channel and are left out: {first}")
    # files of an archive may have one size and time of change: the folder tells two plates apart
    return [
        _field(one, root, choice, str(root.resolve())) for number, one in enumerate(drafts) if number not in lacking
    ]


def _field(one: Draft, root: Path, choice: Choice, place: str) -> Field:
    files = [one.files[key] for key in choice.keys]
    return Field(
        name=one.name,
        plate=one.plate,
        well=one.well,
        site=one.site,
        label=one.label,
        groups=one.groups,
        channels=choice.names,
        stamp="\n".join([place, *(file.stamp for file in files), *map(str, choice.numbers)]),
        read=FieldFiles(tuple(_path(root, one, key) for key in choice.keys), choice.numbers, choice.count),
    )


def _path(root: Path, one: Draft, key: str) -> Path:
    return root if root.is_file() else root / one.files[key].path
