"""Fields of view beside where a model looked in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.class_pictures import short
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
MAP = "inferno"


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
    best = _first(np.argsort(-own, kind="stable"), label, half)
    left = [item for item in np.argsort(own, kind="stable").tolist() if item not in best]
    return best, _first(np.array(left, dtype=np.int64), label, min(most, len(left)))


def _first(order: Labels, label: Labels, most: int) -> list[int]:
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


def picture(looked: Looked) -> Any:
    """Draw a field as a composite of its channels, and beside it each map over the field in grey."""
    from matplotlib.figure import Figure

    shown, colours = composite(looked.image, photograph=not looked.channels and len(looked.image) == RGB)
    height, width = shown.shape[:2]
    panels = 1 + len(looked.maps)
    figure = Figure(figsize=(3.2 * panels + 1.0, 3.2 * height / width + 0.9), layout="constrained")
    plain, *over = axes = figure.subplots(1, panels, squeeze=False)[0]
    plain.imshow(shown)
    plain.set_title("channels" if colours else "field", fontsize=8)
    _name_channels(plain, looked.channels, colours)
    scale_bar(plain, (height, width), looked.um_per_px)
    grey = _stretched(np.mean([_stretched(channel) for channel in looked.image], axis=0))
    for place, (title, found) in zip(over, looked.maps.items(), strict=True):
        _heat(place, grey, found)
        place.set_title(title, fontsize=8)
    for place in axes:
        place.set_axis_off()
    _bar(figure, axes)
    figure.suptitle(_title(looked), fontsize=9)
    return figure


def _heat(axes: Axes, grey: Floats, found: Floats) -> None:
    """Draw a map over a field; both fill the same frame, however many pixels the model saw of it."""
    height, width = grey.shape
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
    frame = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(found, cmap=MAP, vmin=0, vmax=1, alpha=0.2 + 0.5 * np.clip(found, 0, 1), extent=frame)


def _bar(figure: Any, axes: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), MAP), ax=list(axes), shrink=0.8, pad=0.02, aspect=25)
    bar.set_label("Grad-CAM (1: highest of the field)", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _title(looked: Looked) -> str:
    true, said = looked.probability
    told = [short(looked.name, 60), f"true: {short(looked.true)} (probability {true:.2f})"]
    told += [] if looked.said == looked.true else [f"predicted: {short(looked.said)} ({said:.2f})"]
    return "\n".join(told)


def _name_channels(axes: Axes, channels: Sequence[str], colours: Sequence[str]) -> None:
    for number, (name, colour) in enumerate(zip(channels, colours, strict=False)):
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
        place = (0.025, 0.975 - 0.065 * number)
        axes.text(*place, short(name), transform=axes.transAxes, va="top", fontsize=7, color="black", bbox=box)


def file_name(name: str) -> str:
    """Return a name that a file may have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:80] or "field"
