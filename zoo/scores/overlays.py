"""Fields of view beside where a model looked in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.style import HEAT, INK, ON_PALE, figure, short
from zoo.scores.scale_bar import scale_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Labels = NDArray[np.int64]

MIXED = ("#56b4e9", "#f0e442", "#cc79a7", "#009e73", "#d55e00", "#0072b2")
"""Colours of channels (Okabe & Ito); three and more are never told apart by red against green alone."""
PAIR = ("#ff00ff", "#00ff00")
RGB = 3
RANGE = (1, 99.8)
"""Percentiles of a channel that become black and full colour."""
DOTS = 150
"""Of an inch; pixels beyond are not seen."""
GAP, ABOVE, BAR = 0.1, 0.3, 0.62
"""Inches between panels, of the line above them, and of the bar of colours with its words."""
LETTERS = 20
"""Of a title to the inch."""


@dataclass(frozen=True)
class Looked:
    """One item with what was said of it, and where the model looked for which classes.

    ``image`` [C, H, W] with the names of its ``channels`` (none for the colours of a photograph), ``um_per_px`` where
    it is known, ``true`` and ``said`` with the ``probability`` of both, and ``maps``: title -> [h, w] in [0, 1].
    """

    name: str
    image: NDArray[Any]
    channels: Sequence[str]
    um_per_px: float | None
    true: str
    said: str
    probability: tuple[float, float]
    maps: dict[str, Floats]


def extremes(own: Floats, label: Labels, most: int) -> tuple[list[int], list[int]]:
    """Return the items whose own class is most and least probable, at most so many of each, none in both.

    The items are of different classes as long as there are classes enough.
    """
    half = min(most, (len(own) + 1) // 2)
    best = first(np.argsort(-own, kind="stable"), label, half)
    left = [item for item in np.argsort(own, kind="stable").tolist() if item not in best]
    return best, first(np.array(left, dtype=np.int64), label, min(most, len(left)))


def first(order: Labels, label: Labels, most: int) -> list[int]:
    """Return items in their order, at most so many, those of a label that was there already after all others."""
    seen: set[int] = set()
    new: list[int] = []
    again: list[int] = []
    for item in order.tolist():
        (again if int(label[item]) in seen else new).append(item)
        seen.add(int(label[item]))
    return [*new, *again][:most]


def composite(image: NDArray[Any], *, photograph: bool) -> tuple[Floats, list[str]]:
    """Return a picture [H, W, 3] in [0, 1] of an image [C, H, W], and the colour of each channel.

    Each channel is stretched between two percentiles of its own and added in its colour; one is grey. A photograph
    stays as it is.
    """
    if photograph:
        white = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1.0
        return np.clip(np.moveaxis(image, 0, -1) / white, 0, 1), []
    colours = _colours(len(image))
    mixed = np.zeros((*image.shape[1:], 3))
    for channel, colour in zip(image, colours, strict=True):
        tint = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        mixed += _stretched(channel)[..., None] * tint
    return np.clip(mixed, 0, 1), colours


def reduced(image: NDArray[Any], most: int) -> NDArray[Any]:
    """Return an image [C, H, W] whose longer side is less than twice ``most`` pixels, by means of squares of pixels.

    What is left at the right and at the bottom, less than a square, is cut off.
    """
    times = max(1, max(image.shape[1:]) // max(most, 1))
    if times == 1 or min(image.shape[1:]) < times:
        return image
    height, width = (side // times for side in image.shape[1:])
    squares = image[:, : height * times, : width * times].reshape(len(image), height, times, width, times)
    mean = squares.mean(axis=(2, 4), dtype=np.float64)
    found: NDArray[Any] = (np.rint(mean) if image.dtype.kind in "ui" else mean).astype(image.dtype)
    return found


def is_photograph(image: NDArray[Any], channels: Sequence[str]) -> bool:
    """Return whether an image [C, H, W] holds the colours of a photograph: three planes without names."""
    return not channels and len(image) == RGB


def _colours(channels: int) -> list[str]:
    if channels == 1:
        return ["#ffffff"]
    if channels == len(PAIR):
        return list(PAIR)
    return [MIXED[number % len(MIXED)] for number in range(channels)]


def _stretched(channel: NDArray[Any]) -> Floats:
    low, high = np.percentile(channel, RANGE)
    found: Floats = np.clip((channel.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    return found


def picture(looked: Looked, *, panel: float = 3.2) -> Any:
    """Draw a field as a composite of its channels, and beside it each map over the field in grey.

    ``panel`` is the width of each in inches.
    """
    full, image = looked.image.shape[1:], reduced(looked.image, round(panel * DOTS))
    shown, colours = composite(image, photograph=is_photograph(image, looked.channels))
    drawing, (plain, *over) = _panels(1 + len(looked.maps), panel, panel * full[0] / full[1], _title(looked))
    plain.imshow(shown, extent=frame(full))
    plain.set_title("channels" if colours else "field", fontsize=8)
    name_channels(plain, looked.channels, colours)
    scale_bar(plain, full, looked.um_per_px)
    grey = _stretched(np.mean([_stretched(channel) for channel in image], axis=0))
    for place, (title, found) in zip(over, looked.maps.items(), strict=True):
        _heat(place, grey, found, full)
        fitting = title if len(title) <= panel * LETTERS else f"{title[: int(panel * LETTERS) - 1]}…"
        place.set_title(fitting, fontsize=7 if panel < 2 else 8)  # noqa: PLR2004 - inches
    return drawing


def _panels(count: int, width: float, height: float, title: str) -> tuple[Any, list[Axes]]:
    """Return a figure with so many panels of a size in inches beside each other, and a bar of the colours of maps.

    They are placed by hand: finding their places takes longer than drawing them.
    """
    whole = (count * (width + GAP) + BAR, height + ABOVE + GAP + 0.15 * (1 + title.count("\n")))
    drawing = figure(*whole)
    drawing.set_layout_engine("none")
    places = []
    for number in range(count):
        box = (GAP / 2 + number * (width + GAP), GAP, width, height)
        axes = drawing.add_axes((box[0] / whole[0], box[1] / whole[1], box[2] / whole[0], box[3] / whole[1]))
        axes.set_axis_off()
        places.append(axes)
    drawing.text(0.5, 1 - 0.06 / whole[1], title, fontsize=9, color=INK, ha="center", va="top", linespacing=1.1)
    left, bottom, tall = count * (width + GAP) / whole[0], (GAP + 0.1 * height) / whole[1], 0.8 * height / whole[1]
    _bar(drawing, drawing.add_axes((left, bottom, 0.1 / whole[0], tall)))
    return drawing, places


def frame(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Return the extent of an image of ``shape`` (height, width) in its own pixels, however few of them are drawn."""
    height, width = shape
    return -0.5, width - 0.5, height - 0.5, -0.5


