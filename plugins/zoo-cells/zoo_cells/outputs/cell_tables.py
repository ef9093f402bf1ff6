"""What was said of images and of their cells as tables: by location, by image, by cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.scores import multilabel
from zoo.scores.detection import by_bag
from zoo_cells.outputs.cell_file import BOX, CENTRE, called, joined, names_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Indices


@dataclass(frozen=True)
class Judged:
    """Images of test groups: what was predicted, what is known, and where they are in the dataset [n]."""

    predicted: Arrays
    truth: Arrays
    dataset: Any
    items: Indices
    groups: list[str]

    @property
    def classes(self) -> list[str]:
        """Names of the locations."""
        return list(self.dataset.classes)

    @property
    def size(self) -> Indices:
        """Cells of each image [n]."""
        found: Indices = self.truth["size"]
        return found

    @cached_property
    def cells(self) -> dict[str, NDArray[Any]]:
        """Where each cell is, a row each [N]; ``item`` counts the images judged here."""
        table = dict(self.dataset.cell_table(self.items))
        return {**table, "item": np.repeat(np.arange(len(self.items)), self.size)}

    @cached_property
    def fields(self) -> list[str]:
        """Name of each image [n]."""
        return names_of(self.cells, len(self.items))


def images_table(judged: Judged) -> Table:
    """Return a row an image: what it is labelled with, what it was called, and how probable each location was held."""
    said, known = judged.predicted, judged.truth
    names = called(said["probability"], said["threshold"], judged.classes)
    true = joined(known["label"] > 0, judged.classes)
    labelled = multilabel.known(known["label"])
    rows = [
        [
            field,
            judged.groups[n],
            int(judged.size[n]),
            true[n] if labelled[n] else None,
            names[n],
            *said["probability"][n],
        ]
        for n, field in enumerate(judged.fields)
    ]
    return Table(["field", "group", "cells", "true", "predicted", *_probabilities(judged)], rows)


def cells_table(judged: Judged) -> Table:
    """Return a row a cell: where it is, how much of the attention it got, what it was called, what it is if known."""
    said, table = judged.predicted, judged.cells
    names = called(said["cell"], said["cell_threshold"][table["item"]], judged.classes)
    label = judged.truth.get("cell_label", np.full(said["cell"].shape, -1))
    true, known = joined(label > 0, judged.classes), multilabel.known(label)
    places = [table[name].tolist() for name in (*BOX, *CENTRE, "area")]
    rows = [
        [field, cell, *place, attention, true[n] if known[n] else None, names[n], *said["cell"][n]]
        for n, (field, cell, attention, *place) in enumerate(
            zip(table["field"], table["cell"].tolist(), said["attention"].tolist(), *places, strict=True)
        )
    ]
    columns = ["field", "cell", *BOX, *CENTRE, "area", "attention", "true", "predicted"]
    return Table([*columns, *_probabilities(judged)], rows)


def classes_table(judged: Judged) -> Table:
    """Return a row a location: how many images and cells have it, its scores, and the threshold it is called from.

    Where models of several folds were put together, the threshold is the mean over images.
    """
    images = _images_by_class(judged)
    cells = _cells_by_class(judged)
    columns = {**images, **cells}
    rows = [[name, *(values[k] for values in columns.values())] for k, name in enumerate(judged.classes)]
    return Table(["class", *columns], rows)


def _images_by_class(judged: Judged) -> dict[str, Any]:
    known = multilabel.known(judged.truth["label"])
    label, probability = judged.truth["label"][known] > 0, judged.predicted["probability"][known]
    threshold, size = judged.predicted["threshold"][known], np.ones(len(label), dtype=np.int64)
    return {
        "images": label.sum(axis=0),
        "image_ap": multilabel.ranked(label, probability, size),
        "image_f1": multilabel.f1_by_label(label, probability >= threshold, size),
        "image_f1_half": multilabel.f1_by_label(label, probability >= 0.5, size),  # noqa: PLR2004 - as named
        "image_threshold": judged.predicted["threshold"].mean(axis=0, dtype=np.float64),
    }


def _cells_by_class(judged: Judged) -> dict[str, Any]:
    said, truth = judged.predicted, judged.truth
    if "cell_label" not in truth:
        return {}
    matched, missed = multilabel.known(truth["cell_label"]), np.maximum(truth["missed"], 0)
    size = by_bag(matched, truth["size"]).astype(np.int64)
    label, probability = truth["cell_label"][matched] > 0, said["cell"][matched]
    threshold = np.repeat(said["cell_threshold"], size, axis=0)
    return {
        "cells": label.sum(axis=0),
        "cells_missed": missed.sum(axis=0),
        "cell_ap": multilabel.ranked(label, probability, size),
        "cell_f1": multilabel.f1_by_label(label, probability >= threshold, size),
        "cell_f1_half": multilabel.f1_by_label(label, probability >= 0.5, size),  # noqa: PLR2004 - as named
        "cell_threshold": said["cell_threshold"].mean(axis=0, dtype=np.float64),
    }


def _probabilities(judged: Judged) -> list[str]:
    return [f"probability_{name}" for name in judged.classes]
