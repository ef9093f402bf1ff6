"""``cells``: where a protein is in each cell of an image, learnt from labels of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.contracts import HubTask
from zoo.errors import DataError, UsageError
from zoo.scores.multilabel import known
from zoo_cells.protein import calibration, cell_scores, floors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays, Indices
    from zoo.figures.parts import Look, Section

    Explain = Callable[[Indices, Indices], NDArray[Any] | None]

DIGITS, ATTENTION_DIGITS = 4, 6
TINY = 1e-12


class Cells:
    """Tell the locations of each image from logits ``bag`` [B, K], and of each of its cells from ``instance`` [N, K].

    Prediction gives ``probability`` [B, K] and ``cell`` [N, K] (a sigmoid each: several locations, or none),
    ``attention`` [N] (even where the head has none; of a head with an attention for each class their mean, weighted by
    how probable the image has the class), ``size`` [B], and the thresholds from which on a location is
    called, ``threshold`` and ``cell_threshold`` [B, K]. Temperatures and thresholds come from :meth:`calibrate` through
    the bank; without it they are 1 and one half.

    Truth are the labels of images, ``label`` [n, K] (a row of -1 where nobody knows); where the dataset knows its cells
    (``cell_truth``) also ``cell_label`` [N, K], a row of -1 for a cell that matches no true one, and ``missed`` [n, K],
    true cells of each location that no cell matches. Scores of cells have no value without it. Probabilities are scored
    with four digits, which is what a run keeps of them.

    The floors are ``inherited``: every cell has the true labels of its image, which is an oracle that no user has at
    prediction, beside the frequencies of training for images; ``intensity``: logistic regression on where the light of
    the protein lies in a cell (:mod:`zoo_cells.protein.intensity`), taught with inherited labels, its mean over cells
    for images; and ``majority``, the frequencies for both.

    Parameters
    ----------
    num_classes
        K, filled in.
    level
        Whether cells or images give the main score, ``cell_map`` or ``image_map``.
    image_weight
        How much the image has to say of its cells, w in ``cell ** (1 - w) * image ** w``.

    Raises
    ------
    ValueError
        No class, or a weight outside of [0, 1].
    """

    pooled = True
    needs_bank = False

    def __init__(
        self, *, num_classes: int, level: Literal["cells", "images"] = "cells", image_weight: float = 0.0
    ) -> None:
        if num_classes < 1:
            raise ValueError(f"cells takes at least one class, and the data have {num_classes}")
        if not 0 <= image_weight <= 1:
            raise ValueError(f"image_weight is from 0 to 1, not {image_weight}")
        self.classes, self.level, self.image_weight = num_classes, level, image_weight
        first = "cell_map" if level == "cells" else "image_map"
        meanings = {first: cell_scores.MEANINGS[first], **cell_scores.MEANINGS}
        self.scores: Mapping[str, bool] = {name: name not in cell_scores.LOWER for name in meanings}
        self.hub: HubTask = {
            "writes": "h5ad",
            "task_type": "image-classification",
            "pipeline_tag": "image-classification",
            "tags": ["multiple-instance-learning", "weakly-supervised-learning", "protein-localization"],
            "scores": meanings,
            "metrics": {"cell_f1": "f1", "cell_f1_half": "f1", "image_f1": "f1", "image_f1_half": "f1"},
        }

    def bank(self, outputs: Arrays, dataset: Any, items: Indices) -> Arrays:  # noqa: ARG002 - the contract has them
        """Return nothing: prediction needs the model alone, and a bank of :meth:`calibrate` where there is one."""
        return {}

    def calibrate(
        self, outputs: Arrays, dataset: Any, items: Indices, *, temperature: bool = True, thresholds: bool = True
    ) -> Arrays:
        """Return the bank with temperatures and thresholds, fitted to validation items.

        See :func:`zoo_cells.protein.calibration.fit`, which uses labels of images only.

        Raises
        ------
        DataError
            None of the items has labels.
        """
        return calibration.fit(
            _complete(outputs),
            np.asarray(dataset.label_sets)[items],
            image_weight=self.image_weight,
            with_temperature=temperature,
            with_thresholds=thresholds,
        )

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:
        """Return what a head's outputs say of images and of their cells."""
        full, fitted = _complete(outputs), {**calibration.neutral(self.classes), **bank}
        size = full["size"].astype(np.int64)
        image, cell = calibration.probabilities(full["bag"], full["instance"], size, fitted, self.image_weight)
        thresholds = (fitted[calibration.IMAGE_THRESHOLD], fitted[calibration.CELL_THRESHOLD])
        return _predicted(image, cell, _attention(full, image, size), size, thresholds)

    def truth(self, dataset: Any, items: Indices) -> Arrays:
        """Return labels of images, and of cells where they are known; ``size`` [n] says how many each has."""
        size = np.asarray(dataset.sizes, dtype=np.int64)[items]
        label = np.asarray(dataset.label_sets, dtype=np.int8)[items]
        return {"label": label, "size": size, **cell_scores.truth_of_cells(dataset, items, size)}

    def brief(self, predicted: Arrays, truth: Arrays) -> tuple[Arrays, Arrays]:
        """Return probabilities and thresholds with four digits, cells only where their truth is known."""
        images, cells = ("probability", "threshold"), ("cell_threshold", "cell")
        kept = (*images, *cells) if "cell_label" in truth else images
        found = {name: predicted[name].astype(np.float64).round(DIGITS) for name in kept}
        if "cell_label" not in truth:
            return found, {"label": truth["label"], "size": truth["size"]}
        _check_sizes(predicted, truth)
        found["attention"] = predicted["attention"].astype(np.float64).round(ATTENTION_DIGITS)
        return found, {name: truth[name] for name in ("label", "size", "cell_label", "missed")}

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, NaN where there is nothing to compute them from; and what they come from."""
        values = self.resampled(*self.brief(predicted, truth))
        counts = {"images": len(truth["label"]), "labelled": known(truth["label"]).sum()}
        counts["cells"] = truth["size"].sum()
        if "cell_label" in truth:
            counts["cells_with_truth"] = known(truth["cell_label"]).sum()
        return {name: float(values[name]) for name in self.scores}, {n: float(c) for n, c in counts.items()}

    def resampled(
        self, predicted: Arrays, truth: Arrays, weight: NDArray[Any] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return the scores of what :meth:`brief` keeps, for each weighting [..., n] of the images."""
        return {
            **cell_scores.of_images(predicted, truth, weight),
            **cell_scores.of_cells(predicted, truth, weight),
        }

    def fit_floors(self, dataset: Any, items: Indices) -> dict[str, Arrays]:
        """Fit the rivals to the labelled ones of these items; see :func:`zoo_cells.protein.floors.fit`."""
        return floors.fit(dataset, items)

    def predict_floor(self, name: str, state: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return what a rival predicts: thresholds of one half, attention to all cells alike."""
        image, cell, size = floors.predict(name, state, dataset, items)
        half = calibration.neutral(self.classes)
        return _predicted(image, cell, calibration.even(size), size, (half[calibration.IMAGE_THRESHOLD],) * 2)

    def write(self, predicted: Arrays, dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write AnnData, a row a cell, and beside it the mask of each field as OME-TIFF in ``<stem>_masks/``.

        See :mod:`zoo_cells.outputs.cell_file` for what is in it.

        Raises
        ------
        UsageError
            The name does not end in ``.h5ad``.
        DataError
            The predictions are of other cells than the data have.
        """
        from zoo_cells.outputs.cell_file import write_cells

        if path.suffix != ".h5ad":
            raise UsageError(f"--out {path}: cells become AnnData, a row each; name a file that ends in .h5ad")
        write_cells(path, predicted, dataset, facts)

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
        explain: Explain | None = None,  # noqa: ARG002 - the contract has it; attention says where it looked
    ) -> list[Path]:
        """Write tables and pictures of all test groups and return the files.

        See :mod:`zoo_cells.outputs.evaluation`; what was predicted of cells without truth is there with ``zoo eval``
        only, because a run does not keep it.
        """
        from zoo_cells.outputs.evaluation import Judged, write

        judged = Judged(predicted, truth, dataset, np.asarray(items), list(groups))
        return write(judged, folder, facts)

    def report(
        self,
        predicted: Arrays,
        truth: Arrays,
        *,
        dataset: Any,
        items: Indices,
        groups: Sequence[str],
        look: Look | None,
    ) -> Iterator[Section]:
        """Give a page fields, galleries, locations, how labels of cells came about, and tables.

        See :mod:`zoo_cells.outputs.report_sections`; of cells without truth there is more with a model at hand, because
        a run does not keep what was predicted of them.
        """
        from zoo_cells.outputs.cell_tables import Judged
        from zoo_cells.outputs.report_sections import sections

        judged = Judged(predicted, truth, dataset, np.asarray(items), list(groups))
        return sections(judged, look.steps if look else ())


