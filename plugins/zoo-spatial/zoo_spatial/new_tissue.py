"""New, unlabelled tissue: an image with a table of spots, or with a grid that is laid over its tissue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UsageError
from zoo_spatial.section import Section
from zoo_spatial.slides.slide import open_slide
from zoo_spatial.spot_table import read_spots

if TYPE_CHECKING:
    from zoo_spatial.slides.slide import Slide

INPUTS = {
    "image": "an RGB image of an H&E section (TIFF, SVS, JPEG, PNG)",
    "spots": "a table of spots with the columns pixel_x and pixel_y (TSV, CSV)",
}
SETTINGS = {
    "grid": "in the place of spots: points over the tissue, this far apart (100um)",
    "um_per_px": "size of the image's pixels in micrometres, where its file does not say it",
}
HOW = "say --image FILE with --spots FILE or --grid 100um"
LARGEST_PIXEL = 100.0


def open_new_tissue(inputs: Mapping[str, Path], settings: Mapping[str, str]) -> Section:
    """Return an unlabelled section.

    Raises
    ------
    UsageError
        There is no image, or neither or both of spots and grid; or a grid over pixels of unknown size.
    DataError
        A file cannot be read.
    """
    unknown = sorted({*inputs, *settings} - {*INPUTS, *SETTINGS})
    if unknown:
        raise UsageError(f"--{unknown[0]} is not known to these data; {HOW}")
    if "image" not in inputs or ("spots" in inputs) == ("grid" in settings):
        raise UsageError(f"an image is needed, and where to predict; {HOW}")
    path = inputs["image"]
    slide = open_slide(path)
    um_per_px = _stated(settings) or slide.um_per_px
    name = path.name.split(".")[0]
    if "spots" in inputs:
        return _at_spots(name, slide, inputs["spots"], um_per_px)
    return _on_grid(name, path, slide, settings["grid"], um_per_px)


def _stated(settings: Mapping[str, str]) -> float | None:
    text = settings.get("um_per_px")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"--um-per-px {text}: is no number; write micrometres, for example 0.5") from error
    if not 0 < value <= LARGEST_PIXEL:
        raise UsageError(f"--um-per-px {text}: lies above 0 and up to {LARGEST_PIXEL:g} micrometres")
    return value


def _at_spots(name: str, slide: Slide, spots: Path, um_per_px: float | None) -> Section:
    found = read_spots(spots)
    return Section(
        name=name,
        donor=name,
        image=slide,
        position_px=found.position_px,
        grid=found.grid,
        ids=found.ids,
        counts=None,
        genes=[],
        um_per_px=um_per_px,
    )


def _on_grid(name: str, path: Path, slide: Slide, text: str, um_per_px: float | None) -> Section:
    from zoo_spatial.slides.grid import grid_over, parse_length

    pitch_um = parse_length(text)
    if um_per_px is None:
        raise UsageError(f"--grid {text}: {path} does not say how large its pixels are; add --um-per-px NUMBER")
    position_px, grid = grid_over(slide, pitch_um=pitch_um, um_per_px=um_per_px)
    return Section(
        name=name,
        donor=name,
        image=slide,
        position_px=position_px,
        grid=grid,
        ids=[f"{column:.0f}x{row:.0f}" for column, row in grid],
        counts=None,
        genes=[],
        um_per_px=um_per_px,
    )
