"""Scores of items that may have several labels, or none, for any number of weightings of the bags they lie in.

Letters of shapes: ``m`` items (rows), packed bag after bag; ``n`` bags with ``size`` [n] rows each; ``K`` labels;
``...`` weightings (none where no weights are given). ``label`` [m, K] is true where an item has a label,
``probability`` [m, K] says of each label how probable it is on its own, ``weight`` [..., n] how often each bag counts.
Images are bags of one row. Whatever has no item to be computed from is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores import detection
from zoo.scores.by_class import mean_over_classes
from zoo.scores.classification import BINS, bin_of
from zoo.scores.detection import by_bag
from zoo.scores.ranking import average_precision
from zoo.scores.weights import ratio, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Sizes = NDArray[np.int64]

TINY = 1e-7
"""Probabilities are kept so far from 0 and 1 where their logarithm is taken."""


def sigmoid(logits: NDArray[Any]) -> Floats:
    """Return the probability of each label on its own, of logits of any shape; finite however large they are."""
    raised = np.exp(-np.abs(logits.astype(np.float64)))
    found: Floats = np.where(logits >= 0, 1, raised) / (1 + raised)
    return found


def known(label: NDArray[Any]) -> Mask:
    """Return which rows [m] of ``label`` [m, K] are known: those without -1."""
    found: Mask = np.all(label >= 0, axis=1)
    return found


def ranked(
    label: Mask,
    probability: NDArray[Any],
    size: Sizes,
    weight: NDArray[Any] | None = None,
    *,
    missed: NDArray[Any] | None = None,
    interpolated: bool = False,
) -> Floats:
    """Return the average precision of each label [..., K] (:func:`zoo.scores.detection.average_precision`)."""
    columns = [
        detection.average_precision(
            label[:, k],
            probability[:, k],
            size,
            weight,
            missed=None if missed is None else missed[:, k],
            interpolated=interpolated,
        )
        for k in range(label.shape[1])
    ]
    return np.stack(columns, axis=-1)


def mean_average_precision(
    label: Mask,
    probability: NDArray[Any],
    size: Sizes,
    weight: NDArray[Any] | None = None,
    *,
    missed: NDArray[Any] | None = None,
    interpolated: bool = False,
) -> Floats:
    """Return the mean of :func:`ranked` over the labels that something has [...]."""
    found = ranked(label, probability, size, weight, missed=missed, interpolated=interpolated)
    return mean_over_classes(found)


def f1_by_label(label: Mask, called: Mask, size: Sizes, weight: NDArray[Any] | None = None) -> Floats:
    """Return the F1 of each label [..., K]; NaN for one that no item has and none was called."""
    counted = weights_of(weight, len(size))
    right, true, said = (counted @ by_bag(rows, size) for rows in (label & called, label, called))
    return ratio(2 * right, true + said)


def macro_f1(label: Mask, called: Mask, size: Sizes, weight: NDArray[Any] | None = None) -> Floats:
    """Return the mean of :func:`f1_by_label` over the labels that an item has or was called [...].

    References
    ----------
    The mean of the F1 of the labels (not the F1 of mean precision and mean recall), see Opitz & Burst,
    arXiv:1911.03347. scikit-learn counts a label that nothing has and nothing was called as 0; here it is left out.
    """
    return mean_over_classes(f1_by_label(label, called, size, weight))


def calibration_error(
    label: Mask, probability: NDArray[Any], size: Sizes, weight: NDArray[Any] | None = None, *, bins: int = BINS
) -> Floats:
    """Return how far the probabilities of a label are from how often it is there, mean over labels [...].

    For each label the items are sorted into bins of equal width by its probability, and the distance between mean
    probability and share of items that have it is averaged over bins by their items. Rare labels that are held
    improbable make it small; it depends on the number of bins.

    References
    ----------
    The class-wise calibration error of Kull et al., NeurIPS 2019, arXiv:1910.12656, for labels that do not exclude each
    other; the bins are those of :func:`zoo.scores.classification.calibration_error`.
    """
    counted, labels = weights_of(weight, len(size)), label.shape[1]
    gap, errors = probability.astype(np.float64) - label, np.zeros(counted.shape[:-1])
    for k in range(labels):
        inside = np.eye(bins)[bin_of(probability[:, k].astype(np.float64), bins)]
        errors += np.abs(counted @ by_bag(inside * gap[:, k, None], size)).sum(axis=-1)
    return ratio(errors / labels, counted @ size)


def attention_lifts(attention: NDArray[Any], shown: NDArray[np.int8], size: Sizes) -> Floats:
    """Return how much better than chance attention finds the cells that show a label of their image [n].

    Parameters
    ----------
    attention
        Of the cells [m].
    shown
        1 for a cell that shows a label of its image, 0 for one that shows none, -1 for one of which nobody knows [m].
    size
        Cells of each image [n].

    Returns
    -------
    The average precision of attention within an image, divided by the share of cells that show a label: 1 for even
    attention. NaN for an image without cells of both kinds.
    """
    found, ends = np.full(len(size), np.nan), np.cumsum(size)
    for bag, (start, end) in enumerate(zip(ends - size, ends, strict=True)):
        known = shown[start:end] >= 0
        true = shown[start:end][known] == 1
        if true.any() and not true.all():
            found[bag] = float(average_precision(true, attention[start:end][known])) / float(true.mean())
    return found


def cross_entropy(label: NDArray[Any], probability: NDArray[Any]) -> float:
    """Return the mean over items and labels of -log of the probability of what is so."""
    sure = np.clip(probability.astype(np.float64), TINY, 1 - TINY)
    return float(-np.mean(label * np.log(sure) + (1 - label) * np.log1p(-sure)))
