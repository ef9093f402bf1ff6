"""Pictures of fields with their cells outlined, and of the cells that are held surest to show a location.

The protein is drawn in grey; of attention and truth, colours can be told apart by the colour-blind.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.figures.style import short
from zoo.scores.overlays import extremes, file_name
from zoo_cells.protein.locations import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cells.outputs.cell_tables import Judged

PROTEIN = CHANNELS.index("protein")
FIELDS = 2
"""Best and worst fields that are drawn, so many of each."""
SHOWN, ROWS = 8, 10
"""Cells of a location in the gallery, and locations."""
SIDE = 640
"""Pixels of the longer side of a field in its picture; a larger one is drawn with fewer."""
RANGE = (1, 99.8)
"""Percentiles of the protein that become black and white."""
LEAST = 0.15
"""Share of white that becomes white at least, so that the noise of a cell without protein stays dark."""
COLOURS, TRUE, FALSE, UNKNOWN = 96, "#009e73", "#d55e00", "#888888"
DPI = 100
HEAT = "plasma"


def write(judged: Judged, folder: Path) -> list[Path]:
    """Write the pictures and return the files: ``fields/*.png``, ``gallery.png``; none where no image has labels."""
    labelled = np.flatnonzero((judged.truth["label"] > 0).any(axis=1) & (judged.size > 0))
    if not len(labelled):
        return []
    label = judged.truth["label"][labelled] > 0
    own = (judged.predicted["probability"][labelled] * label).sum(axis=1) / label.sum(axis=1)
    best, worst = extremes(own, label.argmax(axis=1), FIELDS)
    ranks = [*(f"best_{n + 1}" for n in range(len(best))), *(f"worst_{n + 1}" for n in range(len(worst)))]
    found = []
    for rank, place in zip(ranks, labelled[[*best, *worst]].tolist(), strict=True):
        path = folder / "fields" / f"{rank}_{file_name(judged.fields[place])}.png"
        found.append(_write(path, field_picture(judged, place)))
    return [*found, _write(folder / "gallery.png", gallery(judged))]


def field_picture(judged: Judged, place: int) -> Any:
    """Draw the protein of an image, its cells outlined in the colour of their attention (1: an even share)."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    item = int(judged.items[place])
    mask = judged.dataset.mask(item)
    image = protein(judged, place)
    step = max(1, -(-max(mask.shape) // SIDE))
    inside = judged.cells["item"] == place
    attention = judged.predicted["attention"][inside] * int(inside.sum())
    scale = Normalize(0, max(2.0, float(attention.max(initial=0))))
    shown = np.repeat(grey(image[::step, ::step])[..., None], 3, axis=2)
    colour = np.zeros((int(mask.max(initial=0)) + 1, 3))
    colour[judged.cells["cell"][inside]] = colormaps[HEAT](scale(attention))[:, :3]
    thin = mask[::step, ::step]
    edge = _edges(thin)
    shown[edge] = colour[thin[edge]]
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shown, interpolation="nearest")
    axes.set_axis_off()
    bar = figure.colorbar(ScalarMappable(scale, HEAT), ax=axes, shrink=0.8, pad=0.02, aspect=25)
    bar.set_label("attention (1: an even share)", fontsize=8)
    axes.set_title(_title(judged, place), fontsize=8)
    return figure


def protein(judged: Judged, place: int) -> NDArray[Any]:
    """Return the protein in the field of an image; fields without cells are no items, so that it is found by name."""
    fields = judged.dataset.fields_dataset
    number = list(fields.groups["field"]).index(judged.fields[place])
    return np.asarray(fields.batch(np.array([number]))["image"][0][PROTEIN])


def _title(judged: Judged, place: int) -> str:
    said, label = judged.predicted["probability"][place], judged.truth["label"][place] > 0
    true = ", ".join(f"{short(judged.classes[k])} ({said[k]:.2f})" for k in np.flatnonzero(label))
    most = int(said.argmax())
    return "\n".join(
        [
            short(judged.fields[place], 60),
            f"labels: {true}",
            f"most probable: {short(judged.classes[most])} ({said[most]:.2f})",
        ]
    )


def gallery(judged: Judged) -> Any:
    """Draw a row a location, the most frequent ones: the protein of the cells that are held surest to show it.

    The frame says whether that is so: green for true, orange for false, grey where nobody knows.
    """
    from matplotlib.figure import Figure

    cell = judged.predicted["cell"]
    frequent = np.argsort(-(judged.truth["label"] > 0).sum(axis=0), kind="stable")[:ROWS]
    classes = [k for k in frequent.tolist() if (judged.truth["label"][:, k] > 0).any()]
    chosen = {k: np.argsort(-cell[:, k], kind="stable")[:SHOWN] for k in classes}
    crops = crops_of(judged, np.unique(np.concatenate(list(chosen.values()))))
    figure = Figure(figsize=(0.75 * SHOWN + 1.6, 0.75 * len(classes) + 0.4), layout="constrained")
    axes = figure.subplots(len(classes), SHOWN, squeeze=False)
    for line, (k, cells) in zip(axes, chosen.items(), strict=True):
        for place in line:
            place.set(xticks=[], yticks=[])
            place.spines[:].set_visible(False)
        line[0].set_ylabel(short(judged.classes[k], 22), rotation=0, ha="right", va="center", fontsize=7)
        for place, number in zip(line, cells.tolist(), strict=False):
            place.imshow(grey(crops[number]), cmap="gray", vmin=0, vmax=1)
            place.spines[:].set(visible=True, color=_frame(judged, number, k), linewidth=2)
    figure.suptitle("surest cells of a location (green: true, orange: false, grey: not known)", fontsize=8)
    return figure


def _frame(judged: Judged, number: int, k: int) -> str:
    label = judged.truth["cell_label"][number, k] if "cell_label" in judged.truth else -1
    return UNKNOWN if label < 0 else TRUE if label else FALSE


def crops_of(judged: Judged, cells: NDArray[np.int64]) -> dict[int, NDArray[Any]]:
    """Return the protein in the crops of some cells, reading an image at a time."""
    item, first = judged.cells["item"][cells], np.cumsum(judged.size) - judged.size
    found: dict[int, NDArray[Any]] = {}
    for place in np.unique(item).tolist():
        batch = judged.dataset.batch(judged.items[place : place + 1])
        for number in cells[item == place].tolist():
            found[number] = np.asarray(batch["instances"][number - int(first[place])][PROTEIN])
    return found


def grey(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Return a plane between two percentiles of its own, from 0 to 1; the noise of an empty one stays dark."""
    white = np.iinfo(plane.dtype).max if plane.dtype.kind == "u" else 1.0
    low, high = np.percentile(plane, RANGE)
    found: NDArray[np.float64] = np.clip((plane.astype(np.float64) - low) / max(float(high - low), LEAST * white), 0, 1)
    return found


def _edges(mask: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the pixels of cells that touch something else below or beside them."""
    edge = np.zeros(mask.shape, dtype=bool)
    down, across = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    found: NDArray[np.bool_] = edge & (mask > 0)
    return found


def _write(path: Path, figure: Any) -> Path:
    """Write a figure as PNG of few colours, which a picture of grains needs to stay small."""
    from PIL import Image

    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=DPI)
    few = Image.open(kept).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    atomic.write(path, lambda temporary: few.save(temporary, format="png", optimize=True))
    return path
