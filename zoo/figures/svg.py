"""A drawing as SVG that takes the colours of the page around it, holds no script and no address, and as PNG."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

from zoo.figures.style import INK

DPI = 144
"""Of pictures within an SVG."""
COLOURS = 128
"""Of a picture within an SVG, which keeps it small."""
SMALL = 4_000
"""Bytes below which a picture within an SVG stays as it is."""
ALLOWED = {
    *("svg", "g", "defs", "use", "symbol", "clipPath", "path", "rect", "circle", "ellipse", "line", "polyline"),
    *("polygon", "text", "tspan", "image", "title", "desc", "linearGradient", "radialGradient", "stop", "pattern"),
}
"""Elements that may stand in a figure."""
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,")
_OWN = re.compile(r"#[\w.-]+")
_ADDRESS = re.compile(r"url\((?!#[\w.-]+\))")
_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>|<!--.*?-->", re.DOTALL)
_FONT = re.compile(r"font-family: [^;]+|(?<=px )'DejaVu Sans'[^;]*")
ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def drawn(drawing: Any, key: str) -> str:
    """Return a figure of matplotlib as SVG; the same figure under the same key gives the same text."""
    import matplotlib as mpl

    kept = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": key, "font.size": 9}), _quiet():
        drawing.savefig(kept, format="svg", dpi=DPI, transparent=True, metadata={"Date": None})
    return cleaned(_DOCTYPE.sub("", kept.getvalue().decode()), key)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what matplotlib warns of from the user: a letter that its font lacks, which the browser's has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="matplotlib")
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def cleaned(text: str, key: str) -> str:
    """Return an SVG with nothing in it but shapes, words and pictures, its names made its own by a key.

    Black becomes ``currentColor``, so that the page decides; a stranger's file is as harmless as one of ours.

    Raises
    ------
    ValueError
        It is no SVG, or declares entities, which may grow without bounds.
    """
    if "<!" in text:
        raise ValueError(f"figure '{key}' holds a declaration (<!...), which no figure of zoo does")
    try:
        root = ET.fromstring(text)  # noqa: S314 - it declares nothing
    except ET.ParseError as error:
        raise ValueError(f"figure '{key}' is no SVG ({error})") from error
    if root.tag != f"{{{SVG}}}svg":
        raise ValueError(f"figure '{key}' is no SVG (it begins with {root.tag[:40]})")
    _prune(root)
    for element in root.iter():
        _own(element, key)
    for name in ("width", "height"):  # the page says how large it is
        root.attrib.pop(name, None)
    return ET.tostring(root, encoding="unicode")


def _prune(element: ET.Element) -> None:
    for child in list(element):
        known = isinstance(child.tag, str) and child.tag.startswith(f"{{{SVG}}}")
        if not known or child.tag.partition("}")[2] not in ALLOWED:
            element.remove(child)
        else:
            _prune(child)


def _own(element: ET.Element, key: str) -> None:
    for name, value in list(element.attrib.items()):
        local = name.rpartition("}")[2]
        if local.lower().startswith("on") or _ADDRESS.search(value):
            del element.attrib[name]
        elif local == "href":
            _link(element, name, value, key)
        elif local == "id":
            element.set(name, f"{key}.{value}")
        elif "url(#" in value:
            element.set(name, value.replace("url(#", f"url(#{key}."))
    style = element.get("style")
    if style:
        element.set("style", _FONT.sub(_family, style.replace(INK, "currentColor")))
    if element.tag == f"{{{SVG}}}text" and "fill:" not in (style or ""):
        element.set("style", f"{element.get('style', '')}; fill: currentColor".removeprefix("; "))


def _family(match: re.Match[str]) -> str:
    return "font-family: system-ui, sans-serif" if match[0].startswith("font-family") else "system-ui, sans-serif"


def _link(element: ET.Element, name: str, value: str, key: str) -> None:
    if _OWN.fullmatch(value):
        element.set(name, f"#{key}.{value[1:]}")
    elif element.tag == f"{{{SVG}}}image" and _PICTURE.match(value):
        element.set(name, _few_colours(value))
    else:
        del element.attrib[name]


def _few_colours(address: str) -> str:
    """Return a picture within an SVG with fewer colours, where that makes it smaller."""
    from PIL import Image, UnidentifiedImageError

    try:
        raw = base64.b64decode(address.partition(",")[2])
        if len(raw) < SMALL or raw[:4] != b"\x89PNG":
            return address
        picture, kept = Image.open(io.BytesIO(raw)), io.BytesIO()
        if picture.mode == "P":
            return address
        clear = picture.mode == "RGBA" and picture.getchannel("A").histogram()[-1] < picture.width * picture.height
        way = Image.Quantize.FASTOCTREE if clear else Image.Quantize.MEDIANCUT
        few = picture.convert("RGBA" if clear else "RGB").quantize(COLOURS, method=way, dither=Image.Dither.NONE)
        few.save(kept, format="png", optimize=True)
    except (ValueError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return ""
    found = kept.getvalue()
    return address if len(found) >= len(raw) else f"data:image/png;base64,{base64.b64encode(found).decode()}"


def png(drawing: Any, most: int) -> bytes:
    """Return a figure of matplotlib as PNG on white of so many bytes at most, with fewer dots where it has to be."""
    from PIL import Image

    dots = 150.0
    while True:
        kept = io.BytesIO()
        with _quiet():
            drawing.savefig(kept, format="png", dpi=dots, facecolor="white")
        few = Image.open(kept).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small = io.BytesIO()
        few.save(small, format="png", optimize=True)
        if small.tell() <= most or dots < 20:  # noqa: PLR2004 - nothing can be seen of less
            return small.getvalue()
        dots *= 0.75
