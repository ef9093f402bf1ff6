"""The image that goes with a file of AnnData, and how its pixels relate to the positions of the spots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_spatial.slides.slide import open_slide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.slides.slide import Slide

SPOT_UM = 65.0
PITCH_UM = 100.0
NEAR_ENOUGH = 0.1
MOST_PIXELS = 200_000_000
COLUMNS, ROWS = 128, 78


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, and what a file says of it.

    Attributes
    ----------
    source
        A file, or the image itself, uint8 [H, W, 3].
    scale
        Pixels of the image for each pixel of the positions.
    factors
        ``scalefactors`` of Space Ranger.
    notes
        What a reader must not overlook.
    """

    source: Path | NDArray[np.uint8]
    scale: float = 1.0
    factors: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def open(self) -> Slide:
        """Open it."""
        from zoo_spatial.slides.pyramid import from_array

        return open_slide(self.source) if isinstance(self.source, Path) else from_array(self.source)


def um_per_px_of(
    position: NDArray[np.float32], grid: NDArray[np.float32], factors: Mapping[str, float]
) -> float | None:
    """Return the size of a pixel of the positions where the file, or the array of Visium, says it.

    Space Ranger writes ``microns_per_pixel`` for Visium HD. For Visium it follows from the diameter of a spot's 65 um
    if spots then lie 100 um apart, as other assays fill ``spot_diameter_fullres`` with diameters of their own; else
    from the 100 um between spots of the array.
    """
    stated = factors.get("microns_per_pixel")
    if stated:
        return stated
    pitch = _pitch(position)
    diameter = factors.get("spot_diameter_fullres")
    if diameter and abs(pitch * SPOT_UM / diameter / PITCH_UM - 1) < NEAR_ENOUGH:
        return SPOT_UM / diameter
    return PITCH_UM / pitch if pitch and _is_visium(position, grid) else None


def _pitch(position: NDArray[np.float32]) -> float:
    from scipy.spatial import cKDTree

    distances, _ = cKDTree(position).query(position, k=min(2, len(position)))
    return float(np.median(distances[:, -1])) if len(position) > 1 else 0.0


def _is_visium(position: NDArray[np.float32], grid: NDArray[np.float32]) -> bool:
    """Say whether columns and rows are those of the hexagonal array of 128 x 78."""
    column, row = grid.T
    inside = (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    return grid is not position and bool((inside & ((column + row) % 2 == 0)).all() and (column % 2).any())


def picture_of(path: Path, file: Any, section: str, pattern: str | None, *, several: bool) -> Picture:
    """Find the image of a section: the file that is named, the one the data were made from, or the reduced copy inside.

    Raises
    ------
    MissingError
        There is none.
    DataError
        The copy inside is no RGB image.
    """
    library = _library(file, section, several=several)
    factors = _factors(path, library)
    if pattern is not None:
        return Picture(path.parent / pattern.replace("{section}", section), 1.0, factors)
    source = _source(path, library)
    if source is not None:
        return Picture(source, 1.0, factors)
    images = library["images"] if library is not None and "images" in library else {}
    if "hires" not in images:
        kept = ", ".join(file["uns/spatial"]) if "uns/spatial" in file else "none"
        raise MissingError(
            f"{path}: has no image of section {section} (uns/spatial has: {kept}); name its file with data.image, or "
            "say with data.section which obs column tells sections apart"
        )
    scale = factors.get("tissue_hires_scalef")
    if not scale:
        raise DataError(f"{path}: does not say how its image hires is scaled (tissue_hires_scalef); name data.image")
    note = f"section {section}: patches come from the reduced image inside the file (1 pixel for {1 / scale:.1f})"
    return Picture(_pixels(path, images["hires"]), scale, factors, (f"{note}; name the full one with data.image",))


def _library(file: Any, section: str, *, several: bool) -> Any:
    """Return what ``uns['spatial']`` holds of a section, None where it holds nothing."""
    libraries = file.get("uns/spatial", {})
    if section in libraries:
        return libraries[section]
    return next(iter(libraries.values())) if len(libraries) == 1 and not several else None


def _factors(path: Path, library: Any) -> dict[str, float]:
    from anndata.io import read_elem

    if library is None or "scalefactors" not in library:
        return {}
    factors = {name: float(value) for name, value in read_elem(library["scalefactors"]).items() if np.ndim(value) == 0}
    wrong = next((name for name, value in factors.items() if not 0 < value < float("inf")), None)
    if wrong:
        raise DataError(f"{path}: scale factor {wrong} is {factors[wrong]}, it lies above 0; correct or remove it")
    return factors


def _source(path: Path, library: Any) -> Path | None:
    """Return the file that the data were made from, if it is there, by its path or beside the .h5ad."""
    from anndata.io import read_elem

    if library is None or "metadata" not in library or "source_image_path" not in library["metadata"]:
        return None
    stated = Path(str(read_elem(library["metadata"]["source_image_path"])))
    return next((found for found in (stated, path.parent / stated.name) if found.is_file()), None)


def _pixels(path: Path, stored: Any) -> NDArray[np.uint8]:
    shape: tuple[int, ...] = getattr(stored, "shape", ())
    kind = getattr(getattr(stored, "dtype", None), "kind", "?")
    if len(shape) != 3 or shape[2] not in {3, 4} or kind not in "fu":  # noqa: PLR2004 - height, width, RGB or RGBA
        raise DataError(f"{path}: its image hires has the shape {shape}, RGB is needed; name another with data.image")
    if shape[0] * shape[1] > MOST_PIXELS:
        raise DataError(
            f"{path}: its image has {shape[0] * shape[1]:,} pixels, more than {MOST_PIXELS:,}; name data.image"
        )
    pixels = np.asarray(stored[..., :3])
    if pixels.dtype == np.uint8:
        return pixels
    if not np.isfinite(pixels).all() or pixels.min() < 0:
        raise DataError(f"{path}: its image hires holds negative or missing values; name another with data.image")
    bright = 255.0 if pixels.max() <= 1 else 1.0
    return (pixels.astype(np.float32) * bright).round().clip(0, 255).astype(np.uint8)