def _heat(axes: Axes, grey: Floats, found: Floats, full: tuple[int, ...]) -> None:
    """Draw a map over a field; both fill the same frame, however many pixels the model saw of it."""
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=frame(full))
    axes.imshow(found, cmap=HEAT, vmin=0, vmax=1, alpha=0.2 + 0.5 * np.clip(found, 0, 1), extent=frame(full))


def _bar(drawing: Any, axes: Axes) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = drawing.colorbar(ScalarMappable(Normalize(0, 1), HEAT), cax=axes)
    bar.set_label("Grad-CAM (1: highest of the field)", fontsize=6)
    bar.set_ticks([0, 0.5, 1])
    bar.ax.tick_params(labelsize=7)


def _title(looked: Looked) -> str:
    true, said = looked.probability
    told = [short(looked.name, 60), f"true: {short(looked.true)} (probability {true:.2f})"]
    told += [] if looked.said == looked.true else [f"predicted: {short(looked.said)} ({said:.2f})"]
    return "\n".join(told)


def name_channels(axes: Axes, channels: Sequence[str], colours: Sequence[str]) -> None:
    """Write the names of channels into the corner of a picture, each on its colour."""
    for number, (name, colour) in enumerate(zip(channels, colours, strict=False)):
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
        place = (0.025, 0.975 - 0.065 * number)
        axes.text(*place, short(name), transform=axes.transAxes, va="top", fontsize=7, color=ON_PALE, bbox=box)


def file_name(name: str) -> str:
    """Return a name that a file may have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:80] or "field"
