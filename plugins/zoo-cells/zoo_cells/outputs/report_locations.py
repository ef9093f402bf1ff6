"""Locations on a page: how well each is told in images and in cells, and from which probability on it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing
from zoo.scores import multilabel
from zoo_cells.outputs.cell_tables import classes_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from zoo_cells.outputs.cell_tables import Judged

MOST = 40
"""Locations that a figure shows."""
WIDTH, LINE, AROUND = 4.7, 0.19, 1.0
"""Inches of a figure, of a location in it, and of what stands above and below."""
APART = 0.17
"""How far the marks of fields and cells stand from the middle of a line."""
KINDS = {"image": ("fields", style.COLOURS[0], "o"), "cell": ("cells", style.COLOURS[1], "s")}
"""What is called, in which colour, with which mark."""
AP = (
    "Average precision of each location: 1 where all that have it are ranked before all others; the grey line is the "
    "share that have it, which is what chance reaches. Fields with the location stand in brackets; of a handful of "
    "fields, precision says little."
)
THRESHOLDS = "From which probability on a location is called in a field and in a cell, beside one half (the line)."


def listing(judged: Judged) -> Listing:
    """Return a row a location: how many fields and cells have it, its scores, its thresholds."""
    return Listing(
        "by-location",
        "By location",
        classes_table(judged),
        caption="AP is average precision; F1 at the threshold that was fitted to validation fields, and at one half.",
        sort="-images",
    )


def precision(judged: Judged) -> Figure:
    """Draw the average precision of each location that some field has."""
    columns = _columns(judged)
    rows = _order(columns["images"])
    kinds = [kind for kind in KINDS if f"{kind}_ap" in columns]
    shares = {kind: share for kind, share in _shares(judged).items() if kind in kinds}
    figure, axes = _axes(judged, rows, [f"({columns['images'][k]:.0f})" for k in rows.tolist()])
    for number, kind in enumerate(kinds):
        shift = APART * (2 * number - 1) if len(kinds) > 1 else 0.0
        line = np.arange(len(rows)) + shift
        axes.plot(shares[kind][rows], line, "|", color=style.GREY, markersize=6, markeredgewidth=1.4)
        _marks(axes, columns[f"{kind}_ap"][rows], line, kind)
    axes.set(xlabel="average precision", xlim=(-0.02, 1.02))
    _legend(figure, axes, extra="share that have it")
    table = Table(
        ["location", "fields", *(f"{kind}_{what}" for kind in kinds for what in ("ap", "share"))],
        [
            [judged.classes[k], int(columns["images"][k])]
            + [float(values[k]) for kind in kinds for values in (columns[f"{kind}_ap"], shares[kind])]
            for k in rows.tolist()
        ],
    )
    return Figure("precision", "Average precision", _alt(judged, columns, rows, kinds), figure, table, AP, card=True)


def thresholds(judged: Judged) -> Figure:
    """Draw from which probability on each location is called."""
    columns = _columns(judged)
    rows = _order(columns["images"] + 1)
    kinds = {
        kind: judged.predicted[name].mean(axis=0, dtype=np.float64)
        for kind, name in (("image", "threshold"), ("cell", "cell_threshold"))
        if name in judged.predicted
    }
    figure, axes = _axes(judged, rows, [""] * len(rows))
    axes.axvline(0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    for number, (kind, values) in enumerate(kinds.items()):
        shift = APART * (2 * number - 1) if len(kinds) > 1 else 0.0
        _marks(axes, values[rows], np.arange(len(rows)) + shift, kind)
    axes.set(xlabel="threshold", xlim=(-0.02, 1.02))
    _legend(figure, axes)
    told = "; ".join(
        f"of {KINDS[kind][0]} from {values.min():.2f} to {values.max():.2f}, {int((values < 0.5).sum())} of "  # noqa: PLR2004
        f"{len(values)} below one half"
        for kind, values in kinds.items()
    )
    table = Table(
        ["location", *(f"{kind}_threshold" for kind in kinds)],
        [[judged.classes[k], *(float(values[k]) for values in kinds.values())] for k in rows.tolist()],
    )
    return Figure("thresholds", "Thresholds", f"Thresholds by location: {told}.", figure, table, THRESHOLDS)


def _columns(judged: Judged) -> Mapping[str, NDArray[np.float64]]:
    table = classes_table(judged)
    return {name: np.array([row[n] for row in table.rows], np.float64) for n, name in enumerate(table.columns) if n}


def _shares(judged: Judged) -> dict[str, NDArray[np.float64]]:
    """Return the share of the images with labels, and of the cells with known truth, that have each location."""
    found = {}
    for kind, name in (("image", "label"), ("cell", "cell_label")):
        label = judged.truth.get(name, judged.truth["label"][:0])
        known = multilabel.known(label)
        found[kind] = (label[known] > 0).mean(axis=0) if known.any() else np.full(label.shape[1], np.nan)
    return found


def _order(count: NDArray[np.float64]) -> NDArray[np.int64]:
    order = np.argsort(-count, kind="stable")
    return order[count[order] > 0][:MOST]


def _axes(judged: Judged, rows: NDArray[np.int64], beside: Sequence[str]) -> tuple[Any, Any]:
    figure = style.figure(WIDTH, AROUND + LINE * max(len(rows), 3))
    axes = style.tidy(figure.subplots())
    names = [
        f"{style.short(judged.classes[k], 24)} {more}".rstrip() for k, more in zip(rows.tolist(), beside, strict=True)
    ]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.6)
    return figure, axes


def _marks(axes: Any, values: NDArray[np.float64], line: NDArray[Any], kind: str) -> None:
    name, colour, mark = KINDS[kind]
    axes.plot(values, line, mark, color=colour, markersize=4.5, label=name)


def _legend(figure: Any, axes: Any, extra: str = "") -> None:
    from matplotlib.lines import Line2D

    handles, _ = axes.get_legend_handles_labels()
    if extra:
        handles.append(Line2D([], [], color=style.GREY, marker="|", linestyle="", markeredgewidth=1.4, label=extra))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)


def _alt(
    judged: Judged, columns: Mapping[str, NDArray[np.float64]], rows: NDArray[np.int64], kinds: Sequence[str]
) -> str:
    told = []
    for kind in kinds:
        values = columns[f"{kind}_ap"][rows]
        if np.isnan(values).all():
            continue
        high, low = int(np.nanargmax(values)), int(np.nanargmin(values))
        told.append(
            f"over {KINDS[kind][0]} it is {np.nanmean(values):.2f} in the mean, highest for "
            f"{judged.classes[rows[high]]} ({values[high]:.2f}) and lowest for {judged.classes[rows[low]]} "
            f"({values[low]:.2f})"
        )
    return f"Average precision of {len(rows)} locations: {'; '.join(told) or 'none can be computed'}."
