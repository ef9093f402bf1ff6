"""How well each section is predicted, and how far its tissue is from what the model has seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo_spatial.genes import gene_scores
from zoo_spatial.genes.moments import moments
from zoo_spatial.outputs import gene_maps
from zoo_spatial.outputs import report_boards as boards
from zoo_spatial.outputs.gene_maps import Panel, ground_of
from zoo_spatial.outputs.report_maps import DOTS, merged
from zoo_spatial.outputs.report_scored import mean_of, said

if TYPE_CHECKING:
    from zoo_spatial.outputs.report_scored import Floats, Items, Scored

SHOWN = 4
BEYOND = 1.0
"""Novelty from which on a patch is farther from what the model has seen than training sections are from each other."""
TOP = 2.0


def sections(scored: Scored) -> Iterator[Section]:
    """Yield the section of the table, and that of novelty where the model tells it."""
    yield Section("sections", "Section by section", [table(scored)])
    if scored.novelty is not None:
        yield Section("novelty", "How new the tissue is", [new_tissue(scored, scored.novelty)])


def table(scored: Scored) -> Listing:
    """Return the scores and the counts of each section."""
    columns = ["section", "group", "spots", "pcc", "pcc_heg50", "mse", "mae", "genes", "constant", "predicted constant"]
    told = scored.novelty is not None
    columns += ["unfamiliar", "median novelty"] if told else []
    rows = []
    for name, of in scored.sections.items():
        groups = ", ".join(dict.fromkeys(str(group) for group in scored.groups[of]))
        rows.append([name, groups, len(of), *_scores(scored, name, of)])
        if scored.novelty is not None:
            novelty = scored.novelty[of]
            rows[-1] += [int((novelty > BEYOND).sum()), round(float(np.median(novelty)), 3)]
    return Listing(
        "section-list",
        "Sections",
        Table(columns, rows),
        "pcc is the mean of Pearson's r over genes, pcc_heg50 over the 50 with the highest mean in the section. Genes "
        "that were measured the same in every spot (constant) have no r and are left out; one that is predicted the "
        "same in every spot counts as 0." + (" Unfamiliar are spots with a novelty above 1." if told else ""),
    )


def _scores(scored: Scored, name: str, rows: Items) -> list[Any]:
    r = scored.by_section[name]
    of = moments(scored.predicted[rows], scored.truth[rows])
    highest = np.argsort(-of.mean_truth, kind="stable")[: gene_scores.HIGHEST]
    values = (mean_of(r), mean_of(r[highest]), of.mse, of.mae)
    flat = int((of.variance_predicted <= gene_scores.FLAT**2).sum())
    return [*(round(value, 4) for value in values), len(r), int(np.isnan(r).sum()), flat]


def new_tissue(scored: Scored, novelty: Floats) -> Figure:
    """Return maps of novelty over the sections with the largest share of unfamiliar spots."""
    share = {name: float((novelty[rows] > BEYOND).mean()) for name, rows in scored.sections.items()}
    shown = sorted(share, key=lambda name: -share[name])[:SHOWN]
    top = max(TOP, float(np.percentile(novelty, gene_maps.HIGH)))
    grounds, rows = {}, []
    for name in shown:
        of = scored.sections[name]
        place, values = merged(scored.dataset.position_px[scored.items[of]], novelty[of][:, None], DOTS)
        grounds[name] = ground_of(place, scored.section(name).um_per_px), values[:, 0]
        rows += [[name, *(round(float(v), 3) for v in row)] for row in np.column_stack([place, values])]
    sheet, boxes, foot = boards.strip(max(ground.ratio for ground, _ in grounds.values()), len(shown), SHOWN)
    for box, (name, (ground, values)) in zip(boxes, grounds.items(), strict=True):
        panel = Panel(style.short(name, 20), values, style.SEQUENTIAL, 0.0, top)
        gene_maps.measure(sheet.axes, sheet.show(ground, box, panel, rasterized=True))
        sheet.title(box, f"{panel.label}: {share[name]:.0%} above 1")
        sheet.bar(box._replace(high=box.high + foot), panel)
    beyond = f"{(novelty > BEYOND).mean():.1%} of {len(novelty)} test spots lie above 1"
    each = "; ".join(f"{said(name)} {share[name]:.0%}" for name in shown)
    return Figure(
        "novelty-map",
        "Novelty of each spot",
        f"Maps of novelty over {len(shown)} {'section' if len(shown) == 1 else 'sections'}; {beyond} ({each}).",
        sheet.drawing,
        Table(["section", "x_px", "y_px", "novelty"], rows),
        f"{beyond}. Novelty is the distance of a patch to the nearest training patch; up to 1 it is no farther than "
        "training sections are from each other, far above 1 a prediction is a guess."
        + (f" The {len(shown)} sections with most of it of {len(share)} are shown." if len(shown) < len(share) else ""),
    )
