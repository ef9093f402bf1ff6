"""What a page shows of fields and their cells: pictures, galleries, locations, the history of labels, tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.figures.parts import Section
from zoo_cells.outputs import report_fields, report_gallery, report_locations, report_rounds, report_tables

if TYPE_CHECKING:
    from zoo_cells.outputs.cell_tables import Judged

SIMULATED = "The fields are SIMULATED. "
FIELDS = (
    "Fields with their cells: those whose labels the model held most probable, those whose labels it held least "
    "probable, and one in which it was surest of a label that it does not have."
)
UNLABELLED = "Nobody has labelled these fields; those are shown in which the model is surest of a location."
GALLERY = "Where the model has learnt what a location looks like, the cells of a row look alike."
LOCATIONS = "How well each location is told in fields and, where the truth of cells is known, in single cells."
ROUNDS = (
    "The model learns from labels of whole fields. Stage '{name}' gave each cell of the training fields labels of its "
    "own, by how probable the model held them and how much attention the cell got, and trained on these."
)


def sections(judged: Judged, steps: Sequence[Any] = ()) -> Iterator[Section]:
    """Give what follows from predictions of fields, and of cells where they were kept.

    Parameters
    ----------
    judged
        Fields of test groups; ``cell`` and ``attention`` may be lacking in what was predicted.
    steps
        What each stage told of itself.
    """
    simulated = getattr(judged.dataset, "provenance", {}).get("kind") == "simulated"
    begin = SIMULATED if simulated else ""
    labelled = bool((judged.truth["label"] > 0).any())
    if "cell" in judged.predicted and "attention" in judged.predicted and judged.size.any():
        words = begin + (FIELDS if labelled else UNLABELLED)
        yield Section("fields", "Fields", list(report_fields.figures(judged)), words)
        yield Section("galleries", "Galleries", list(report_gallery.figures(judged)), GALLERY, gallery=True)
    if labelled:
        figures = [report_locations.precision(judged), report_locations.thresholds(judged)]
        yield Section("locations", "By location", figures, begin + LOCATIONS, gallery=True)
        yield Section("locations-table", "Scores of each location", [report_locations.listing(judged)])
    name, rounds = report_rounds.rounds_of(steps)
    if rounds:
        parts = list(report_rounds.parts(rounds))
        yield Section("rounds", "From labels of fields to labels of cells", parts, ROUNDS.format(name=name))
    for listing in report_tables.listings(judged):
        yield Section(listing.key, listing.title, [listing])
