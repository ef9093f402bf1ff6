"""Where a model looks, as files: attention over a field as OME-TIFF and PNG, the spectra of what it attends to."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.figures.files import write_picture
from zoo_cars import pictures
from zoo_cars.attended import attention_map, mean_spectra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cars.field import Field


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
        write_picture(folder / f"{name}_attention.png", pictures.overlay(found, stack.mean(axis=0), field))
        _write_spectra(folder / f"{name}_spectra", found, stack, field)


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


def _write_spectra(path: Path, found: NDArray[np.float32], stack: NDArray[np.float32], field: Field) -> None:
    """Write and draw the mean spectrum of attended pixels and of the others."""
    spectra = mean_spectra(found, stack)
    if spectra is None:
        return
    others = [None] * len(stack) if spectra.others is None else spectra.others.tolist()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["wavenumber_cm", "attended", "others"])
    rows.writerows(zip(field.wavenumber_cm.tolist(), spectra.attended.tolist(), others, strict=True))
    atomic.write_text(path.with_name(f"{path.name}.csv"), text.getvalue())
    write_picture(path.with_name(f"{path.name}.png"), pictures.spectra(field.wavenumber_cm, spectra))