def _complete(outputs: Arrays) -> Arrays:
    """Return outputs with even attention, and the logits of the image for its cells, where a head has none."""
    if "size" not in outputs:
        raise DataError("the head does not say how many cells each image has (size); take a head for bags")
    size = outputs["size"].astype(np.int64)
    full = {"attention": calibration.even(size), **outputs}
    return full if "instance" in full else {**full, "instance": np.repeat(full["bag"], size, axis=0)}


def _attention(full: Arrays, image: NDArray[Any], size: Indices) -> NDArray[Any]:
    """Return the attention to each cell [N]: of a head with one for each class the mean, by how probable each is.

    What a head attends to for a class that the image does not have says nothing.
    """
    if "class_attention" not in full:
        return full["attention"]
    share = image / np.maximum(image.sum(axis=1, keepdims=True), TINY)
    found: NDArray[Any] = (full["class_attention"] * np.repeat(share, size, axis=0)).sum(axis=1)
    return found


def _predicted(
    image: NDArray[Any],
    cell: NDArray[Any],
    attention: NDArray[Any],
    size: Indices,
    thresholds: tuple[NDArray[Any], NDArray[Any]],
) -> Arrays:
    """Return a prediction; thresholds go with each image, so that models of several folds can be scored together."""
    return {
        "probability": image.astype(np.float32),
        "cell": cell.astype(np.float32),
        "attention": attention.astype(np.float32),
        "size": size,
        **{
            name: np.tile(threshold.astype(np.float32), (len(size), 1))
            for name, threshold in zip(("threshold", "cell_threshold"), thresholds, strict=True)
        },
    }


def _check_sizes(predicted: Arrays, truth: Arrays) -> None:
    told, there = len(predicted["cell"]), int(truth["size"].sum())
    if told != there or len(predicted["attention"]) != there:
        raise DataError(
            f"the model tells of {told} cells and the data have {there}; leave what drops cells out of transforms.eval"
        )
