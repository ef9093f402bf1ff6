"""Temperatures and thresholds for images and for their cells, fitted to images with labels.

Labels of cells are never used, because measured data have none: what is fitted here can be fitted to any data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo.scores.detection import by_bag
from zoo.scores.multilabel import cross_entropy, known, sigmoid
from zoo.scores.operating import HALF, temperature, thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Sizes = NDArray[np.int64]

IMAGE_TEMPERATURE, CELL_TEMPERATURE = "temperature_image", "temperature_cell"
IMAGE_THRESHOLD, CELL_THRESHOLD = "threshold_image", "threshold_cell"


def neutral(labels: int) -> Arrays:
    """Return what stands for no calibration: temperatures of 1, thresholds of one half."""
    one, half = np.ones(1, np.float32), np.full(labels, HALF, np.float32)
    return {IMAGE_TEMPERATURE: one, CELL_TEMPERATURE: one, IMAGE_THRESHOLD: half, CELL_THRESHOLD: half}


def even(size: Sizes) -> Floats:
    """Return the same attention for all cells of an image [N], adding up to one in each."""
    return np.repeat(1 / np.maximum(size, 1), size)


def probabilities(
    bag: NDArray[Any], instance: NDArray[Any], size: Sizes, bank: Arrays, image_weight: float
) -> tuple[Floats, Floats]:
    """Return the probabilities of images [n, K] and of their cells [N, K], of logits and what :func:`fit` found.

    With ``image_weight`` w a cell's is the geometric mean ``cell ** (1 - w) * image ** w``.
    """
    image = sigmoid(bag / bank[IMAGE_TEMPERATURE])
    cell = sigmoid(instance / bank[CELL_TEMPERATURE])
    if image_weight:
        cell = cell ** (1 - image_weight) * np.repeat(image, size, axis=0) ** image_weight
    return image, cell


def fit(
    outputs: Arrays, label: NDArray[np.int8], *, image_weight: float, with_temperature: bool, with_thresholds: bool
) -> Arrays:
    """Fit to logits of images that were not trained on, and to the labels of these images.

    The temperature of images makes the cross entropy of their labels least. That of cells does so for the mean of the
    probabilities of an image's cells, weighted by attention, because a single cell need not show what its image is
    labelled with, but those attended to should; cells against inherited labels would learn to doubt what is right.

    The threshold of a label has the highest F1 on these images, drawn towards one half where few images have it
    (:func:`zoo.scores.operating.thresholds`): for images by their own probabilities, for cells by those of all cells
    with the labels of their image. Weighting cells by their attention, or taking the surest cell of each image, had a
    lower F1 of cells where the rule was chosen: on logits of the `intensity` floor, its confidence for attention.

    Parameters
    ----------
    outputs
        ``bag`` [n, K], ``instance`` [N, K] and ``size`` [n]; ``attention`` [N], even where it is not there.
    label
        [n, K] of 1 and 0; images with -1 are left out.
    image_weight
        As :func:`probabilities` takes it.
    with_temperature, with_thresholds
        What is fitted; the rest is :func:`neutral`.

    Raises
    ------
    DataError
        No image has labels.
    """
    has = known(label)
    if not has.any():
        raise DataError("none of the images kept for calibration has labels; see that the table of labels names them")
    size = outputs["size"].astype(np.int64)
    inside, size, labels = np.repeat(has, size), size[has], label[has] > 0
    bag, instance = outputs["bag"][has], outputs["instance"][inside]
    attention = outputs["attention"][inside].astype(np.float64) if "attention" in outputs else even(size)
    found = neutral(label.shape[1])
    if with_temperature:
        found[IMAGE_TEMPERATURE] = _one(temperature(lambda t: cross_entropy(labels, sigmoid(bag / t))))

        def of_cells(t: float) -> float:
            return cross_entropy(labels, by_bag(attention[:, None] * sigmoid(instance / t), size))

        found[CELL_TEMPERATURE] = _one(temperature(of_cells))
    if with_thresholds:
        image, cell = probabilities(bag, instance, size, found, image_weight)
        positives, inherited = labels.sum(axis=0), np.repeat(labels, size, axis=0)
        found[IMAGE_THRESHOLD] = thresholds(labels, image, positives=positives).astype(np.float32)
        found[CELL_THRESHOLD] = thresholds(inherited, cell, positives=positives).astype(np.float32)
    return found


def _one(value: float) -> NDArray[np.float32]:
    return np.array([value], dtype=np.float32)
