"""Trivial rivals of a classifier: how often each class occurs, and a logistic regression on few numbers an item.

What is fitted are plain arrays, so that they can be kept with a model; predicting from them needs no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo.scores.classification import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Arrays = dict[str, NDArray[Any]]

STEPS = 1_000
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
STILL = 1e-7
"""Standard deviation up to which a channel is the same everywhere but for rounding."""
WHITE = {"uint8": 255.0, "uint16": 65535.0}


def labelled(labels: Sequence[int], items: NDArray[np.int64], what: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return those of the items that have a label, and their labels (-1: none); ``what`` an item is called.

    Raises
    ------
    DataError
        None has one.
    """
    label = np.asarray(labels, dtype=np.int64)[items]
    if not (label >= 0).any():
        raise DataError(f"none of the training {what} has a label; see that the table of labels names them")
    return items[label >= 0], label[label >= 0]


def frequencies(label: NDArray[np.int64], classes: int) -> Floats:
    """Return the share of each class [K] among the labels [n], of which there is at least one."""
    return np.bincount(label, minlength=classes) / len(label)


def spectrum(instances: Any) -> Floats:
    """Return mean and standard deviation of each channel over all instances and pixels of a bag [2 C].

    Parameters
    ----------
    instances
        Array or tensor [n, C, ...]. A channel at a time is taken in 64 bits, which bounds the memory.
    """
    channels = (np.asarray(instances[:, channel], dtype=np.float64) for channel in range(instances.shape[1]))
    mean, spread = zip(*((values.mean(), values.std()) for values in channels), strict=True)
    return np.array([*mean, *spread])


def intensity(image: Any) -> Floats:
    """Return what the pixels of one image say without their places [9 C + C(C - 1)/2].

    Parameters
    ----------
    image
        Array or tensor [C, H, W]; integers of 8 and 16 bits are scaled to [0, 1] as on the device.

    Returns
    -------
    Mean, standard deviation and the percentiles 1, 5, 25, 50, 75, 95 and 99 of each channel, then the correlation of
    each pair of channels over pixels, 0 where a channel is the same everywhere. Not all finite where a pixel is not.
    """
    pixels = np.asarray(image)
    white, flat = WHITE.get(str(pixels.dtype), 1.0), pixels.reshape(len(pixels), -1)
    with np.errstate(invalid="ignore"):  # the caller knows which item it is, and says so
        heights = [np.percentile(channel, PERCENTILES) / white for channel in flat]
        centred = flat / white
        mean = centred.mean(axis=1, dtype=np.float64)
        centred -= mean[:, None].astype(centred.dtype)
        moments = (centred @ centred.T).astype(np.float64) / flat.shape[1]
        spread = np.sqrt(np.diag(moments))
    scale = np.outer(spread, spread)
    varies = np.outer(spread > STILL, spread > STILL)
    related = np.divide(moments, scale, out=np.zeros_like(moments), where=varies)
    return np.concatenate([mean, spread, *heights, related[np.triu_indices(len(flat), 1)]])


def fit_logistic(features: Floats, label: NDArray[np.int64]) -> Arrays:
    """Fit a logistic regression on standardised features [n, F], with a quadratic penalty of strength 1.

    Returns
    -------
    ``centre`` and ``spread`` [F], ``slope`` [F, k] and ``intercept`` [k] for the k ``classes`` that the labels hold.
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread, classes = features.mean(axis=0), features.std(axis=0), np.unique(label)
    spread = np.where(spread > 0, spread, 1.0)
    slope, intercept = np.zeros((len(centre), len(classes))), np.zeros(len(classes))
    if len(classes) > 1:
        fitted = LogisticRegression(C=1.0, max_iter=STEPS).fit((features - centre) / spread, label)
        # of two classes, only what speaks for the second is given
        given = slice(1, 2) if len(fitted.intercept_) == 1 else slice(None)
        slope[:, given], intercept[given] = fitted.coef_.T, fitted.intercept_
    return {"centre": centre, "spread": spread, "slope": slope, "intercept": intercept, "classes": classes}


def logistic(state: Arrays, features: Floats, classes: int) -> Floats:
    """Return the probabilities [n, K] of what :func:`fit_logistic` fitted; a class that it never saw has none."""
    logits = (features - state["centre"]) / state["spread"] @ state["slope"] + state["intercept"]
    probability = np.zeros((len(features), classes))
    probability[:, state["classes"]] = softmax(logits)
    return probability
