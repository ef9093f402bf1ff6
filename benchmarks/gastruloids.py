"""Floors of a real plate: treatments of gastruloids from features, one column of each treatment held out.

    python benchmarks/gastruloids.py DIR          DIR holds metadata.csv and images

Every treatment fills columns of its own, so that place and treatment cannot be told apart by any split: a fold holds
one column of each treatment out, which shows what is learnt of columns that were never seen. The first table averages
two folds (the first columns, then the second), in brackets the interval of drawing wells anew, and with it all 16 ways
to choose one column of each. The second asks the same features for the column of a well within one treatment, with
one row of the plate held out at a time: above 0.5, place alone can be read from them.
"""

from __future__ import annotations

import argparse
import csv
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tifffile import imread

from zoo_cells.features import describe

DRAWS = 2_000
PERCENT = (5, 25, 50, 75, 95, 99)


def read(root: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Return the images, the treatment of each, its column and its row."""
    with (root / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = [imread(root / "images" / f"{row['colrow']}.tif") for row in rows]
    wells = [row["colrow"] for row in rows]
    treatment = np.array([row["treatment"] for row in rows])
    return images, treatment, np.array([int(well[:2]) for well in wells]), np.array([well[2:] for well in wells])


def intensities(image: np.ndarray) -> np.ndarray:
    """Return mean, spread and percentiles of each channel."""
    flat = image.reshape(len(image), -1).astype(float)
    return np.concatenate([flat.mean(axis=1), flat.std(axis=1), *np.percentile(flat, PERCENT, axis=1)])


def logistic() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=5_000))


def neighbours() -> Any:
    return make_pipeline(StandardScaler(), KNeighborsClassifier(5))


class Majority:
    """Predicts the first of the most frequent classes."""

    def fit(self, _: np.ndarray, labels: np.ndarray) -> Majority:
        """Count the classes."""
        names, counts = np.unique(labels, return_counts=True)
        self.name = names[counts.argmax()]
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the same class for all."""
        return np.full(len(features), self.name)


def scores(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    f1 = f1_score(truth, predicted, average="macro", zero_division=0)
    return accuracy_score(truth, predicted), balanced_accuracy_score(truth, predicted), f1


def held_out(model: Any, features: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return predictions for the test wells; scaling and model are fitted on the others."""
    return model().fit(features[~test], label[~test]).predict(features[test])


def interval(truth: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float]]:
    """Return the 95 % interval of each score over wells drawn anew within each treatment."""
    rng = np.random.default_rng(0)
    strata = [np.flatnonzero(truth == name) for name in np.unique(truth)]
    drawn = (np.concatenate([rng.choice(wells, len(wells)) for wells in strata]) for _ in range(DRAWS))
    found = np.array([scores(truth[wells], predicted[wells]) for wells in drawn])
    return [tuple(np.percentile(one, [2.5, 97.5])) for one in found.T]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    images, label, column, line = read(parser.parse_args().root)
    simple = np.stack([intensities(image) for image in images])
    # organoids are dark in brightfield, the first channel, and one of any shape is in a well
    profile = np.stack([describe(image, objects=0, split=False)[1] for image in images])
    names = sorted(set(label))
    columns = {name: sorted(set(column[label == name].tolist())) for name in names}
    folds = [np.isin(column, [columns[name][number] for name in names]) for number in (0, 1)]
    every = [np.isin(column, choice) for choice in product(*columns.values())]
    print(f"{len(images)} wells, {', '.join(f'{name} {columns[name]}' for name in names)}; chance 0.25")
    print(f"{'':40}{'accuracy':>20}{'balanced':>20}{'macro F1':>20}{'16 folds':>10}")
    rivals = {
        "majority": (Majority, simple),
        f"intensities ({simple.shape[1]}), logistic": (logistic, simple),
        f"profile ({profile.shape[1]}), 5 neighbours": (neighbours, profile),
        f"profile ({profile.shape[1]}), logistic": (logistic, profile),
    }
    for name, (model, features) in rivals.items():
        guess = np.empty_like(label)
        for test in folds:
            guess[test] = held_out(model, features, label, test)
        values = [np.mean(pair) for pair in zip(*(scores(label[test], guess[test]) for test in folds), strict=True)]
        bounds = interval(label, guess)
        cells = [f"{v:.3f} [{low:.2f}, {high:.2f}]" for v, (low, high) in zip(values, bounds, strict=True)]
        right = [accuracy_score(label[test], held_out(model, features, label, test)) for test in every]
        print(f"{name:40}{''.join(f'{cell:>20}' for cell in cells)}{np.mean(right):10.3f}")
    print(f"\n{'column within one treatment, logistic':40}{''.join(f'{name:>16}' for name in names)}{'mean':>10}")
    for name, features in (("intensities", simple), ("profile", profile)):
        found = []
        for treatment in names:
            own = label == treatment
            guess = cross_val_predict(logistic(), features[own], column[own], groups=line[own], cv=LeaveOneGroupOut())
            found.append(accuracy_score(column[own], guess))
        print(f"{name:40}{''.join(f'{value:16.3f}' for value in found)}{np.mean(found):10.3f}")


if __name__ == "__main__":
    main()
