"""Folders of images, one a band, in the order of the number in their names; and single images."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError, ZooError
from zoo_cars.stack_file import MOST_BANDS, StackFile, check_kind, checked_shape, damaged
from zoo_cars.tiff_facts import um_per_px_of
from zoo_cars.tiff_stacks import is_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIFF = {".tif", ".tiff"}
IMAGES = TIFF | {".png"}
PAGE = 2
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Image:
    """One grey image that was looked at: its size, the type of its values, and how to read it."""

    shape: tuple[int, ...]
    kind: np.dtype[Any]
    load: Callable[[], NDArray[Any]]
    um_per_px: float | None = None


def open_pages(folder: Path) -> StackFile:
    """Look at a folder of one-page images (TIFF, PNG).

    The pages follow the number in their names. A page that is missing in the numbering is named and refused; numbers
    that are followed by ``cm`` are wavenumbers, and need not be evenly spaced.
    """
    files, wavenumbers = _ordered(folder)
    first = open_image(files[0])
    check_kind(folder, first.kind)
    shape = checked_shape(folder, len(files), first.shape[0], first.shape[1])
    return StackFile(folder, shape, lambda: _read(files, first), wavenumbers, first.um_per_px)


def _read(files: list[Path], first: Image) -> NDArray[np.float32]:
    stack = np.empty((len(files), *first.shape), dtype=np.float32)
    for band, file in enumerate(files):
        page = open_image(file)
        if (page.shape, page.kind) != (first.shape, first.kind):
            sizes = [f"{image.shape[0]} x {image.shape[1]} {image.kind}" for image in (page, first)]
            raise DataError(
                f"{file}: is {sizes[0]}, the first page {files[0].name} {sizes[1]}; the pages of a stack have one size "
                "and type"
            )
        stack[band] = page.load()
    return stack


def _ordered(folder: Path) -> tuple[list[Path], NDArray[np.float64] | None]:
    """Return the pages in order, and their wavenumbers where the names hold them."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES and path.name[0] != ".")
    if not files:
        raise MissingError(f"{folder}: holds no page ({', '.join(sorted(IMAGES))}); point at the folder of one stack")
    if len(files) > MOST_BANDS:
        raise DataError(f"{folder}: holds {len(files)} pages, {MOST_BANDS} at most are read; is it one field's stack?")
    parts = [re.split(r"(\d+)", file.stem) for file in files]
    place = _place_of_number(folder, files, parts)
    numbers = [int(part[place]) for part in parts]
    order = np.argsort(numbers, kind="stable")
    files, numbers = [files[page] for page in order], sorted(numbers)
    for page, number in enumerate(numbers[1:]):
        if number == numbers[page]:
            raise DataError(f"{folder}: {files[page].name} and {files[page + 1].name} have one number; remove one")
    if parts[0][place + 1].lstrip(" _-").lower().startswith("cm"):
        return files, np.array(numbers, dtype=np.float64)
    _check_gaps(folder, numbers)
    return files, None


def _place_of_number(folder: Path, files: list[Path], parts: list[list[str]]) -> int:
    """Return which part of the names is the number that tells pages apart."""
    if len({tuple(part[::2]) for part in parts}) > 1:
        other = next(file.name for file, part in zip(files, parts, strict=True) if part[::2] != parts[0][::2])
        raise DataError(
            f"{folder}: {files[0].name} and {other} differ in more than a number; keep the pages of one stack there"
        )
    places = [place for place in range(1, len(parts[0]), 2) if len({int(part[place]) for part in parts}) > 1]
    if len(places) != 1:
        shown = ", ".join(file.name for file in files[:SHOWN])
        raise DataError(
            f"{folder}: {len(places)} numbers differ in the names of its pages ({shown}), one has to; is it one stack?"
        )
    return places[0]


def _check_gaps(folder: Path, numbers: list[int]) -> None:
    steps = np.diff(numbers)
    step = int(steps.min()) if len(steps) else 1
    if (steps == step).all():
        return
    after = int(np.flatnonzero(steps != step)[0])
    raise DataError(
        f"{folder}: page {numbers[after] + step} is missing (there are {numbers[after]} and {numbers[after + 1]}, and "
        f"pages are numbered in steps of {step}); restore it, or number the pages anew"
    )


def open_image(path: Path) -> Image:
    """Look at one grey image (TIFF, PNG) of one page.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be read, has several pages, or is in colour.
    """
    if not path.is_file():
        raise MissingError(f"{path}: there is no such file; correct its name or restore it")
    try:
        image = _tiff(path) if path.suffix.lower() in TIFF else _png(path)
    except ZooError:
        raise
    except Exception as error:  # decoders raise a dozen kinds
        raise damaged(path, error) from error
    if len(image.shape) != PAGE:
        raise DataError(f"{path}: is an image of shape {image.shape}; one grey page of height x width is needed")
    return image


def _tiff(path: Path) -> Image:
    import tifffile

    with tifffile.TiffFile(path) as tif:
        if not is_whole(tif.pages.first):
            raise DataError(f"{path}: is not whole, it was cut short; copy it anew")
        series = tif.series[0]
        shape = series.shape if len(tif.series) == 1 else (len(tif.series), *series.shape)
        size = um_per_px_of(tif)
    return Image(shape, np.dtype(series.dtype), lambda: tifffile.imread(path), size)


def _png(path: Path) -> Image:
    from PIL import Image as Pillow

    with Pillow.open(path) as image:
        kinds = {"1": "uint8", "L": "uint8", "I": "int32", "F": "float32"}
        kind = "uint16" if image.mode.startswith("I;16") else kinds.get(image.mode)
        if kind is None:
            raise DataError(f"{path}: is an image of mode {image.mode}; a page is grey, so save it as greyscale")
        shape = (image.height, image.width)
    return Image(shape, np.dtype(kind), lambda: np.asarray(Pillow.open(path)).astype(kind))
