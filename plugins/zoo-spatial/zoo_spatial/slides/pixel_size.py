"""How large a pixel is, as an image file states it."""

from __future__ import annotations

import html
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tifffile import TiffPage

SMALLEST_UM, LARGEST_UM = 0.05, 20.0
SQUARE = 0.02
LONGEST_TEXT = 16 * 2**20
MICROMETRES = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "mm": 1e3, "cm": 1e4}
INCH, CENTIMETRE = 2, 3
_PIXELS = re.compile(r"<(?:\w{1,32}:)?Pixels\s([^<>]{1,4000})>")
_ATTRIBUTE = re.compile(r"(\w{1,64})\s*=\s*[\"']([^\"']{0,200})[\"']")
_APERIO = re.compile(r"\|\s*MPP\s*=\s*([\d.eE+-]{1,32})")
_IMAGEJ = re.compile(r"^unit=(\S{1,16})", re.MULTILINE)


def um_per_px(page: TiffPage, text: str) -> float | None:
    """Return the side of a pixel of a page in micrometres, or None where the file does not say it.

    Asked in turn: ``PhysicalSizeX`` and ``Y`` of the OME-XML that describes an image of this size (its unit is the
    micrometre where none is given), ``MPP`` of Aperio's description, the unit of ImageJ's, the tags of the resolution
    per centimetre or inch. A size outside of 0.05 to 20 um is what a printer was meant to use (72 and 96 dots per inch
    are 350 and 260 um) and counts as not said, and so does a pixel whose sides differ by more than 2 %: fields that are
    squares of pixels would not be squares of tissue.

    Parameters
    ----------
    page
        The image.
    text
        Description of the file, which is that of its first page.
    """
    text = text[:LONGEST_TEXT]
    width, height = int(page.imagewidth), int(page.imagelength)
    stated = (_ome(text, width, height), _aperio(text), _tags(page, text))
    return next((size for size in map(_sensible, stated) if size is not None), None)


def _sensible(sides: tuple[float, float] | None) -> float | None:
    if sides is None or not all(math.isfinite(side) and SMALLEST_UM <= side <= LARGEST_UM for side in sides):
        return None
    if abs(sides[0] - sides[1]) > SQUARE * max(sides):
        return None
    return sum(sides) / 2


def _ome(text: str, width: int, height: int) -> tuple[float, float] | None:
    """Read one start tag with a pattern: the XML of a stranger is not parsed, so nothing in it can be expanded."""
    if "<" not in text[:100]:
        return None
    images = [dict(_ATTRIBUTE.findall(found)) for found in _PIXELS.findall(text)]
    fitting = [image for image in images if (image.get("SizeX"), image.get("SizeY")) == (str(width), str(height))]
    if not fitting:
        return None
    sides = [_length(fitting[0].get(f"PhysicalSize{axis}"), fitting[0].get(f"PhysicalSize{axis}Unit")) for axis in "XY"]
    return None if sides[0] is None else (sides[0], sides[0] if sides[1] is None else sides[1])


def _length(value: str | None, unit: str | None) -> float | None:
    factor = MICROMETRES.get(html.unescape(unit).strip()) if unit else 1.0
    number = _number(value)
    return None if number is None or factor is None else number * factor


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _aperio(text: str) -> tuple[float, float] | None:
    found = _APERIO.search(text[:100_000]) if text.startswith("Aperio") else None
    size = _number(found.group(1)) if found else None
    return None if size is None else (size, size)


def _tags(page: TiffPage, text: str) -> tuple[float, float] | None:
    unit = _value(page, 296)
    per = {INCH: 25_400.0, CENTIMETRE: 10_000.0}.get(INCH if unit is None else unit)
    if text.startswith("ImageJ=") and (told := _IMAGEJ.search(text[:100_000])):
        per = MICROMETRES.get(told.group(1).replace("\\u00B5", "µ"))
    pixels = [_ratio(_value(page, code)) for code in (282, 283)]
    if per is None or pixels[0] is None or pixels[1] is None:
        return None
    return per / pixels[0], per / pixels[1]


def _value(page: TiffPage, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _ratio(value: Any) -> float | None:
    """Return a rational number of TIFF as a float; None where it is none above 0."""
    try:
        number = float(value[0] / value[1])
    except (TypeError, ValueError, IndexError, ArithmeticError):
        return None
    return number if number > 0 and math.isfinite(number) else None
