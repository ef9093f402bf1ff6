"""How well it is known where a protein is in images and in their cells, for any number of weightings of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores import multilabel
from zoo.scores.detection import by_bag
from zoo.scores.weights import mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Floats = NDArray[np.float64]

MEANINGS = {
    "cell_map": "average precision of a location over the cells whose truth is known, mean over locations",
    "image_map": "average precision of a location over images, mean over locations",
    "map_iou60": "average precision of a location over all cells found, where a cell is right if a true one of that "
    "location overlaps it by at least 0.6, and true cells that were not found count as missed; mean over locations",
    "cell_f1": "harmonic mean of precision and recall of a location at its fitted threshold over cells, mean over "
    "locations",
    "cell_f1_half": "the same at a threshold of one half",
    "image_f1": "harmonic mean of precision and recall of a location at its fitted threshold over images, mean over "
    "locations",
    "image_f1_half": "the same at a threshold of one half",
    "cell_ece": "expected calibration error of a location over cells, mean over locations",
    "image_ece": "expected calibration error of a location over images, mean over locations",
    "attention_lift": "average precision of attention for the cells of an image that show one of its labels, over "
    "their share, which even attention reaches; mean over images",
}
"""What each score is; of the calibration errors lower is better. Those of cells need their truth."""
LOWER = ("cell_ece", "image_ece")


def truth_of_cells(dataset: Any, items: NDArray[np.int64], size: NDArray[np.int64]) -> Arrays:
    """Return ``cell_label`` [N, K] and ``missed`` [n, K], nothing of a dataset that knows the cells of no field.

    Where it knows those of some fields only, rows of the others are -1 in both, so that all groups have the same.
    """
    some = any(field.truth is not None for field in dataset.fields_dataset.fields)
    if not some:
        return {}
    found, classes = dataset.cell_truth(items), len(dataset.classes)
    if found is None:
        return {
            "cell_label": np.full((int(size.sum()), classes), -1, np.int8),
            "missed": np.full((len(items), classes), -1, np.int64),
        }
    label, missed = np.asarray(found["cell"], np.int8), np.array(found["missed"], np.int64)
    # a field with true cells has them matched or missed
    missed[(by_bag(multilabel.known(label), size) == 0) & ~missed.any(axis=1)] = -1
    return {"cell_label": label, "missed": missed}


def of_images(predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None) -> dict[str, Floats]:
    """Return the scores of images with labels, for each weighting [..., n]."""
    known = multilabel.known(truth["label"])
    label, probability = truth["label"][known] > 0, predicted["probability"][known]
    counted, size = None if weight is None else weight[..., known], np.ones(len(label), dtype=np.int64)
    called, half = probability >= predicted["threshold"][known], probability >= 0.5  # noqa: PLR2004 - as named
    return {
        "image_map": multilabel.mean_average_precision(label, probability, size, counted),
        "image_f1": multilabel.macro_f1(label, called, size, counted),
        "image_f1_half": multilabel.macro_f1(label, half, size, counted),
        "image_ece": multilabel.calibration_error(label, probability, size, counted),
    }


def of_cells(predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None) -> dict[str, Floats]:
    """Return the scores of cells, for each weighting of their images [..., n]; all NaN where no truth is known."""
    if "cell_label" not in truth:
        nothing = np.full(() if weight is None else weight.shape[:-1], np.nan)
        names = ("cell_map", "map_iou60", "cell_f1", "cell_f1_half", "cell_ece", "attention_lift")
        return dict.fromkeys(names, nothing)
    matched = multilabel.known(truth["cell_label"])
    size = by_bag(matched, truth["size"]).astype(np.int64)
    label, probability = truth["cell_label"][matched] > 0, predicted["cell"][matched]
    called = probability >= np.repeat(predicted["cell_threshold"], size, axis=0)
    lifts = multilabel.attention_lifts(predicted["attention"], shown(truth), truth["size"])
    return {
        "cell_map": multilabel.mean_average_precision(label, probability, size, weight),
        "map_iou60": _found(predicted, truth, weight),
        "cell_f1": multilabel.macro_f1(label, called, size, weight),
        "cell_f1_half": multilabel.macro_f1(label, probability >= 0.5, size, weight),  # noqa: PLR2004 - as named
        "cell_ece": multilabel.calibration_error(label, probability, size, weight),
        "attention_lift": mean(lifts, weight),
    }


def _found(predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None) -> Floats:
    """Return the score of the challenge of 2021 (Le et al. 2022, doi:10.1038/s41592-022-01606-z).

    Differs from it in that each cell has a confidence for every location, and cells at the edge count like others.
    """
    known = multilabel.known(truth["missed"])
    inside = np.repeat(known, truth["size"])
    return multilabel.mean_average_precision(
        truth["cell_label"][inside] > 0,
        predicted["cell"][inside],
        truth["size"][known],
        None if weight is None else weight[..., known],
        missed=truth["missed"][known],
        interpolated=True,
    )


def shown(truth: Arrays) -> NDArray[np.int8]:
    """Return whether each cell shows a label of its image: 1 or 0, -1 where truth or labels are not known [N]."""
    image = np.repeat(truth["label"], truth["size"], axis=0)
    both = np.any((truth["cell_label"] > 0) & (image > 0), axis=1)
    known = multilabel.known(truth["cell_label"]) & multilabel.known(image)
    return np.where(known, both, -1).astype(np.int8)
