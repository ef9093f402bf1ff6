"""How the pictures of Space Ranger relate to the full-resolution image, and how large its pixels are."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError
from zoo_spatial.readers.tenx_text import opened

if TYPE_CHECKING:
    from zoo_spatial.section import Section
    from zoo_spatial.slides.slide import Slide

MOST_JSON = 2**20
PITCH_UM = 100.0
THEORETICAL_SPOT_UM = 65.0
FAR_OFF = 0.2
ROUNDING_PX = 2
ROUNDING = 0.002


@dataclass(frozen=True, slots=True)
class ScaleFactors:
    """What ``scalefactors_json.json`` holds; None where it does not say.

    Attributes
    ----------
    path
        The file.
    hires, lowres
        Pixels of the reduced pictures per pixel of the full image.
    spot_px
        Diameter of a spot of 65 um in pixels of the full image.
    um_per_px
        Size of a pixel of the full image (Visium HD).
    bin_um
        Side of a bin (Visium HD).
    """

    path: Path
    hires: float | None = None
    lowres: float | None = None
    spot_px: float | None = None
    um_per_px: float | None = None
    bin_um: float | None = None


def read_scale_factors(path: Path) -> ScaleFactors:
    """Read ``scalefactors_json.json``.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is no JSON, or a factor in it is no positive number.

    References
    ----------
    https://www.10xgenomics.com/support/software/space-ranger/latest/analysis/outputs/spatial-outputs
    """
    with opened(path, MOST_JSON) as file:
        content = file.read()
    try:
        held = json.loads(content, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not valid JSON ({error}); restore it from its source") from error
    if not isinstance(held, dict):
        raise DataError(f"{path}: holds no scale factors; restore it from its source")
    return ScaleFactors(
        path,
        hires=_positive(path, held, "tissue_hires_scalef"),
        lowres=_positive(path, held, "tissue_lowres_scalef"),
        spot_px=_positive(path, held, "spot_diameter_fullres"),
        um_per_px=_positive(path, held, "microns_per_pixel"),
        bin_um=_positive(path, held, "bin_size_um"),
    )


def _positive(path: Path, held: dict[str, Any], name: str) -> float | None:
    value = held.get(name)
    if value is None:
        return None
    if not isinstance(value, float) or not 0 < value < math.inf:
        raise DataError(f"{path}: {name} is a number above 0, not {value!r:.40}; restore the file from its source")
    return float(value)


def check_size(path: Path, image: Slide, scale: ScaleFactors, *, hires: Path, way_out: str) -> None:
    """Hold the size of the full image against that of the reduced picture that Space Ranger made of it.

    ``way_out`` says how another image is named in a recipe.

    Raises
    ------
    DataError
        They differ by more than rounding: it is another image, or a resized one.
    """
    if scale.hires is None:
        return
    height, width = image.shape
    reduced = _size_of(hires)
    expected = tuple(round(side / scale.hires) for side in reduced)
    slack = [max(ROUNDING_PX, ROUNDING * side) for side in reduced]
    differs = [abs(side * scale.hires - small) for side, small in zip((width, height), reduced, strict=True)]
    if any(off > most for off, most in zip(differs, slack, strict=True)):
        raise DataError(
            f"{path}: is {width} x {height} pixels, but {hires.name} ({reduced[0]} x {reduced[1]}) over "
            f"tissue_hires_scalef ({scale.hires:.4g}) says {expected[0]} x {expected[1]}; "
            f"name the image that Space Ranger was given with {way_out}"
        )


def _size_of(path: Path) -> tuple[int, int]:
    """Return width and height without decoding."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            width, height = image.size
            return width, height
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: is no image that can be decoded; restore it from its source") from error


def pixel_size(section: Section, scale: ScaleFactors | None, factor: float) -> tuple[float, tuple[str, ...]]:
    """Return the size of a pixel of the section's image in micrometres, and what is doubtful about it.

    Visium HD states it. Visium does not: its spots are 100 um apart, which gives it from the pitch that is measured;
    the diameter that Space Ranger gives for a spot of 65 um should say the same.

    Parameters
    ----------
    section
        Whose spots are in place.
    scale
        What Space Ranger says; None where it says nothing.
    factor
        Pixels of the section's image per pixel of the full image.
    """
    if scale and scale.um_per_px:
        return scale.um_per_px / factor, ()
    measured = ((scale and scale.bin_um) or PITCH_UM) / section.pitch_px
    if not scale or not scale.spot_px or scale.bin_um:
        return measured, ()
    stated = THEORETICAL_SPOT_UM / (scale.spot_px * factor)
    if abs(measured - stated) <= FAR_OFF * stated:
        return measured, ()
    doubt = (
        f"section {section.name}: spots {section.pitch_px:.0f} px apart make {measured:.3g} um per pixel, "
        f"spot_diameter_fullres makes {stated:.3g}; the first was taken"
    )
    return measured, (doubt,)
