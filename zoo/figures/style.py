"""How figures look: colours that the colour-blind can tell apart, on a light page and on a dark one.

Every colour of :data:`COLOURS` and :data:`GREY` stands out at 3 to 1 at least from white and from the dark
page, which is what WCAG 2.1 asks of graphics (success criterion 1.4.11). Lines differ by dashes too, points by form.
What is drawn in black (:data:`INK`) takes the colour of the text around it once it is SVG.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#9010f0", "#f00050", "#f040e0")
"""The first three after Okabe & Ito (2008); the others lie as far from them and from each other as eyes see that lack
red, green or blue cones (tests/test_figures.py). The pale ones of that palette would be lost on white paper."""
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, GREY, PALE = "#000000", "#767676", "#bbbbbb"
ON_PALE = "#111111"
"""Text on a cell that is pale on every page."""
SEQUENTIAL, DIVERGING, HEAT = "viridis", "PuOr_r", "inferno"
"""Colour maps: of a quantity, of a difference around zero, of where something looks."""
MANY = 2000
"""Marks from which on they become pixels of a picture within the figure (``rasterized=True``)."""
LONGEST = 28


def figure(width: float = 7.0, height: float = 4.0) -> Any:
    """Return an empty figure of so many inches, whose parts find their places by themselves.

    The column of a page is 10 inches wide; half of it, and with it two figures beside each other, is 4.8.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes) -> Axes:
    """Take away what frames an axes without saying anything, and return it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
    axes.title.set_fontsize(9)
    return axes


def short(name: object, longest: int = LONGEST) -> str:
    """Return a name that fits beside an axis: of bounded length, dollars no formulas, nothing unprintable."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(name))
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("$", r"\$")
