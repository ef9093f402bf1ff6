"""``mil``: the class of a bag of instances, and which of its instances speak for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo import atomic
from zoo.batches import in_order
from zoo.contracts import HubTask
from zoo.errors import DataError, UsageError
from zoo.figures.files import Table, write_table
from zoo.scores import bag_report, classification, floors, localisation, ranking
from zoo.scores.bag_tables import NO_CONTROL, Attended, Bags
from zoo.scores.weights import mean, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Indices
    from zoo.figures.parts import Look, Section

MAJORITY, SPECTRUM = "majority", "mean-spectrum"
AT_ONCE = 4
"""Bags that are read at once where a floor is fitted or asked, and where predictions are written."""

_MEANINGS = {
    "f1": "harmonic mean of precision and recall of a class, mean over classes",
    "balanced_accuracy": "share of a class's bags that are called so, mean over classes",
    "ece": f"expected calibration error: distance of probability and accuracy in {classification.BINS} bins",
    "auprc": "localisation: average precision of attention within a bag, mean over bags",
    "auprc_over_prevalence": "the same, divided by the mean share of true instances, which even attention reaches",
    "pointing": "localisation: share of bags whose most attended instance is a true one",
    "iou": "localisation: overlap of the true instances with those of more than even attention, mean over bags",
}


class Mil:
    """Tell the class of each bag from logits ``bag`` [B, K]; hold ``attention`` [N] against where it really is.

    Prediction gives ``probability`` [B, K] and, where the head has them, ``instance`` [N, K] (both by a softmax),
    ``attention`` [N] and ``size`` [B]. Truth are the dataset's ``labels`` [n] (-1: unknown, left out of the scores),
    the names of its ``classes`` and, where it has a method ``instance_truth(items)``, which of the instances of these
    items the label speaks of [N]. Localisation is scored over bags of another class than the control in which some
    instances are true and some are not (:mod:`zoo.scores.localisation`).

    The floors are the frequencies of the classes, and logistic regression on mean and standard deviation of each
    channel over a bag. They attend to nothing, so that localisation has none.

    A page of a run shows more where the dataset has these methods, all of them optional. ``names(items)`` gives the
    names of items without reading them. ``attention_figures(items, attention, size, titles, keys)`` draws where the
    model looks: an iterable of :class:`zoo.figures.parts.Figure`, one an item, under the titles and keys given, from
    the ``attention`` of the instances of these items, one item after the other [N], of which each has ``size`` [n].
    ``attention_spectra(items, attention, size, classes)`` gives figures of what the attended instances have in common,
    beside the others, by the name of each item's class [n].

    Parameters
    ----------
    num_classes
        K, filled in.
    kind
        ``binary`` for two classes, ``ordinal`` for doses in rising order (``auc_1`` is then the ROC-AUC of the lowest
        beside the control, and so on), ``classes`` for all else.
    control
        The class that the others are held against: ``auc`` is the mean over the others of the ROC-AUC of each against
        it, and has no value where one of them has no bag. The first class where not given; with ``classes`` then none,
        and each class is held against all others.

    Raises
    ------
    ValueError
        ``binary`` with another number of classes than two, or fewer than two.
    """

    pooled = True
    needs_bank = False

    def __init__(
        self, *, num_classes: int, kind: Literal["binary", "ordinal", "classes"] = "classes", control: str | None = None
    ) -> None:
        if num_classes < 2 or (kind == "binary" and num_classes > 2):  # noqa: PLR2004 - as the sentence says
            wanted = "exactly two" if kind == "binary" else "at least two"
            raise ValueError(f"kind {kind} takes {wanted} classes, and the data have {num_classes}")
        self.classes, self.kind, self.control = num_classes, kind, control
        self.doses = [f"auc_{k}" for k in range(1, num_classes)] if kind == "ordinal" else []
        self.scores: Mapping[str, bool] = {name: name != "ece" for name in ("auc", *self.doses, *_MEANINGS)}
        self.hub = self._hub()

    def _hub(self) -> HubTask:
        against = "all others" if self.kind == "classes" and self.control is None else "the control"
        aucs = {name: f"ROC-AUC of dose {name[4:]} against the control" for name in self.doses}
        return {
            "writes": "/",
            "task_type": "image-classification",
            "pipeline_tag": "image-classification",
            "tags": ["image-classification", "multiple-instance-learning", "weakly-supervised-learning"],
            "scores": {"auc": f"ROC-AUC of a class against {against}, mean over classes", **aucs, **_MEANINGS},
            "metrics": {**dict.fromkeys(("auc", *self.doses), "roc_auc"), "f1": "f1"},
        }

    def bank(self, outputs: Arrays, dataset: Any, items: Indices) -> Arrays:  # noqa: ARG002 - the contract has them
        """Return nothing: prediction needs the model alone."""
        return {}

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:  # noqa: ARG002 - as above
        """Return what a head's outputs say of bags and of their instances."""
        predicted: Arrays = {"probability": classification.softmax(outputs["bag"])}
        if "instance" in outputs:
            predicted["instance"] = classification.softmax(outputs["instance"]).astype(np.float32)
        if "attention" in outputs and "size" in outputs:
            predicted["attention"] = outputs["attention"]
        if "size" in outputs:
            predicted["size"] = outputs["size"].astype(np.int64)
        return predicted

    def truth(self, dataset: Any, items: Indices) -> Arrays:
        """Return ``label`` and ``control`` [n], and ``mask`` [N] where the dataset knows which instances are true."""
        control = np.full(len(items), self._control(list(dataset.classes)), dtype=np.int64)
        truth: Arrays = {"label": np.asarray(dataset.labels, dtype=np.int64)[items], "control": control}
        known = getattr(dataset, "instance_truth", None)
        mask = known(items) if known else None
        return truth if mask is None else {**truth, "mask": np.asarray(mask, dtype=bool)}

    def _control(self, classes: list[str]) -> int:
        if self.control is None:
            return NO_CONTROL if self.kind == "classes" else 0
        if self.control not in classes:
            raise UsageError(f"task.control '{self.control}' is no class of the data; they have {', '.join(classes)}")
        return classes.index(self.control)

    def brief(self, predicted: Arrays, truth: Arrays) -> tuple[Arrays, Arrays]:
        """Return what is scored of bags: their probabilities, and how well each is localised; twice is as once."""
        kept = {name: truth[name] for name in ("label", "control")}
        if set(localisation.SCORES) <= set(predicted):
            return predicted, kept
        found = localisation.nowhere(len(truth["label"]))
        if "mask" in truth and "attention" in predicted:
            _check_sizes(predicted, truth)
            found = localisation.by_bag(predicted["attention"], truth["mask"], predicted["size"])
            for values in found.values():
                values[(truth["label"] < 0) | (truth["label"] == truth["control"])] = np.nan
        return {"probability": predicted["probability"], **found}, kept

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, NaN where there is nothing to compute them from; and how many bags they come from."""
        predicted, truth = self.brief(predicted, truth)
        values = self.resampled(predicted, truth)
        labelled, localised = truth["label"] >= 0, ~np.isnan(predicted["auprc"])
        counts = {"bags": len(labelled), "labelled": labelled.sum(), "localised": localised.sum()}
        return {name: float(values[name]) for name in self.scores}, {n: float(c) for n, c in counts.items()}

    def resampled(
        self, predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return the scores of what :meth:`brief` keeps, for each weighting [..., n] of the bags."""
        known = truth["label"] >= 0
        label, probability = truth["label"][known], predicted["probability"][known]
        counted = None if weight is None else weight[..., known]
        said = probability.argmax(axis=1)
        found = {name: mean(predicted[name], weight) for name in localisation.SCORES}
        return {
            **self._aucs(label, probability, truth["control"], counted),
            "f1": classification.f1(label, said, self.classes, counted),
            "balanced_accuracy": classification.balanced_accuracy(label, said, self.classes, counted),
            "ece": classification.calibration_error(label, probability, counted),
            "auprc_over_prevalence": ratio(found["auprc"], found.pop("prevalence")),
            **found,
        }

    def _aucs(
        self, label: Indices, probability: NDArray[Any], control: Indices, weight: NDArray[Any] | None
    ) -> dict[str, NDArray[np.float64]]:
        against = int(control[0]) if len(control) else NO_CONTROL
        if against == NO_CONTROL:
            return {"auc": ranking.one_vs_rest(label, probability, weight).mean(axis=-1)}
        others = [k for k in range(self.classes) if k != against]
        found = ranking.one_vs_control(label, probability, against, weight)[..., others]
        return {"auc": found.mean(axis=-1), **{name: found[..., k] for k, name in enumerate(self.doses)}}

    def fit_floors(self, dataset: Any, items: Indices) -> dict[str, Arrays]:
        """Fit class frequencies, and the regression on spectra, to the labelled ones of these items.

        Raises
        ------
        DataError
            None has a label, or a pixel is not finite.
        """
        items, label = floors.labelled(dataset.labels, items, "bags")
        return {
            MAJORITY: {"frequency": floors.frequencies(label, self.classes)},
            SPECTRUM: floors.fit_logistic(_spectra(dataset, items), label),
        }

    def predict_floor(self, name: str, state: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return the probabilities that a floor gives."""
        if name == MAJORITY:
            return {"probability": np.tile(state["frequency"], (len(items), 1))}
        return {"probability": floors.logistic(state, _spectra(dataset, items), self.classes)}

    def report(
        self,
        predicted: Arrays,
        truth: Arrays,
        *,
        dataset: Any,
        items: Indices,
        groups: Sequence[str],
        look: Look | None,  # noqa: ARG002 - attention is among the predictions
    ) -> Iterator[Section]:
        """Give what a page shows of these bags: less where only what :meth:`brief` keeps is at hand."""
        found, attended = self.brief(predicted, truth)[0], None
        if "attention" in predicted and "size" in predicted:
            attended = Attended(predicted["attention"], predicted["size"], truth.get("mask"))
        control = int(truth["control"][0]) if len(truth["control"]) else NO_CONTROL
        bags = Bags(
            names=_names(dataset, items),
            groups=groups,
            label=truth["label"],
            probability=predicted["probability"],
            classes=list(dataset.classes),
            control=control,
            found={name: found[name] for name in localisation.SCORES},
            attended=attended,
            noun="dose" if self.kind == "ordinal" else "class",
        )
        yield from bag_report.sections(bags, dataset, items)

    def write(self, predicted: Arrays, dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write a folder: ``predictions.csv``, what the dataset draws, and last ``provenance.json``.

        Raises
        ------
        UsageError
            The path has an ending, or is a file.
        """
        if path.suffix or path.is_file():
            raise UsageError(f"--out {path}: predictions of bags are a folder; name one that has no ending")
        write_table(path / "predictions.csv", _table(predicted["probability"], dataset))
        if hasattr(dataset, "draw"):
            dataset.draw(predicted, path)
        atomic.write_json(path / "provenance.json", {**facts, "classes": list(dataset.classes)})


def _check_sizes(predicted: Arrays, truth: Arrays) -> None:
    attended, known = int(predicted["size"].sum()), len(truth["mask"])
    if attended != known or len(predicted["attention"]) != known:
        raise DataError(
            f"the model attends to {attended} instances and the data know the truth of {known}; leave what drops "
            "instances out of transforms.eval"
        )


def _spectra(dataset: Any, items: Indices) -> NDArray[np.float64]:
    """Return mean and spread of each channel of each bag [n, 2 C], reading a few bags at a time."""
    rows = []
    for some in in_order(items, AT_ONCE):
        batch = dataset.batch(some)
        offsets = batch["offsets"].tolist()
        for name, start, end in zip(batch["id"], offsets[:-1], offsets[1:], strict=True):
            rows.append(floors.spectrum(batch["instances"][start:end]))
            if not np.isfinite(rows[-1]).all():
                raise DataError(
                    f"the pixels of '{name}' are not all finite; mend the image or leave it out of the data"
                )
    return np.stack(rows)


def _names(dataset: Any, items: Indices) -> list[str]:
    """Return the names of items, without reading them where the dataset knows a way."""
    if hasattr(dataset, "names"):
        return [str(name) for name in dataset.names(items)]
    return [name for some in in_order(items, AT_ONCE) for name in dataset.batch(some)["id"]]


def _table(probability: NDArray[Any], dataset: Any) -> Table:
    """Return a row a bag: its name, the most probable class, the probability of each."""
    names = _names(dataset, np.arange(len(dataset)))
    rows = [[name, dataset.classes[row.argmax()], *row] for name, row in zip(names, probability, strict=True)]
    return Table(["id", "predicted", *(f"probability_{name}" for name in dataset.classes)], rows)
