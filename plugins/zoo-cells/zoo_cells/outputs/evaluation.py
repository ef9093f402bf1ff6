"""What ``zoo eval --out`` writes of fields and their cells: tables, and pictures of some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo import atomic
from zoo.figures.files import write_table
from zoo_cells.outputs import cell_pictures
from zoo_cells.outputs.cell_tables import Judged, cells_table, classes_table, images_table

__all__ = ["Judged", "write"]


def write(judged: Judged, folder: Path, facts: Mapping[str, str]) -> list[Path]:
    """Write into a folder and return the files.

    They are ``images.csv`` and, where something was kept of cells, ``cells.csv`` and pictures: the fields whose labels
    were held most and least probable (``fields/*.png``: the protein with the outlines of cells in the colour of the
    attention that they get) and the cells held surest of the most frequent locations (``gallery.png``). Where images
    have labels there is ``per_class.csv``. ``provenance.json`` comes last.
    """
    with atomic.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written = [write_table(folder / "images.csv", images_table(judged))]
    if "cell" in judged.predicted and "attention" in judged.predicted:
        written.append(write_table(folder / "cells.csv", cells_table(judged)))
        written += cell_pictures.write(judged, folder)
    if (judged.truth["label"] >= 0).any():
        written.append(write_table(folder / "per_class.csv", classes_table(judged)))
    atomic.write_json(folder / "provenance.json", {**facts, "classes": judged.classes})
    return [*written, folder / "provenance.json"]
