"""``classify``: the class of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.batches import in_order
from zoo.contracts import HubTask
from zoo.errors import DataError, UsageError
from zoo.figures.files import Table, write_table
from zoo.scores import by_class, class_report, classification, evaluation, floors
from zoo.scores.class_tables import Judged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Indices
    from zoo.figures.parts import Look, Section

    Explain = Callable[[Indices, Indices], NDArray[Any] | None]

MAJORITY, INTENSITY = "majority", "intensity"
DIGITS = 6
AT_ONCE = 8
"""Items that are read at once where a floor is fitted or asked, and where names are written."""
UNITS = ("plate", "well")
"""Groups that a reader of predictions looks for."""

_MEANINGS = {
    "balanced_accuracy": "share of a class's items that are called so, mean over classes",
    "accuracy": "share of items whose class is said",
    "f1": "harmonic mean of precision and recall of a class, mean over classes",
    "f1_weighted": "the same, each class by its number of items",
    "auc": "ROC-AUC of a class against all others, mean over the classes that have items",
    "ap": "average precision of a class against all others, mean over the classes that have items",
    "ece": f"expected calibration error: distance of probability and accuracy in {classification.BINS} bins",
}


class Classify:
    """Tell the class of each item from ``logits`` [B, K].

    Prediction gives ``probability`` [B, K] by a softmax. Truth are the dataset's ``labels`` [n] (-1: unknown, left out
    of the scores). Probabilities are scored with six digits, which is what a run keeps of them. The main score is the
    balanced accuracy, because of a screen most wells are controls.

    The floors are the frequencies of the classes, and logistic regression on the distribution of intensity of each
    channel and the correlation between channels (:func:`zoo.scores.floors.intensity`), of the images as the dataset
    gives them: prepared, where it prepares them. Data without an entry ``image`` have the first floor only.

    Parameters
    ----------
    num_classes
        K, filled in.
    top
        ``top_<k>`` is the share of items whose class is among the k most probable; k is at most K - 1, and of two
        classes there is none.
    shown
        Best and worst items of which a page and ``zoo eval --out`` show where the model looked, at most so many of
        each.

    Raises
    ------
    ValueError
        Fewer than two classes, ``top`` below 1 or ``shown`` below 0.
    """

    pooled = True
    needs_bank = False

    def __init__(self, *, num_classes: int, top: int = 5, shown: int = 4) -> None:
        if num_classes < 2:  # noqa: PLR2004 - as the sentence says
            raise ValueError(f"classify takes at least two classes, and the data have {num_classes}")
        if top < 1 or shown < 0:
            raise ValueError(f"top is at least 1 and shown at least 0, not {top} and {shown}")
        self.classes, self.shown, self.top = num_classes, shown, min(top, num_classes - 1)
        meanings = dict(_MEANINGS)
        if num_classes > 2:  # noqa: PLR2004 - of two, the first one of two is the accuracy
            meanings[f"top_{self.top}"] = f"share of items whose class is among the {self.top} most probable"
        self.scores: Mapping[str, bool] = {name: name != "ece" for name in meanings}
        self.hub: HubTask = {
            "writes": "csv",
            "task_type": "image-classification",
            "pipeline_tag": "image-classification",
            "tags": ["image-classification"],
            "scores": meanings,
            "metrics": {"accuracy": "accuracy", "f1": "f1", "f1_weighted": "f1", "auc": "roc_auc"},
        }

    def bank(self, outputs: Arrays, dataset: Any, items: Indices) -> Arrays:  # noqa: ARG002 - the contract has them
        """Return nothing: prediction needs the model alone."""
        return {}

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:  # noqa: ARG002 - as above
        """Return the probability of each class."""
        return {"probability": classification.softmax(outputs["logits"])}

    def truth(self, dataset: Any, items: Indices) -> Arrays:
        """Return ``label`` [n], -1 where it is not known."""
        return {"label": np.asarray(dataset.labels, dtype=np.int64)[items]}

    def brief(self, predicted: Arrays, truth: Arrays) -> tuple[Arrays, Arrays]:
        """Return the probabilities with six digits; twice is as once."""
        return {"probability": predicted["probability"].astype(np.float64).round(DIGITS)}, {"label": truth["label"]}

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, NaN where there is nothing to compute them from; and how many items they come from."""
        values = self.resampled(*self.brief(predicted, truth))
        known = truth["label"] >= 0
        counts = {"items": len(known), "labelled": known.sum(), "classes": len(np.unique(truth["label"][known]))}
        return {name: float(values[name]) for name in self.scores}, {n: float(c) for n, c in counts.items()}

    def resampled(
        self, predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return the scores of what :meth:`brief` keeps, for each weighting [..., n] of the items."""
        known = truth["label"] >= 0
        label, probability = truth["label"][known], predicted["probability"][known]
        counted = None if weight is None else weight[..., known]
        said = probability.argmax(axis=1)
        auc, ap = by_class.ranked(label, probability, counted)
        found = {
            "balanced_accuracy": classification.balanced_accuracy(label, said, self.classes, counted),
            "accuracy": classification.accuracy(label, said, counted),
            "f1": classification.f1(label, said, self.classes, counted),
            "f1_weighted": classification.f1(label, said, self.classes, counted, average="weighted"),
            "auc": by_class.mean_over_classes(auc),
            "ap": by_class.mean_over_classes(ap),
            "ece": classification.calibration_error(label, probability, counted),
        }
        name = f"top_{self.top}"
        return (
            found
            if name not in self.scores
            else {**found, name: classification.top_k(label, probability, self.top, counted)}
        )

    def fit_floors(self, dataset: Any, items: Indices) -> dict[str, Arrays]:
        """Fit class frequencies, and the regression on intensities, to the labelled ones of these items.

        Raises
        ------
        DataError
            None has a label, or a pixel is not finite.
        """
        items, label = floors.labelled(dataset.labels, items, "items")
        found: dict[str, Arrays] = {MAJORITY: {"frequency": floors.frequencies(label, self.classes)}}
        if "image" in dataset.provides:
            found[INTENSITY] = floors.fit_logistic(_intensities(dataset, items), label)
        return found

    def predict_floor(self, name: str, state: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return the probabilities that a floor gives."""
        if name == MAJORITY:
            return {"probability": np.tile(state["frequency"], (len(items), 1))}
        return {"probability": floors.logistic(state, _intensities(dataset, items), self.classes)}

    def write(self, predicted: Arrays, dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write a row an item as CSV, and beside it what made them (``FILE.csv.json``).

        Columns are ``id``, the groups ``plate`` and ``well`` where the data know them, the most probable class, its
        probability, and the probability of each class.

        Raises
        ------
        UsageError
            The name does not end in ``.csv``.
        """
        if path.suffix != ".csv":
            raise UsageError(f"--out {path}: classes become a table; name a file that ends in .csv")
        write_table(path, _predictions(predicted["probability"], dataset))
        atomic.write_json(path.with_name(f"{path.name}.json"), {**facts, "classes": list(dataset.classes)})

    def write_evaluation(
        self,
        predicted: Arrays,
        truth: Arrays,
        *,
        dataset: Any,
        items: Indices,
        groups: Sequence[str],
        folder: Path,
        facts: Mapping[str, str],
        explain: Explain | None = None,
    ) -> list[Path]:
        """Write tables and pictures of what was said of all test groups, and where the model looked; return the files.

        They are ``items.csv``, those of :func:`zoo.scores.evaluation.write`, ``overlays/*.png`` where ``explain`` can
        say where the model looked, and last ``provenance.json``. Items without a label are in ``items.csv`` only; where
        no item has one there is no more than that.
        """
        said, known = self.brief(predicted, truth)
        label, classes = known["label"], list(dataset.classes)
        with atomic.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        table = _items(label, said["probability"], _ids(dataset, items), groups, classes)
        written = [write_table(folder / "items.csv", table)]
        has = np.flatnonzero(label >= 0)
        if len(has):
            judged = Judged(label[has], said["probability"][has], [groups[item] for item in has.tolist()], classes)
            written += evaluation.write(judged, folder)
            written += evaluation.write_overlays(
                judged, items[has], dataset=dataset, folder=folder / "overlays", explain=explain, most=self.shown
            )
        atomic.write_json(folder / "provenance.json", {**facts, "classes": classes})
        return [*written, folder / "provenance.json"]

    def report(
        self,
        predicted: Arrays,
        truth: Arrays,
        *,
        dataset: Any,
        items: Indices,
        groups: Sequence[str],
        look: Look | None = None,
    ) -> Iterator[Section]:
        """Give a page its sections: those of :mod:`zoo.scores.class_report`, and a row for every item.

        Items without a label, or whose probabilities are no numbers, are in the last section only.
        """
        said, known = self.brief(predicted, truth)
        label, probability, classes = known["label"], said["probability"], list(dataset.classes)
        unit, finite = class_report.unit_of(dataset, items, groups), np.isfinite(probability).all(axis=1)
        has = np.flatnonzero((label >= 0) & finite)
        if len(has):
            judged = Judged(label[has], probability[has], [groups[item] for item in has.tolist()], classes)
            explain = look.explain if look else None
            yield from class_report.sections(
                judged, items[has], dataset=dataset, explain=explain, shown_each=self.shown, unit=unit
            )
        table = _items(label, probability, _ids(dataset, items), groups, classes)
        yield class_report.every_item(table, unit, _left_out(int((label < 0).sum()), int((~finite).sum())))


def _intensities(dataset: Any, items: Indices) -> NDArray[np.float64]:
    """Return what the pixels of each item say without their places [n, F], reading a few items at a time."""
    rows = []
    for some in in_order(items, AT_ONCE):
        batch = dataset.batch(some)
        for name, image in zip(batch["id"], batch["image"], strict=True):
            rows.append(floors.intensity(image))
            if not np.isfinite(rows[-1]).all():
                raise DataError(
                    f"the pixels of '{name}' are not all finite; mend the image or leave it out of the data"
                )
    return np.stack(rows)


def _ids(dataset: Any, items: Indices) -> list[str]:
    return [name for some in in_order(items, AT_ONCE) for name in dataset.batch(some)["id"]]


def _left_out(unlabelled: int, no_numbers: int) -> str:
    """Say how many items cannot be judged, and why."""
    told = [f"{unlabelled} without a label"] if unlabelled else []
    told += [f"{no_numbers} whose probabilities are no numbers (NaN)"] if no_numbers else []
    return f"Only here, and in no figure: {' and '.join(told)}." if told else ""


def _predictions(probability: NDArray[Any], dataset: Any) -> Table:
    """Return a row an item: its name, where it is from, the most probable class, the probability of each."""
    names, kept = _ids(dataset, np.arange(len(dataset))), dict[str, list[str]]()
    for unit in UNITS:
        groups = list(dataset.groups.get(unit, ()))
        if any(groups) and groups != names and groups not in kept.values():
            kept[unit] = groups
    said, top = probability.argmax(axis=1), probability.max(axis=1)
    rows = [
        [name, *(groups[item] for groups in kept.values()), dataset.classes[said[item]], top[item], *probability[item]]
        for item, name in enumerate(names)
    ]
    columns = ["id", *kept, "predicted", "probability", *(f"probability_{name}" for name in dataset.classes)]
    return Table(columns, rows)


def _items(
    label: Indices, probability: NDArray[Any], ids: Sequence[str], groups: Sequence[str], classes: Sequence[str]
) -> Table:
    """Return a row an item: what it is, what it was called, and how probable both were held."""
    rows = []
    for item, (name, group, k) in enumerate(zip(ids, groups, label.tolist(), strict=True)):
        said = int(probability[item].argmax())  # of no numbers the first that is none
        true, own = (classes[k], probability[item, k]) if k >= 0 else ("", None)
        called = classes[said] if np.isfinite(probability[item, said]) else ""
        rows.append([name, group, true, called, own, probability[item, said]])
    return Table(["id", "group", "true", "predicted", "probability_of_true", "probability_of_predicted"], rows)
