"""How well each gene is predicted: correlations as a histogram, by level of expression, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo_spatial.genes.moments import Moments, moments
from zoo_spatial.outputs.report_scored import FEW_GROUPS, said

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zoo_spatial.outputs.report_scored import Floats, Scored

STEPS = (0.02, 0.05, 0.1, 0.2)
"""Widths of the bars of a histogram."""
DRAWN = 5000
"""Points of genes that are drawn at most."""
NAMED = 3
"""Genes that are named at either end."""
FEWEST = 30
"""Genes from which on a running median says something."""
FIELD, LETTER = (290.0, 195.0), 4.4
"""Width and height of the axes of a half-wide figure, and width of a letter of a name in it, in points."""
HEIGHTS = (0, 8, -8, 16, -16, 24, -24)
"""How far above its point a name may stand, in points."""


def sections(scored: Scored) -> Iterator[Section]:
    """Yield the section of figures and that of the table."""
    of = moments(scored.predicted, scored.truth)
    title = "How well each gene is predicted"
    if scored.ranked:
        figures = [histogram(scored), against_level(scored, of.mean_truth)]
        yield Section("genes", title, figures, words=_summary(scored), gallery=True)
    else:
        yield Section("genes", title, [], words="No gene varies in what was measured, so that none has a correlation.")
    yield Section("gene-table", "All genes", [table(scored, of)])


def _summary(scored: Scored) -> str:
    known = scored.pcc[scored.ranked]
    best, worst = scored.ranked[0], scored.ranked[-1]
    flat = len(scored.names) - len(known)
    words = [
        f"A gene's correlation is Pearson's r over the spots of {_over(scored)}.",
        f"Of {len(known)} genes, half have one above {np.median(known):.2f}, and {(known > 0).mean():.0%} one above 0.",
        f"Best is {said(scored.names[best])} ({known[0]:.2f}), worst {said(scored.names[worst])} ({known[-1]:.2f}).",
        f"{flat} more did not vary in what was measured." if flat else "",
        scored.simulated,
    ]
    return " ".join(filter(None, words))


def _over(scored: Scored) -> str:
    return "a test group, mean over groups" if len(scored.by_group) > 1 else "the test group"


def histogram(scored: Scored) -> Figure:
    """Return the distribution of the correlation over genes, with an outline for each of a few test groups."""
    known, groups = scored.pcc[scored.ranked], scored.by_group
    shown = groups if 1 < len(groups) <= FEW_GROUPS else {}
    columns = {"mean": known, **{group: values[np.isfinite(values)] for group, values in shown.items()}}
    edges = _edges(np.concatenate(list(columns.values())), len(known))
    counts = {name: np.histogram(values, edges)[0] for name, values in columns.items()}
    median = float(np.median(known))
    drawing = style.figure(4.7, 3.4)
    axes = style.tidy(drawing.subplots())
    axes.stairs(counts["mean"], edges, fill=True, color=style.GREY, alpha=0.4, linewidth=0, label="mean over groups")
    for number, group in enumerate(shown):
        look: dict[str, Any] = {"color": style.COLOURS[number], "linestyle": style.DASHES[number % len(style.DASHES)]}
        axes.stairs(counts[group], edges, linewidth=1.4, label=style.short(group, 18), **look)
    axes.axvline(0, color=style.GREY, linewidth=0.8, linestyle=":")
    axes.axvline(median, color=style.INK, linewidth=1.2)
    axes.set_ylim(0, max(values.max() for values in counts.values()) * 1.14)
    left = median < 0
    axes.annotate(
        f"median {median:.2f}",
        (median, 0.99),
        (-4 if left else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize=8,
    )
    axes.set(xlabel="Pearson's r of a gene", ylabel="genes")
    if shown:
        axes.legend(frameon=False, fontsize=7, loc="best")
    names = ["from", "to", "mean over groups" if len(groups) > 1 else "genes", *shown]
    rows = zip(edges[:-1], edges[1:], *counts.values(), strict=True)
    each = "; ".join(f"{said(group)} {np.median(values):.2f}" for group, values in columns.items() if group in shown)
    return Figure(
        "pcc-histogram",
        "Correlation over genes",
        f"Histogram of Pearson's r of {len(known)} genes, from {known[-1]:.2f} to {known[0]:.2f}; the median is "
        f"{median:.2f}, {(known > 0).mean():.0%} lie above 0." + (f" Medians of test groups: {each}." if each else ""),
        drawing,
        Table(names, [list(row) for row in rows]),
        "Each gene counts once. At 0 a prediction does not say where a gene is high; a gene that is predicted the "
        "same everywhere, as mean expression does, counts as 0."
        + (" Outlines are test groups, the grey area the mean of a gene over them." if shown else ""),
        card=True,
    )


def _edges(values: Floats, genes: int) -> Floats:
    low, high = float(values.min()), float(values.max())
    wanted = (high - low) / np.clip(2 * np.sqrt(genes), 8, 40)
    step = next((step for step in STEPS if step >= wanted), STEPS[-1])
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return np.arange(first, max(last, first + 1) + 1) * step


def against_level(scored: Scored, level: Floats) -> Figure:
    """Return the correlation of genes against their mean measured expression, with a running median."""
    ranked = np.array(scored.ranked)
    if len(ranked) > DRAWN:  # evenly by rank, and both ends
        ranked = ranked[np.unique(np.linspace(0, len(ranked) - 1, DRAWN).round().astype(int))]
    x, y = level[ranked], scored.pcc[ranked]
    named = list(dict.fromkeys([*range(min(NAMED, len(ranked))), *range(max(len(ranked) - NAMED, 0), len(ranked))]))
    drawing = style.figure(4.7, 3.4)
    axes = style.tidy(drawing.subplots())
    size = float(np.clip(1500 / len(ranked), 3, 16))
    axes.scatter(x, y, s=size, color=style.COLOURS[0], alpha=0.7, linewidths=0, rasterized=len(ranked) > style.MANY)
    at, median = running_median(level[scored.ranked], scored.pcc[scored.ranked])
    if len(at):
        axes.plot(at, median, color=style.COLOURS[1], linewidth=2, label="running median")
        axes.legend(frameon=False, fontsize=7, loc="lower right")
    axes.axhline(0, color=style.GREY, linewidth=0.8, linestyle=":")
    axes.scatter(x[named], y[named], s=16, facecolors="none", edgecolors=style.INK, linewidths=0.8)
    _name(axes, x[named], y[named], [style.short(scored.names[gene], 16) for gene in ranked[named]])
    axes.set(
        xlabel=f"mean measured expression ({scored.dataset.scale})",
        ylabel="Pearson's r" + (", mean over groups" if len(scored.by_group) > 1 else ""),
    )
    ends = ""
    if len(at):
        ends = f" The running median goes from {median[0]:.2f} at low to {median[-1]:.2f} at high expression."
    rows = [[scored.names[gene], a, b] for gene, a, b in zip(ranked, x, y, strict=True)]
    return Figure(
        "pcc-by-level",
        "Correlation by level of expression",
        f"Pearson's r of {len(ranked)} genes against their mean measured expression, which goes from {x.min():.2f} to "
        f"{x.max():.2f}.{ends}",
        drawing,
        Table(["gene", "mean measured", "pcc"], rows),
        "Each dot is a gene. Genes that are hardly expressed are measured with much noise, which bounds what any model "
        "can reach. The best and the worst are named."
        + (f" {len(ranked)} of {len(scored.ranked)} genes are drawn." if len(ranked) < len(scored.ranked) else ""),
    )


def running_median(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return medians of x and of y in parts of equally many points, sorted by x; nothing of few points."""
    if len(x) < FEWEST:
        return np.empty(0), np.empty(0)
    parts = np.array_split(np.argsort(x, kind="stable"), int(np.clip(len(x) // 15, 2, 20)))
    return np.array([np.median(x[part]) for part in parts]), np.array([np.median(y[part]) for part in parts])


def _name(axes: Axes, x: Floats, y: Floats, names: Sequence[str]) -> None:
    """Write names beside points, where they cover neither each other nor another of the points if there is room.

    Places are in points (1/72 inch) within the axes, whose size is about :data:`FIELD`.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    at = np.column_stack([(x - left) / (right - left), (y - low) / (high - low)]) * FIELD
    taken = [(a - 3, a + 3, b - 3, b + 3) for a, b in at]
    for number, name in enumerate(names):
        (a, b), wide = at[number], LETTER * len(name)
        free = (
            (side, up)
            for up in HEIGHTS
            for side in ((1, -1) if a < FIELD[0] / 2 else (-1, 1))
            if _is_free(_box_of(a, b, wide, side, up), taken)
        )
        side, up = next(free, (1, 0))
        taken.append(_box_of(a, b, wide, side, up))
        place: dict[str, Any] = {
            "textcoords": "offset points",
            "ha": "left" if side > 0 else "right",
            "va": "center",
            "fontsize": 7,
        }
        axes.annotate(name, (x[number], y[number]), (6 * side, up), **place)


def _box_of(a: float, b: float, wide: float, side: int, up: float) -> tuple[float, float, float, float]:
    near, far = a + 5 * side, a + (6 + wide) * side
    return min(near, far), max(near, far), b + up - 4, b + up + 4


def _is_free(box: tuple[float, float, float, float], taken: Sequence[tuple[float, float, float, float]]) -> bool:
    inside = box[0] >= 0 and box[1] <= FIELD[0] + 10 and box[2] >= 0 and box[3] <= FIELD[1]
    return inside and all(box[1] < a or box[0] > b or box[3] < c or box[2] > d for a, b, c, d in taken)


def table(scored: Scored, of: Moments) -> Listing:
    """Return all genes with their correlations, and how much they vary as measured and as predicted."""
    groups = scored.by_group if 1 < len(scored.by_group) <= FEW_GROUPS else {}
    place = {gene: rank for rank, gene in enumerate(scored.ranked, 1)}
    columns = ["gene", "rank", "pcc", *(f"pcc {group}" for group in groups)]
    columns += ["mean measured", "mean predicted", "sd measured", "sd predicted"]
    spread = np.sqrt(of.variance_truth), np.sqrt(of.variance_predicted)
    values = zip(scored.pcc, *groups.values(), of.mean_truth, of.mean_predicted, *spread, strict=True)
    rows: list[list[Any]] = [
        [name, place.get(gene), *(round(float(value), 4) for value in row)]
        for gene, (name, row) in enumerate(zip(scored.names, values, strict=True))
    ]
    return Listing(
        "gene-list",
        "Genes",
        Table(columns, rows),
        f"pcc is Pearson's r over the spots of {_over(scored)}; empty where a gene was measured the same in every "
        f"spot. Mean and sd are over all test spots ({scored.dataset.scale}). Where the sd predicted is far below the "
        "sd measured, predicted maps vary less than the tissue does.",
        sort="rank",
    )
