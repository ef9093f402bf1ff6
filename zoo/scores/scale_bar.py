"""A bar that says how large what is seen is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.figures.style import ON_PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Lengths in micrometres or pixels."""


def scale_bar(axes: Axes, shape: tuple[int, ...], um_per_px: float | None) -> None:
    """Draw a bar of a round length on an image of ``shape`` (height, width); without a pixel size it counts pixels."""
    from matplotlib.patheffects import withStroke

    height, width = shape
    scale, unit = (um_per_px, "µm") if um_per_px else (1.0, "px")
    fitting = [bar for bar in BARS if bar / scale <= width / 3]
    length = fitting[-1] if fitting else width * scale / 3
    edge = [withStroke(linewidth=2, foreground=ON_PALE)]  # dark on every page, as the image is
    x, y = width * 0.05, height * 0.95
    bar = axes.plot([x, x + length / scale], [y, y], color="white", linewidth=3, solid_capstyle="butt")[0]
    bar.set_path_effects([withStroke(linewidth=4.5, foreground=ON_PALE)])
    # the words stand off in points, so that they clear the bar of a small image
    said = axes.annotate(f"{length:g} {unit}", (x, y), xytext=(0, 4), textcoords="offset points", va="bottom")
    said.set(color="white", fontsize=7, path_effects=edge)
