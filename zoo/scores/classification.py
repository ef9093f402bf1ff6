"""Scores of classes: which one was said, and how sure, for any number of weightings of the items at once.

Letters of shapes: ``n`` items, ``K`` classes, ``...`` weightings (none where no weights are given). ``label`` [n] and
``said`` [n] are numbers of classes, ``probability`` [n, K] has rows that add up to one, ``weight`` [..., n] says how
often each item counts. Whatever has no item to be computed from is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.scores.weights import mean, ratio, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.int64]

BINS = 15
"""Bins of the calibration error, as in Guo et al."""


def softmax(logits: NDArray[Any]) -> Floats:
    """Return probabilities [n, K] of logits [n, K]."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def tally(
    label: Labels, said: Labels, classes: int, weight: NDArray[Any] | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return for each class its items that were called so, its items, and all items that were called so [..., K]."""
    counted, one_hot = weights_of(weight, len(label)), np.eye(classes)
    right = one_hot[label] * (label == said)[:, None]
    return counted @ right, counted @ one_hot[label], counted @ one_hot[said]


def accuracy(label: Labels, said: Labels, weight: NDArray[Any] | None = None) -> Floats:
    """Return the share of items whose class was said [...]."""
    return mean((label == said).astype(np.float64), weight)


def balanced_accuracy(label: Labels, said: Labels, classes: int, weight: NDArray[Any] | None = None) -> Floats:
    """Return the share of a class's items that were called so, mean over the classes that have items [...].

    References
    ----------
    Brodersen et al., ICPR 2010, doi:10.1109/ICPR.2010.764; classes without items are left out as scikit-learn does.
    """
    right, true, _ = tally(label, said, classes, weight)
    recall = np.where(true > 0, ratio(right, true), 0)
    return ratio(recall.sum(axis=-1), (true > 0).sum(axis=-1, dtype=np.float64))


def f1(
    label: Labels,
    said: Labels,
    classes: int,
    weight: NDArray[Any] | None = None,
    *,
    average: Literal["macro", "weighted"] = "macro",
) -> Floats:
    """Return the harmonic mean of precision and recall, mean over classes [...].

    Parameters
    ----------
    label, said, classes, weight
        As this module has them.
    average
        ``macro`` takes all classes alike that have items or were said, ``weighted`` each by its number of items.

    References
    ----------
    The mean of the F1 of the classes (not the F1 of mean precision and mean recall), see Opitz & Burst,
    arXiv:1911.03347; which classes count is as in scikit-learn.
    """
    right, true, called = tally(label, said, classes, weight)
    by_class = np.where(true + called > 0, ratio(2 * right, true + called), 0)
    share = (true + called > 0).astype(np.float64) if average == "macro" else true
    return ratio((by_class * share).sum(axis=-1), share.sum(axis=-1))


def calibration_error(
    label: Labels, probability: NDArray[Any], weight: NDArray[Any] | None = None, *, bins: int = BINS
) -> Floats:
    """Return the expected calibration error [...]: how far the highest probability is from how often it is right.

    Items are sorted into bins of equal width by their highest probability, each bin without its lower and with its
    upper edge; the distance between mean probability and accuracy is averaged over bins by their items. It depends on
    the number of bins, and few items make it large.

    References
    ----------
    Naeini et al., AAAI 2015, doi:10.1609/aaai.v29i1.9602; Guo et al., arXiv:1706.04599.
    """
    sure = probability.max(axis=1).astype(np.float64)
    gap = sure - (probability.argmax(axis=1) == label)
    counted = weights_of(weight, len(label))
    inside = np.eye(bins)[bin_of(sure, bins)]
    return ratio(np.abs(counted @ (inside * gap[:, None])).sum(axis=-1), counted.sum(axis=-1))


def bin_of(sure: Floats, bins: int) -> Labels:
    """Return in which of ``bins`` equal parts of [0, 1] each probability lies [n], an edge in the part below."""
    # rounded, because 0.55 * 20 is more than 11 in floating point, and the edge belongs to the bin below
    return np.clip(np.ceil((sure * bins).round(9)).astype(np.int64) - 1, 0, bins - 1)


def brier(label: Labels, probability: NDArray[Any], weight: NDArray[Any] | None = None) -> Floats:
    """Return the squared distance of the probabilities from the truth, summed over classes [...]: 0 to 2.

    References
    ----------
    Brier, Mon. Weather Rev. 78:1 (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. For two classes it is
    twice what scikit-learn gives by default.
    """
    truth = np.eye(probability.shape[1])[label]
    return mean(((probability - truth) ** 2).sum(axis=1), weight)


def top_k(label: Labels, probability: NDArray[Any], k: int, weight: NDArray[Any] | None = None) -> Floats:
    """Return the share of items whose class is among the k most probable [...].

    Where classes are equally probable and not all of them fit in, an item counts as often as a fair draw among them
    would hit; the order of the classes plays no part.
    """
    own = np.take_along_axis(probability, label[:, None], axis=1)
    above, equal = (probability > own).sum(axis=1), (probability == own).sum(axis=1)
    return mean(np.clip((k - above) / equal, 0, 1), weight)
