"""Where a model looks: attention over a field as OME-TIFF and as a picture, and the spectra of what it attends to."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.scores.files import write_picture
from zoo.scores.scale_bar import scale_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cars.field import Field

ATTENDED = 0.1
"""Share of the pixels, those of highest attention, whose mean spectrum is drawn against that of the others."""
DPI = 150


def draw(dataset: Any, predicted: dict[str, NDArray[Any]], folder: Path) -> None:
    """Write for each field its attention map (OME-TIFF, PNG) and the spectra of attended and other pixels (CSV, PNG).

    Parameters
    ----------
    dataset
        A :class:`zoo_cars.fields.FieldDataset`.
    predicted
        ``attention`` [N] of the instances of all fields, ``size`` [n] instances of each.
    folder
        Where to.
    """
    ends = np.cumsum(predicted["size"].astype(np.int64))
    parts = np.split(predicted["attention"], ends[:-1])
    for item, (field, attention) in enumerate(zip(dataset.fields, parts, strict=True)):
        stack = field.open_stack()
        places = dataset.batch(np.array([item]))["tile_yx"].numpy()
        found = attention_map(attention, places, stack.shape[1:], dataset.tiles.size)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", field.name) or "field"
        _write_tiff(folder / f"{name}_attention.ome.tif", found, field)
        _write_picture(folder / f"{name}_attention.png", found, stack, field)
        _write_spectra(folder / f"{name}_spectra", found, stack, field)


def attention_map(
    attention: NDArray[np.floating], places: NDArray[np.int64], shape: tuple[int, ...], size: int
) -> NDArray[np.float32]:
    """Return attention as a picture [H, W] in which 1 is what every tile would get if all got the same.

    Parameters
    ----------
    attention
        Of the tiles of one field [n], summing to 1.
    places
        Row and column of each tile's corner [n, 2].
    shape
        Height and width of the field.
    size
        Side of a tile in pixels. Where tiles overlap their mean is taken; where there is none, it is not a number.
    """
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (y, x) in zip(attention * len(attention), places, strict=True):
        total[y : y + size, x : x + size] += value
        count[y : y + size, x : x + size] += 1
    with np.errstate(invalid="ignore"):
        return (total / count).astype(np.float32)


def attended_pixels(found: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels of highest attention, at least :data:`ATTENDED` of those that have any, ties included."""
    known = found[np.isfinite(found)]
    least = np.quantile(known, 1 - ATTENDED) if known.size else np.inf
    return np.nan_to_num(found, nan=-np.inf) >= least


def _write_tiff(path: Path, found: NDArray[np.float32], field: Field) -> None:
    import tifffile

    size = {"PhysicalSizeX": field.um_per_px, "PhysicalSizeXUnit": "um"} if field.um_per_px else {}
    size |= {"PhysicalSizeY": field.um_per_px, "PhysicalSizeYUnit": "um"} if field.um_per_px else {}
    metadata = {"axes": "YX", "Name": f"attention of {field.name}", **size}

    def fill(temporary: Path) -> None:
        # through memory: the ending of a temporary name would decide the format
        kept = io.BytesIO()
        tifffile.imwrite(kept, found, ome=True, metadata=metadata)
        temporary.write_bytes(kept.getvalue())

    atomic.write(path, fill)


def _write_picture(path: Path, found: NDArray[np.float32], stack: NDArray[np.float32], field: Field) -> None:
    """Draw the field in grey with attention over it, a scale bar and a colour bar."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    plain, over = figure.subplots(1, 2)
    grey = stack.mean(axis=0)
    low, high = np.nanpercentile(grey, (1, 99))
    for axes in (plain, over):
        axes.imshow(grey, cmap="gray", vmin=low, vmax=high)
        axes.set_axis_off()
    strength = np.nan_to_num(found / max(float(np.nanmax(found)), 1e-12))
    drawn = over.imshow(found, cmap="inferno", alpha=0.25 + 0.55 * strength, vmin=0)
    figure.colorbar(drawn, ax=over, shrink=0.8, label="attention (1 = even)")
    plain.set_title(field.name, fontsize=9)
    over.set_title("where the model looks", fontsize=9)
    scale_bar(plain, grey.shape, field.um_per_px)
    write_picture(path, figure, dpi=DPI)


def _write_spectra(path: Path, found: NDArray[np.float32], stack: NDArray[np.float32], field: Field) -> None:
    """Write and draw the mean spectrum of attended pixels and of the others."""
    from matplotlib.figure import Figure

    attended = attended_pixels(found)
    inside, outside = (stack[:, which].mean(axis=1) for which in (attended, ~attended))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["wavenumber_cm", "attended", "others"])
    rows.writerows(zip(*(values.tolist() for values in (field.wavenumber_cm, inside, outside)), strict=True))
    atomic.write_text(path.with_name(f"{path.name}.csv"), text.getvalue())
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(field.wavenumber_cm, inside, color="#d55e00", label=f"attended ({attended.mean():.0%} of pixels)")
    axes.plot(field.wavenumber_cm, outside, color="#0072b2", linestyle="--", label="others")
    axes.set_xlabel("wavenumber (1/cm)")
    axes.set_ylabel("mean intensity")
    axes.legend(frameon=False)
    write_picture(path.with_name(f"{path.name}.png"), figure, dpi=DPI)
