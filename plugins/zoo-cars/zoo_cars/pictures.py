"""How a field with attention over it looks, and the spectra of what is attended: for files and for pages alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.style import COLOURS, DASHES, GREY, HEAT, figure, short, tidy
from zoo.scores.scale_bar import scale_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo_cars.attended import Spectra
    from zoo_cars.field import Field

    Picture = NDArray[np.float32]

OUTLINE = "#40e0ff"
"""Of what is known to be there, on the grey field."""
SIDE = 320
"""Pixels of an outline at most, along each side."""


def overlay(found: Picture, grey: Picture, field: Field, *, width: float = 7.2) -> Any:
    """Draw a field in grey, and once more with attention over it: a scale bar, a colour bar, what is known outlined.

    Parameters
    ----------
    found
        Attention [H, W] as :func:`zoo_cars.attended.attention_map` gives it.
    grey
        The field [H, W], its mean over the bands.
    field
        Its name, the size of its pixels, and its truth where it has one.
    width
        Inches.
    """
    drawing = figure(width, width / 2)
    plain, over = drawing.subplots(1, 2)
    low, high = np.nanpercentile(grey, (1, 99))
    for axes in (plain, over):
        axes.imshow(grey, cmap="gray", vmin=low, vmax=high)
        axes.set_axis_off()
    most = max(float(np.nanmax(found, initial=0)), 1e-12)
    # none of it where there is no tile: a colour of its own would look like a value
    strength = np.where(np.isfinite(found), 0.25 + 0.55 * np.nan_to_num(found) / most, 0)
    drawn = over.imshow(np.nan_to_num(found), cmap=HEAT, alpha=strength, vmin=0, vmax=most)
    bar = drawing.colorbar(drawn, ax=over, shrink=0.8)
    bar.set_label("attention (1 = even)", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    plain.set_title(short(field.name), fontsize=9)
    over.set_title("where the model looks", fontsize=9)
    scale_bar(plain, grey.shape, field.um_per_px)
    if field.truth is not None and field.truth.any() and not field.truth.all():
        _outline(plain, field.truth)
    return drawing


def _outline(axes: Axes, truth: NDArray[np.bool_]) -> None:
    step = -(-max(truth.shape) // SIDE)
    shown = np.pad(truth[::step, ::step].astype(np.float32), 1)  # closed where it reaches the end of the field
    rows, columns = (step * np.arange(-1, side - 1) for side in shown.shape)
    limits = {"xlim": axes.get_xlim(), "ylim": axes.get_ylim()}
    # pixels of a picture within the figure: the outline of many cells is a path without end
    axes.contour(columns, rows, shown, levels=[0.5], colors=OUTLINE, linewidths=1.0).set_rasterized(True)
    axes.set(**limits)


def spectra(wavenumber_cm: NDArray[np.float64], found: Spectra) -> Any:
    """Draw the mean spectrum of the attended pixels of a field, and of the others where there are any."""
    drawing = figure(5, 3.2)
    axes = tidy(drawing.subplots())
    attended_lines(axes, wavenumber_cm, found.attended, found.others, f"attended ({found.share:.0%} of pixels)")
    axes.set(xlabel="wavenumber (1/cm)", ylabel="mean intensity")
    axes.legend(frameon=False, fontsize=8)
    return drawing


def attended_lines(
    axes: Axes,
    wavenumber_cm: NDArray[np.float64],
    attended: NDArray[np.floating],
    others: NDArray[np.floating] | None,
    name: str = "attended",
) -> None:
    """Draw the mean spectra [C] of attended and of other pixels into axes."""
    axes.plot(wavenumber_cm, attended, color=COLOURS[1], linewidth=1.5, label=name)
    if others is not None:
        axes.plot(wavenumber_cm, others, color=COLOURS[0], linestyle=DASHES[1], linewidth=1.5, label="others")


def by_class(
    wavenumber_cm: NDArray[np.float64],
    found: Mapping[str, Mapping[str, NDArray[np.float64]]],
    known: Mapping[str, Sequence[float]],
    unit: str,
) -> Any:
    """Draw a column a class: above the mean spectra of attended and other pixels, below how far they lie apart.

    Parameters
    ----------
    wavenumber_cm
        Of each band [C].
    found
        Of each class ``attended``, ``others``, ``apart``, ``low`` and ``high`` [C].
    known
        Name -> wavenumbers of bands that are known.
    unit
        Of the spectra.
    """
    from matplotlib.ticker import MaxNLocator

    drawing = figure(9.6, 4.6)
    rows = drawing.subplots(2, len(found), sharex=True, sharey="row", squeeze=False)
    for place, (name, lines) in enumerate(found.items()):
        above, below = (tidy(axes) for axes in rows[:, place])
        attended_lines(above, wavenumber_cm, lines["attended"], lines["others"])
        above.set_title(short(name, 80 // len(found)), fontsize=9)
        below.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
        below.fill_between(wavenumber_cm, lines["low"], lines["high"], color=COLOURS[1], alpha=0.25, linewidth=0)
        below.plot(wavenumber_cm, lines["apart"], color=COLOURS[1], linewidth=1.5)
        below.set_xlabel("wavenumber (1/cm)")
        below.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        _marked((above, below), known, (float(wavenumber_cm.min()), float(wavenumber_cm.max())))
    if known:  # room for their names
        low, high = rows[1, 0].get_ylim()
        rows[1, 0].set_ylim(low, high + 0.4 * (high - low))
    rows[0, 0].set_ylabel(unit)
    rows[1, 0].set_ylabel("attended - others\n(SD of training pixels)")
    handles, names = rows[0, 0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    return drawing


def _marked(both: Sequence[Axes], known: Mapping[str, Sequence[float]], bounds: tuple[float, float]) -> None:
    """Mark bands that are known, in both axes, by name in the upper."""
    for name, places in known.items():
        for place in places:
            if not bounds[0] <= place <= bounds[1]:
                continue
            for axes in both:
                axes.axvline(place, color=GREY, linewidth=0.8, linestyle="-.")
            told = f"{short(name, 16)} {place:g}"
            both[1].annotate(
                told,
                (place, 1),
                (-2, -2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                rotation=90,
                ha="right",
                va="top",
                fontsize=7,
            )
