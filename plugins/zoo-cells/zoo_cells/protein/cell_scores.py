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


def of_images(predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None) -> dict[str, Floats]:
    """Return the scores of images with labels, for each weighting [..., n]."""
    known = (truth["label"] >= 0).all(axis=1)
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
    matched = (truth["cell_label"] >= 0).all(axis=1)
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
    known = (truth["missed"] >= 0).all(axis=1)
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
    found = ((truth["cell_label"] > 0) & (image > 0)).any(axis=1).astype(np.int8)
    found[(truth["cell_label"] < 0).any(axis=1) | (image < 0).any(axis=1)] = -1
    return found
