"""Trivial rivals of a model that says where a protein is in each cell.

What is fitted are plain arrays, so that they can be kept with a model; predicting from them needs no scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.batches import in_order
from zoo.errors import DataError
from zoo.progress import track
from zoo.scores.multilabel import known, sigmoid
from zoo_cells.protein import intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

INHERITED, INTENSITY, MAJORITY = "inherited", "intensity", "majority"
AT_ONCE = 4
"""Fields whose cells are read at once."""
MOST_CELLS = 20_000
"""Training cells of the regression; more change thirty numbers a class by little and take memory and minutes."""
STEPS = 500
LEAST = 1e-4
"""Share that a class without a cell, or without any other, is held to have."""


def fit(dataset: Any, items: Indices) -> dict[str, Arrays]:
    """Fit class frequencies and the regression on intensities to the labelled ones of these items.

    Raises
    ------
    DataError
        None has a label, or a crop's pixels are not finite.
    """
    label = np.asarray(dataset.label_sets)[items]
    has = known(label)
    items, label = items[has], label[has]
    if not len(items):
        raise DataError("none of the training fields has labels; see that the table of labels names them")
    frequency = label.mean(axis=0, dtype=np.float64)
    chosen = _some(np.asarray(dataset.sizes)[items])
    measured, size = measure(dataset, items[chosen])
    inherited = np.repeat(label[chosen], size, axis=0)[:MOST_CELLS]
    return {
        INHERITED: {"frequency": frequency},
        INTENSITY: fit_one_vs_rest(measured[:MOST_CELLS], inherited > 0),
        MAJORITY: {"frequency": frequency},
    }


def _some(size: Indices) -> Indices:
    """Return in their order the places of fields, drawn by chance, that hold :data:`MOST_CELLS` cells together."""
    drawn = np.random.default_rng(0).permutation(len(size))
    enough = np.cumsum(size[drawn]) - size[drawn] < MOST_CELLS
    return np.sort(drawn[enough])


def predict(name: str, state: Arrays, dataset: Any, items: Indices) -> tuple[Floats, Floats, Indices]:
    """Return what a rival says of images [n, K] and of their cells [N, K], and how many cells each has [n].

    ``inherited`` is told the labels of the images that it is asked about, and gives them to each cell: it knows more
    than any user has, and only what the image as a whole tells. Where nobody knows them, it gives frequencies.
    """
    if name == INTENSITY:
        measured, size = measure(dataset, items)
        cell = one_vs_rest(state, measured)
        ends = np.cumsum(size)
        return np.stack([cell[e - s : e].mean(axis=0) for s, e in zip(size, ends, strict=True)]), cell, size
    size = np.asarray(dataset.sizes, dtype=np.int64)[items]
    image = np.tile(state["frequency"], (len(items), 1))
    label = np.asarray(dataset.label_sets)[items] if name == INHERITED else np.full(image.shape, -1)
    return image, np.repeat(np.where(label >= 0, label, image), size, axis=0), size


def measure(dataset: Any, items: Indices) -> tuple[Floats, Indices]:
    """Return the intensities of the cells of these items [N, F], and how many cells each has [n]."""
    rows, sizes = [np.empty((0, len(intensity.names())))], [np.empty(0, dtype=np.int64)]
    for some in track(in_order(items, AT_ONCE), "measuring cells", unit="parts"):
        batch = dataset.batch(some)
        rows.append(intensity.features(batch["instances"]))
        offsets = np.asarray(batch["offsets"], dtype=np.int64)
        sizes.append(offsets[1:] - offsets[:-1])
        if not np.isfinite(rows[-1]).all():
            named = ", ".join(batch["id"])
            raise DataError(f"pixels of {named} are not all finite; mend the images or leave them out of the data")
    return np.concatenate(rows), np.concatenate(sizes)


def fit_one_vs_rest(measured: Floats, label: NDArray[np.bool_]) -> Arrays:
    """Fit a logistic regression of each class against all else, with a quadratic penalty of strength 1.

    Returns
    -------
    ``centre`` and ``spread`` [F] by which numbers are standardised, ``slope`` [F, K] and ``intercept`` [K].
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread = measured.mean(axis=0), measured.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard, share = (measured - centre) / spread, np.clip(label.mean(axis=0), LEAST, 1 - LEAST)
    slope, intercept = np.zeros((len(centre), label.shape[1])), np.log(share / (1 - share))
    for k in np.flatnonzero(label.any(axis=0) & ~label.all(axis=0)):
        fitted = LogisticRegression(C=1.0, max_iter=STEPS).fit(standard, label[:, k])
        slope[:, k], intercept[k] = fitted.coef_[0], fitted.intercept_[0]
    return {"centre": centre, "spread": spread, "slope": slope, "intercept": intercept}


def one_vs_rest(state: Arrays, measured: Floats) -> Floats:
    """Return the probabilities [n, K] of what :func:`fit_one_vs_rest` fitted."""
    return sigmoid((measured - state["centre"]) / state["spread"] @ state["slope"] + state["intercept"])
