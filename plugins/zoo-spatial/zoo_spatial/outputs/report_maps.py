"""Genes over the tissue: measured, predicted and the difference, beside the stained section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Section
from zoo_spatial.genes import gene_scores
from zoo_spatial.outputs import gene_maps
from zoo_spatial.outputs import report_boards as boards
from zoo_spatial.outputs.gene_maps import GeneMaps, Ground, ground_of
from zoo_spatial.outputs.report_scored import mean_of, said

if TYPE_CHECKING:
    from zoo_spatial.outputs.report_scored import Floats, Scored

SECTIONS, ACROSS, GENES = 4, 6, 12
"""Sections that are shown, genes beside each other, and genes in all."""
DOTS = 5000
"""Spots of a section that are drawn as they are (a full Visium array has 4,992); of more, neighbours are averaged."""
FEW_DOTS = 2000
"""Dots up to which five digits of a value are kept, and four of more."""
VECTOR = 700
"""Dots of the large maps that stay shapes; more become pixels."""
PALE_FROM, SAME = 3, 1e4
"""How many times less than measured a prediction may vary before it is said, and from where it is all the same."""
ROWS = ("measured", "predicted", "difference")
THUMBNAIL, LEAST_SHARE = 320, 0.1
"""Pixels of the stained section beside a map, and the share of its image that is looked at, at least."""


def sections(scored: Scored, maps: GeneMaps) -> Iterator[Section]:
    """Yield the section of maps; nothing where no gene has a correlation and none was asked for."""
    wanted, missing = _known(maps, scored.names)
    genes = wanted.chosen(scored.names, scored.pcc)
    if not genes:
        return
    names = _sections(scored)
    parts = [large(scored, scored.ranked[0])] if scored.ranked else []
    for number, name in enumerate(names, 1):
        for part in range(0, min(len(genes), GENES), ACROSS):
            key = f"maps-{number}" + (f"-{part // ACROSS + 1}" if part else "")
            parts.append(board(scored, name, genes[part : min(part + ACROSS, GENES)], key))
    words = [
        "What was measured, what was predicted, and the difference, over the tissue. Genes were chosen by their mean "
        "correlation over all test groups" + (", after those that the recipe names." if wanted.genes else "."),
        _shown(len(scored.sections), len(names)),
        f"{GENES} of {len(genes)} genes are shown; 'zoo eval RUN --out DIR' draws all." if len(genes) > GENES else "",
        f"The recipe asks for maps of {', '.join(map(said, missing))}, not in the panel." if missing else "",
        scored.simulated,
    ]
    yield Section("maps", "Maps of genes", parts, words=" ".join(filter(None, words)))


def _known(maps: GeneMaps, names: Sequence[str]) -> tuple[GeneMaps, list[str]]:
    """Return maps of genes that are there, and the names of those that are not."""
    there = set(names)
    missing = [gene for gene in maps.genes if gene not in there]
    kept = [gene for gene in maps.genes if gene in there]
    empty = not kept and maps.best + maps.worst == 0
    return replace(maps, genes=kept, **({"best": 3} if empty else {})), missing


def _sections(scored: Scored) -> list[str]:
    """Return the sections to show, from the best predicted to the worst, evenly where they are many."""
    mean = {name: mean_of(values) for name, values in scored.by_section.items()}
    order = sorted(mean, key=lambda name: -mean[name] if np.isfinite(mean[name]) else np.inf)
    return [order[n] for n in np.unique(np.linspace(0, len(order) - 1, min(SECTIONS, len(order))).round().astype(int))]


def _shown(there: int, shown: int) -> str:
    if shown == there:
        return "Sections stand in the order of their mean correlation, the best first." if shown > 1 else ""
    return f"{shown} of {there} sections are shown, from the one with the best mean correlation to the worst."


def large(scored: Scored, gene: int) -> Figure:
    """Return the maps of one gene beside the stain, on the section where it is predicted best."""
    name, section = scored.names[gene], _best_section(scored, gene)
    r = float(scored.by_section[section][gene])
    ground, truth, predicted = _spots(scored, section, [gene])
    panels = gene_maps.panels_of(name, r, truth[:, 0], predicted[:, 0])
    stain = _stain(scored, section, ground)
    many = len(ground.position_px) > VECTOR
    sheet, boxes, foot = boards.strip(ground.ratio, 4 if stain else 3)
    first = boards.fitted(ground, boxes[0])
    length = gene_maps.measure(sheet.axes, first)
    if stain:
        sheet.picture(stain[0], _on_sheet(stain[1], ground, first))
        sheet.title(boxes.pop(0), f"section {style.short(section, 20)}")
    for box, panel in zip(boxes, panels, strict=True):
        sheet.show(ground, box, panel, rasterized=many)
        sheet.title(box, panel.label)
        sheet.bar(box._replace(high=box.high + foot), panel)
    if scored.simulated:
        sheet.write(boards.EDGE, boxes[0].top + boxes[0].high + foot + 0.15, "SIMULATED tissue", size=7, ha="left")
    count = len(scored.ranked)
    return Figure(
        "map-best",
        f"Best gene: {said(name)}",
        f"Maps of {said(name)} over section {said(section)}, measured and predicted: Pearson's r is {r:.2f}. Measured "
        f"is {truth.min():.2f} to {truth.max():.2f}, predicted {predicted.min():.2f} to {predicted.max():.2f}.",
        sheet.drawing,
        _numbers(ground, [name], truth, predicted),
        f"The best of {count} genes, on the section where it is predicted best: what the model can do, not what it "
        f"does on average. Measured and predicted share a scale ({scored.dataset.scale}). The bar is {length} long."
        + _paler(truth[:, 0], predicted[:, 0])
        + _merged(scored, section, ground),
        card=True,
    )


def _paler(truth: Floats, predicted: Floats) -> str:
    """Say by how much less a prediction varies than what was measured, where that hides its pattern."""
    measured, spread = float(truth.std()), float(predicted.std())
    times = measured / max(spread, 1e-9)
    if times < PALE_FROM or measured <= gene_scores.FLAT:
        return ""
    return " Predicted is the same everywhere." if times > SAME else f" Predicted varies {times:.3g} times less."


def _on_sheet(edges: tuple[float, float, float, float], ground: Ground, placed: Ground) -> list[float]:
    """Return left, right, bottom and top of a picture in pixels as they are on a sheet."""
    scale = (placed.box[1] - placed.box[0]) / (ground.box[1] - ground.box[0])
    x, y = placed.box[0] - ground.box[0] * scale, placed.box[2] - ground.box[2] * scale
    return [x + edges[0] * scale, x + edges[1] * scale, y + edges[2] * scale, y + edges[3] * scale]


def _best_section(scored: Scored, gene: int) -> str:
    found = {name: values[gene] for name, values in scored.by_section.items() if np.isfinite(values[gene])}
    return max(found, key=lambda name: found[name]) if found else next(iter(scored.sections))


def board(scored: Scored, section: str, genes: Sequence[int], key: str) -> Figure:
    """Return the maps of some genes over a section: a column a gene, a row for measured, predicted and difference."""
    columns = list(genes)
    r = scored.by_section[section][columns]
    ground, truth, predicted = _spots(scored, section, columns)
    sheet, boxes = boards.grid(ground.ratio, len(columns), ROWS)
    names = [scored.names[gene] for gene in columns]
    for column, (name, score) in enumerate(zip(names, r, strict=True)):
        panels = gene_maps.panels_of(name, float(score), truth[:, column], predicted[:, column])
        for row, panel in enumerate(panels):
            sheet.show(ground, boxes[row][column], panel, rasterized=True)
            if row:
                sheet.bar(boxes[row][column], panel)
        correlation = f"r = {score:.2f}" if np.isfinite(score) else "no r"
        sheet.title(boxes[0][column], f"{style.short(name, 16)}\n{correlation}", size=8)
    length = gene_maps.measure(sheet.axes, boards.fitted(ground, boxes[0][0]))
    listed = ", ".join(f"{said(name)} {score:.2f}" for name, score in zip(names, r, strict=True) if np.isfinite(score))
    mean = mean_of(scored.by_section[section])
    return Figure(
        key,
        f"Section {said(section)}",
        f"Maps of {len(columns)} genes over section {said(section)}, measured, predicted and the difference. "
        f"Pearson's r: {listed or 'none, nothing varies'}.",
        sheet.drawing,
        _numbers(ground, names, truth, predicted),
        f"{len(scored.sections[section])} spots, mean r of all genes {mean:.2f}. Measured and predicted share a scale, "
        f"gene by gene ({scored.dataset.scale}); in the last row orange is predicted too high, purple too low. The bar "
        f"is {length} long." + _merged(scored, section, ground),
    )


def _spots(scored: Scored, section: str, genes: Sequence[int]) -> tuple[Ground, Floats, Floats]:
    """Return where the spots of a section lie, and what was measured and predicted of genes there [n, g]."""
    rows = scored.sections[section]
    place = scored.dataset.position_px[scored.items[rows]]
    values = np.concatenate([m[rows][:, genes] for m in (scored.truth, scored.predicted)], axis=1)
    place, values = merged(place, values, DOTS)
    size = scored.section(section).um_per_px
    return ground_of(place, size), values[:, : len(genes)], values[:, len(genes) :]


def merged(place: Floats, values: Floats, most: int) -> tuple[Floats, Floats]:
    """Return points [n, 2] with their values [n, k], or the means of those in squares, about ``most`` of them."""
    if len(place) <= most:
        return place, values
    across = int(np.sqrt(most))
    extent = float(np.ptp(place, axis=0).max()) or 1.0
    square = np.minimum((place - place.min(axis=0)) / extent * across, across - 1).astype(np.int64)
    _, at, count = np.unique(square[:, 0] * across + square[:, 1], return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(at, column, len(count)) for column in [*place.T, *values.T]], axis=1)
    means = sums / count[:, None]
    return means[:, :2], means[:, 2:]


def _merged(scored: Scored, section: str, ground: Ground) -> str:
    there, drawn = len(scored.sections[section]), len(ground.position_px)
    return f" Each of the {drawn} dots is the mean of neighbouring spots ({there} in all)." if drawn < there else ""


def _numbers(ground: Ground, names: Sequence[str], truth: Floats, predicted: Floats) -> Table:
    digits = 5 if len(truth) <= FEW_DOTS else 4  # what is predicted may vary little
    columns = ["x_px", "y_px", *(f"{name} {what}" for name in names for what in ("measured", "predicted"))]
    both = np.stack([truth, predicted], axis=2).reshape(len(truth), -1)
    rows = [
        [*(round(float(end)) for end in place), *(float(f"{value:.{digits}g}") for value in row)]
        for place, row in zip(ground.position_px, both, strict=True)
    ]
    return Table(columns, rows)


def _stain(scored: Scored, section: str, ground: Ground) -> tuple[Any, tuple[float, float, float, float]] | None:
    """Return the stained image [H, W, 3] where the spots are, and its edges; None where it cannot be read any more."""
    image = scored.section(section).image
    height, width = image.shape
    left, right, top, bottom = ground.box
    share = min(max((right - left), (bottom - top)) / max(height, width), 1.0)
    try:
        whole = image.thumbnail(int(THUMBNAIL / max(share, LEAST_SHARE)))
    except (OSError, ZooError):
        return None
    down, along = height / len(whole), width / whole.shape[1]
    rows = max(int(top / down), 0), min(int(np.ceil(bottom / down)), len(whole))
    columns = max(int(left / along), 0), min(int(np.ceil(right / along)), whole.shape[1])
    edges = (columns[0] * along, columns[1] * along, rows[1] * down, rows[0] * down)
    return whole[rows[0] : rows[1], columns[0] : columns[1]], edges
