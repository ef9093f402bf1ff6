"""The rivals that a model of expression must beat: the mean, and colour statistics with ridge regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.batches import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Dataset

MEAN = "mean-expression"
COLOUR = "colour-ridge"
STRENGTH = 100.0
BATCH = 64
PERCENTILES = (10, 50, 90)


def colour_statistics(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return 20 numbers a patch [n, 20] from images [n, 3, H, W].

    Mean, standard deviation and three percentiles of each channel, the three correlations between channels, mean and
    standard deviation of saturation (largest less smallest channel).
    """
    flat = images.reshape(len(images), 3, -1).astype(np.float32) / 255
    mean, std = flat.mean(axis=2), flat.std(axis=2)
    percentiles = np.percentile(flat, PERCENTILES, axis=2).transpose(1, 0, 2).reshape(len(flat), -1)
    centred = flat - mean[:, :, None]
    pairs = [
        (centred[:, a] * centred[:, b]).mean(axis=1) / (std[:, a] * std[:, b] + 1e-6)
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    saturation = flat.max(axis=1) - flat.min(axis=1)
    columns = [mean, std, percentiles, np.stack(pairs, axis=1), _mean_std(saturation)]
    return np.concatenate(columns, axis=1).astype(np.float64)


def _mean_std(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([values.mean(axis=1), values.std(axis=1)], axis=1)


def statistics_of(dataset: Dataset, items: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the colour statistics of every field of view of the items, one after the other [n, 20 x views]."""
    parts = []
    for batch in in_order(items, BATCH):
        read: Any = dataset.batch(batch)
        views = [read[name].numpy() for name in ("image", "neighbourhood") if name in read]
        parts.append(np.concatenate([colour_statistics(view) for view in views], axis=1))
    return np.concatenate(parts)


def fit(statistics: NDArray[np.float64], expression: NDArray[np.float32]) -> dict[str, Arrays]:
    """Fit both floors on training spots; ridge is on standardised statistics, and what was fitted are plain arrays."""
    centre, spread = statistics.mean(axis=0), statistics.std(axis=0) + 1e-8
    x = (statistics - centre) / spread
    mean = expression.mean(axis=0, dtype=np.float64)
    slope = np.linalg.solve(x.T @ x + STRENGTH * np.eye(x.shape[1]), x.T @ (expression - mean))
    return {MEAN: {"mean": mean}, COLOUR: {"centre": centre, "spread": spread, "mean": mean, "slope": slope}}


def predict(state: Arrays, statistics: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what colour ridge predicts [n, G]."""
    x = (statistics - state["centre"]) / state["spread"]
    predicted: NDArray[np.float32] = (x @ state["slope"] + state["mean"]).astype(np.float32)
    return predicted
