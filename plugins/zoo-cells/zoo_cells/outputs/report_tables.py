"""Fields and their cells as listings of a page: narrower than the files of an evaluation, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Listing
from zoo.scores import multilabel
from zoo_cells.outputs.cell_file import called, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cells.outputs.cell_tables import Judged

MOST = 20_000
"""Rows of a listing."""
DIGITS = 4
CAPTION = "A location is called from its threshold on; | stands between several."


def listings(judged: Judged) -> Iterator[Listing]:
    """Give the listing of fields and, where something was kept of cells, that of cells."""
    yield _listing("all-images", "All fields", len(judged.items), images(judged))
    if "cell" in judged.predicted and judged.size.any():
        yield _listing("all-cells", "All cells", int(judged.size.sum()), cells(judged))


def _listing(key: str, title: str, count: int, table: Table) -> Listing:
    cut = f" The first {MOST:,} of {count:,} are here; 'zoo eval --out' writes all." if count > MOST else ""
    return Listing(key, title, table, caption=CAPTION + cut)


def images(judged: Judged) -> Table:
    """Return a row a field: its labels, what it was called, and the location that is most probable."""
    said, label = judged.predicted["probability"][:MOST], judged.truth["label"][:MOST]
    columns = {
        "field": judged.fields[:MOST],
        "group": judged.groups[:MOST],
        "cells": judged.size[:MOST].tolist(),
        **_compared(judged, said, judged.predicted["threshold"][:MOST], label),
        "lowest_label": _lowest(said, label),
    }
    return Table(list(columns), list(zip(*columns.values(), strict=True)))


def cells(judged: Judged) -> Table:
    """Return a row a cell: where it is, what it was called, what it is if known, and how much attention it got."""
    table, item = judged.cells, judged.cells["item"][:MOST]
    said = judged.predicted["cell"][:MOST]
    label = judged.truth["cell_label"][:MOST] if "cell_label" in judged.truth else np.full(said.shape, -1)
    columns = {
        "field": table["field"][:MOST].tolist(),
        "group": [judged.groups[n] for n in item.tolist()],
        "cell": table["cell"][:MOST].tolist(),
        **_compared(judged, said, judged.predicted["cell_threshold"][item], label),
        "attention": (judged.predicted["attention"][:MOST] * judged.size[item]).round(DIGITS).tolist(),
        **{name: table[f"centroid_{name}"][:MOST].round(1).tolist() for name in ("x", "y")},
        "area": table["area"][:MOST].tolist(),
    }
    return Table(list(columns), list(zip(*columns.values(), strict=True)))


def _compared(
    judged: Judged, said: NDArray[Any], threshold: NDArray[Any], label: NDArray[np.int8]
) -> dict[str, list[Any]]:
    """Return columns of what each row was called beside what is known of it."""
    known, right = multilabel.known(label), ((said >= threshold) == (label > 0)).all(axis=1)
    true = joined(label > 0, judged.classes)
    found: dict[str, list[Any]] = {
        "true": [name if one else None for name, one in zip(true, known, strict=True)],
        "called": called(said, threshold, judged.classes),
        "all_right": [("yes" if one else "no") if there else None for one, there in zip(right, known, strict=True)],
        "most_probable": [judged.classes[k] for k in said.argmax(axis=1).tolist()],
        "probability": said.max(axis=1).astype(np.float64).round(DIGITS).tolist(),
    }
    return found if known.any() else {name: found[name] for name in ("called", "most_probable", "probability")}


def _lowest(said: NDArray[Any], label: NDArray[np.int8]) -> list[float | None]:
    """Return the probability of the label of each row that was held least probable."""
    lowest = np.where(label > 0, said, np.inf).min(axis=1).astype(np.float64)
    return [round(value, DIGITS) if np.isfinite(value) else None for value in lowest.tolist()]
