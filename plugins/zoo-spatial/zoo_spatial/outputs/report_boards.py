"""Figures of many maps on one sheet, whose places are computed: axes of their own would cost a second a figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.figures import style
from zoo_spatial.outputs import gene_maps
from zoo_spatial.outputs.gene_maps import FOOT, Ground, Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

WIDE, EDGE, GAP, LABEL = 9.6, 0.1, 0.14, 0.32
BAR, BAR_GAP, BAR_ROOM = 0.07, 0.05, 0.34
"""Height of a colour bar, its distance from the map, and the room for both and its numbers."""
WIDEST = {1: 3.0, 2: 2.8, 3: 2.4}
"""Width of a map on a board of few genes."""
LEAST_RATIO, MOST_RATIO = 0.4, 1.6
SHADES = 64


class Box(NamedTuple):
    """A place on a sheet, in inches from the left and from the top."""

    left: float
    top: float
    wide: float
    high: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure with one axes that counts inches from the upper left corner."""

    drawing: Any
    axes: Axes

    @classmethod
    def of(cls, width: float, height: float) -> Sheet:
        """Return an empty sheet."""
        drawing = style.figure(width, height)
        drawing.set_layout_engine("none")
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        return cls(drawing, axes)

    def show(self, ground: Ground, box: Box, panel: Panel, *, rasterized: bool) -> Ground:
        """Draw a map into a box and return the ground as it lies on the sheet."""
        placed = fitted(ground, box)
        gene_maps.paint(self.axes, placed, panel, rasterized=rasterized)
        return placed

    def picture(self, image: NDArray[Any], extent: Sequence[float]) -> None:
        """Draw an image [H, W] or [H, W, 3] between left, right, bottom and top."""
        limits = self.axes.get_xlim(), self.axes.get_ylim()
        left, right, bottom, top = extent
        self.axes.imshow(image, extent=(left, right, bottom, top), aspect="auto")
        self.axes.set(xlim=limits[0], ylim=limits[1])

    def bar(self, box: Box, panel: Panel) -> None:
        """Draw the colour bar of a map under its box, with two or three numbers."""
        from matplotlib import colormaps

        left, right = box.left + 0.15 * box.wide, box.left + 0.85 * box.wide
        top = box.top + box.high + BAR_GAP
        shades = colormaps[panel.colours](np.linspace(0, 1, SHADES))[None, :, :3]
        self.picture(shades, (left, right, top + BAR, top))
        ends = [(left, panel.low), (right, panel.high)]
        ends += [((left + right) / 2, 0.0)] if panel.low == -panel.high else []
        for x, value in ends:
            self.write(x, top + BAR + 0.03, f"{value:.2g}", size=6.5, va="top")

    def write(self, x: float, y: float, text: str, *, size: float = 9, **how: Any) -> None:
        """Write text around a place."""
        self.axes.text(x, y, text, fontsize=size, **{"ha": "center", "va": "center", "color": style.INK, **how})

    def title(self, box: Box, text: str, size: float = 9) -> None:
        """Write over a box."""
        self.write(box.left + box.wide / 2, box.top - 0.06, text, size=size, va="bottom")


def fitted(ground: Ground, box: Box) -> Ground:
    """Return a ground moved and scaled into a box, in its middle; the foot is below it."""
    left, right, top, bottom = ground.box
    scale = min(box.wide / (right - left), box.high / (bottom - top))
    x = box.left + (box.wide - scale * (right - left)) / 2
    y = box.top + (box.high - scale * (bottom - top)) / 2
    place = (ground.position_px - [left, top]) * scale + [x, y]
    edges = (x, x + scale * (right - left), y, y + scale * (bottom - top))
    return replace(ground, position_px=place, width_px=ground.width_px * scale, box=edges, px=ground.px / scale)


def strip(ratio: float, panels: int, shown: int | None = None) -> tuple[Sheet, list[Box], float]:
    """Return a sheet with so many boxes beside each other, and the height of the foot under each.

    ``ratio`` is height by width of what is shown; ``shown`` how many would fill the sheet, where that are more.
    """
    wide = min((WIDE - 2 * EDGE - (panels - 1) * GAP) / max(panels, shown or 0), 3.0)
    high, title = wide * bounded(ratio), 0.3
    foot = FOOT * high
    sheet = Sheet.of(2 * EDGE + panels * wide + (panels - 1) * GAP, title + high + foot + BAR_ROOM)
    return sheet, [Box(EDGE + n * (wide + GAP), title, wide, high) for n in range(panels)], foot


def grid(ratio: float, columns: int, rows: Sequence[str]) -> tuple[Sheet, list[list[Box]]]:
    """Return a sheet with three named rows of boxes: a foot under the first, colour bars under the others."""
    title = 0.42
    wide = min((WIDE - LABEL - EDGE - (columns - 1) * GAP) / columns, WIDEST.get(columns, 2.0))
    high = wide * bounded(ratio)
    second = title + high * (1 + FOOT) + 0.04
    tops = (title, second, second + high + BAR_ROOM)
    sheet = Sheet.of(max(LABEL + columns * wide + (columns - 1) * GAP + EDGE, 3.0), tops[-1] + high + BAR_ROOM)
    boxes = []
    for top, name in zip(tops, rows, strict=True):
        boxes.append([Box(LABEL + n * (wide + GAP), top, wide, high) for n in range(columns)])
        sheet.write(0.16, top + high / 2, name, size=8, rotation=90)
    return sheet, boxes


def bounded(ratio: float) -> float:
    """Return height by width of a box, within bounds."""
    return float(np.clip(ratio, LEAST_RATIO, MOST_RATIO))
