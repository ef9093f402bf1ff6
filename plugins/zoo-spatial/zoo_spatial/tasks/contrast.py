"""``contrast``: expression predicted by looking up the training spots that lie nearest in the joint space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.contracts import HubTask
from zoo.errors import UsageError
from zoo_spatial import colour_floor, gene_scores
from zoo_spatial.retrieval import Retrieve, retrieve

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Indices


class Contrast:
    """Train pairs of image and spot; predict expression [n, G] by retrieval.

    Scores are those of :func:`zoo_spatial.gene_scores.score`. The floors are the mean expression of the training spots,
    and ridge regression (strength 100) on 20 colour statistics of every field of view that the dataset delivers.

    Parameters
    ----------
    retrieve
        Which key, how many neighbours, which weights.
    """

    scores: Mapping[str, bool] = {
        "pcc": True,
        "pcc_heg50": True,
        "spearman": True,
        "mse": False,
        "mae": False,
        "hit5": True,
    }
    needs_bank = True
    hub: ClassVar[HubTask] = {
        "writes": "h5ad",
        "task_type": "gene-expression-prediction",  # none of the Hub's pipelines fits
        "tags": ["gene-expression-prediction", "spatial-transcriptomics", "contrastive-learning", "retrieval"],
        "scores": {
            "pcc": "Pearson correlation of a gene over the spots of a section, mean over genes",
            "pcc_heg50": "the same over the 50 genes with the highest mean expression",
            "spearman": "Spearman correlation of a gene over spots, mean over genes",
            "mse": "mean squared error",
            "mae": "mean absolute error",
            "hit5": "share of spots whose highest gene is among the five predicted highest",
        },
        "metrics": {"pcc": "pearsonr", "pcc_heg50": "pearsonr", "spearman": "spearmanr", "mse": "mse", "mae": "mae"},
    }

    def __init__(self, *, retrieve: Retrieve = Retrieve()) -> None:
        self.retrieve = retrieve

    def bank(self, outputs: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return the keys and the expression of the training spots, without the differences between their sections."""
        shift = (dataset.expression[items] - dataset.compared[items]).mean(axis=0)
        return {"key": outputs[self.retrieve.key], "expression": dataset.compared[items] + shift}

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:
        """Return ``expression`` [n, G] for image embeddings [n, D]."""
        return {"expression": retrieve(outputs["image"], bank["key"], bank["expression"], self.retrieve)}

    def truth(self, dataset: Any, items: Indices) -> Arrays:
        """Return measured expression."""
        return {"expression": dataset.expression[items]}

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, and counts of constant genes."""
        return gene_scores.score(predicted["expression"], truth["expression"])

    def fit_floors(self, dataset: Any, items: Indices) -> dict[str, Arrays]:
        """Fit mean expression and colour ridge on the training spots."""
        return colour_floor.fit(colour_floor.statistics_of(dataset, items), dataset.expression[items])

    def predict_floor(self, name: str, state: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return a floor's prediction."""
        if name == colour_floor.MEAN:
            return {"expression": np.tile(state["mean"].astype(np.float32), (len(items), 1))}
        return {"expression": colour_floor.predict(state, colour_floor.statistics_of(dataset, items))}

    def write(self, predicted: Arrays, dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write predictions as AnnData: genes, spots, positions in pixels, and what made them in ``uns['zoo']``."""
        from zoo_spatial.predictions import write_anndata

        if path.suffix != ".h5ad":
            raise UsageError(f"--out {path}: expression is written as AnnData, name a file that ends in .h5ad")
        write_anndata(path, predicted["expression"], dataset, facts)
