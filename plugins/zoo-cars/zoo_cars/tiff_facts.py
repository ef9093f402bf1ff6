"""What a TIFF file says of its bands and pixels: wavenumbers in names and annotations, the size of a pixel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_cars.axis import HIGHEST_CM, LOWEST_CM

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFile

UM = {"": 1.0, "µm": 1.0, "μm": 1.0, "um": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0}
UM |= {"nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "pm": 1e-6, "å": 1e-4, "in": 25400.0}
CENTIMETRE = 3
WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:cm|1/cm)", re.IGNORECASE)
ALONE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*")


def wavenumbers_of(tif: TiffFile, bands: int) -> NDArray[np.float64] | None:
    """Return the wavenumbers in cm^-1 that a file gives for its bands.

    Taken, in this order, are an annotation whose name holds ``wavenumber``, OME's modulo of the channels where its unit
    is cm^-1, and the names of channels (OME) or labels of slices (ImageJ) where each holds a number followed by cm, or
    is a number in the range of vibrations.
    """
    if tif.is_ome:
        import tifffile

        tree = tifffile.xml2dict(str(tif.ome_metadata))
        noted = [note.get("value") for note in _under(tree, "M") if "wavenumber" in str(note.get("K", "")).lower()]
        names = [channel.get("Name") for channel in _under(tree, "Channel")]
        found = next(filter(None, map(_numbers, noted)), None) or _modulo(tree, bands) or from_names(names)
    else:
        # several dictionaries where the pages were written one by one; the first speaks for all
        noted = [part.get("wavenumber_cm") for part in tif.shaped_metadata or ()]
        labels = (tif.imagej_metadata or {}).get("Labels") or ()
        found = next(filter(None, map(_numbers, noted)), None) or from_names(labels)
    return np.array(found, dtype=np.float64) if found and len(found) == bands else None


def from_names(names: Sequence[Any]) -> list[float] | None:
    """Return the wavenumber in each name, or nothing where a name has none."""
    with_unit = [WITH_UNIT.search(str(name)) for name in names]
    if names and all(with_unit):
        return [float(match[1]) for match in with_unit if match]
    alone = [ALONE.fullmatch(str(name)) for name in names]
    values = [float(match[1]) for match in alone if match]
    likely = len(values) == len(names) > 0 and all(LOWEST_CM <= value <= HIGHEST_CM for value in values)
    return values if likely else None


def _numbers(value: Any) -> list[float] | None:
    """Return the numbers of an annotation: a list, or text with numbers between commas or spaces."""
    parts = re.split(r"[\s,;]+", value.strip()) if isinstance(value, str) else value
    try:
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        return None


def _modulo(tree: Any, bands: int) -> list[float] | None:
    """Return the wavenumbers of a lambda axis that is folded into the channels."""
    for modulo in _under(tree, "ModuloAlongC"):
        if str(modulo.get("Type")).lower() == "lambda" and str(modulo.get("Unit")).lower().startswith("cm"):
            start, step = float(modulo.get("Start", 0)), float(modulo.get("Step", 1))
            return [start + step * band for band in range(bands)]
    return None


def _under(tree: Any, key: str) -> Iterator[dict[str, Any]]:
    """Yield every element of a name, at any depth."""
    if isinstance(tree, list | tuple):
        for part in tree:
            yield from _under(part, key)
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield from (part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict))
            yield from _under(value, key)


def um_per_px_of(tif: TiffFile) -> float | None:
    """Return the side of a pixel in micrometres, where the file gives a length and its unit."""
    size = _ome_size(tif) if tif.is_ome else _tag_size(tif)
    return size if size is not None and np.isfinite(size) and size > 0 else None


def _ome_size(tif: TiffFile) -> float | None:
    import tifffile

    pixels = next(_under(tifffile.xml2dict(str(tif.ome_metadata)), "Pixels"), {})
    unit = UM.get(str(pixels.get("PhysicalSizeXUnit", "")).strip().lower())
    return float(pixels["PhysicalSizeX"]) * unit if "PhysicalSizeX" in pixels and unit else None


def _tag_size(tif: TiffFile) -> float | None:
    tags = tif.pages.first.tags
    pixels, per = tags.valueof("XResolution", (0, 1))
    if tif.imagej_metadata:
        name = str(tif.imagej_metadata.get("unit", "pixel")).strip().lower()
        unit = UM.get(name) if name else None
    else:  # inches are what programs write that know nothing
        unit = UM["cm"] if tags.valueof("ResolutionUnit") == CENTIMETRE else None
    return per / pixels * unit if unit and pixels else None
