"""What was predicted for the spots of a test group beside what was measured: a table, and maps of genes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo_spatial.genes import gene_scores
from zoo_spatial.outputs.gene_maps import GeneMaps, draw
from zoo_spatial.outputs.predictions import write_scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.spots import SpotDataset


def write_group(
    folder: Path,
    *,
    maps: GeneMaps,
    expression: NDArray[np.float32],
    truth: NDArray[np.float32],
    dataset: SpotDataset,
    items: NDArray[np.int64],
    facts: Mapping[str, str],
    columns: Mapping[str, NDArray[np.float32]],
) -> list[Path]:
    """Write the table of a group and the maps of each of its sections; return the files.

    Parameters
    ----------
    folder
        Where they go: ``GROUP.h5ad``, ``GROUP.png`` (``GROUP-SECTION.png`` where a group has several sections).
    maps
        Which genes are drawn.
    expression, truth
        Predicted and measured [n, G].
    dataset, items
        Whose spots they are, and which of them [n].
    facts
        What made the prediction; ``group`` is its name.
    columns
        Further values of each spot [n].
    """
    by_gene = gene_scores.pearson(expression, truth)
    chosen = maps.chosen(dataset.genes, by_gene)
    stem = _plain(facts["group"]) or "group"
    table = folder / f"{stem}.h5ad"
    write_scored(table, expression, truth, dataset, items, {"pcc": by_gene}, facts, columns)
    sections = np.asarray(dataset.groups["section"])[items]
    names, files = np.unique(sections), [table]
    for name in names:
        rows = np.flatnonzero(sections == name)
        picture = folder / (f"{stem}.png" if len(names) == 1 else f"{stem}-{_plain(str(name))}.png")
        shown, known = expression[rows][:, chosen], truth[rows][:, chosen]
        draw(
            picture,
            names=[dataset.genes[column] for column in chosen],
            by_gene=gene_scores.pearson(shown, known).tolist(),
            truth=known,
            predicted=shown,
            position_px=dataset.position_px[items[rows]],
            title=f"{name}: {facts['recipe']} ({facts['protocol']})",
        )
        files.append(picture)
    return files


def _plain(name: str) -> str:
    """Return a name that a file can have."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
