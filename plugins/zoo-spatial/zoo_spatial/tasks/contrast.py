"""``contrast``: expression predicted by looking up the training spots that lie nearest in the joint space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from zoo.contracts import HubTask
from zoo.errors import UsageError
from zoo_spatial import colour_floor, novelty
from zoo_spatial.genes import gene_scores
from zoo_spatial.outputs.gene_maps import GeneMaps
from zoo_spatial.retrieval import Retrieve, retrieve

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Indices
    from zoo.figures.parts import Look, Section


class Contrast:
    """Train pairs of image and spot; predict expression [n, G] by retrieval, and how new each patch is [n].

    Scores are those of :func:`zoo_spatial.genes.gene_scores.score`. The floors are the mean expression of the training
    spots, and ridge regression (strength 100) on 20 colour statistics of every field of view that the dataset delivers.

    Parameters
    ----------
    retrieve
        Which key, how many neighbours, which weights.
    maps
        The genes of which maps are drawn, on the page of a run and by ``zoo eval --out``; the three best and the three
        worst where not given.
    store
        ``float16`` keeps the expression of the training spots at half the size.
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

    def __init__(
        self,
        *,
        retrieve: Retrieve = Retrieve(),
        maps: GeneMaps | None = None,
        store: Literal["float16"] | None = None,
    ) -> None:
        self.retrieve = retrieve
        self.maps = maps or GeneMaps()
        self.store = store or "float32"

    def bank(self, outputs: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return keys and expression of the training spots, without the differences between their sections.

        With them goes what tells new patches from theirs (:mod:`zoo_spatial.novelty`).
        """
        shift = (dataset.expression[items] - dataset.compared[items]).mean(axis=0)
        expression = (dataset.compared[items] + shift).astype(self.store)
        sections = np.asarray(dataset.groups["section"])[items]
        known = novelty.remember(outputs["features"], sections.tolist()) if "features" in outputs else {}
        return {"key": outputs[self.retrieve.key], "expression": expression, **known}

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:
        """Return ``expression`` [n, G] and, of a head that hands on its features, ``novelty`` [n]."""
        found = {"expression": retrieve(outputs["image"], bank["key"], bank["expression"], self.retrieve)}
        return {**found, "novelty": novelty.of(outputs["features"], bank)} if "reach" in bank else found

    def truth(self, dataset: Any, items: Indices) -> Arrays:
        """Return measured expression."""
        return {"expression": dataset.expression[items]}

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, and counts of constant genes and of spots unlike any that the model has seen."""
        scores, counts = gene_scores.score(predicted["expression"], truth["expression"])
        if "novelty" in predicted:
            counts["unfamiliar"] = float((predicted["novelty"] > 1).sum())
        return scores, counts

    def fit_floors(self, dataset: Any, items: Indices) -> dict[str, Arrays]:
        """Fit mean expression and colour ridge on the training spots."""
        return colour_floor.fit(colour_floor.statistics_of(dataset, items), dataset.expression[items])

    def predict_floor(self, name: str, state: Arrays, dataset: Any, items: Indices) -> Arrays:
        """Return a floor's prediction."""
        if name == colour_floor.MEAN:
            return {"expression": np.tile(state["mean"].astype(np.float32), (len(items), 1))}
        return {"expression": colour_floor.predict(state, colour_floor.statistics_of(dataset, items))}

    def write(self, predicted: Arrays, dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write predictions of all spots at once, as :meth:`write_parts` does those of some after the other."""
        self.write_parts(iter([predicted]), dataset, path, facts)

    def write_parts(self, parts: Iterator[Arrays], dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        """Write predictions as AnnData (``.h5ad``): genes, spots, positions in pixels, novelty, what made them.

        With the extra ``spatialdata`` also as a SpatialData store (``.zarr``), which is made in one go.
        """
        from zoo_spatial.outputs.predictions import predictions_to

        if path.suffix == ".zarr":
            self._write_store(parts, dataset, path, facts)
            return
        if path.suffix != ".h5ad":
            raise UsageError(
                f"--out {path}: expression becomes AnnData or SpatialData; name a file that ends in .h5ad or .zarr"
            )
        first = next(parts)
        with predictions_to(path, dataset, facts, _columns(first)) as out:
            out.add(first["expression"], {name: first[name] for name in _columns(first)})
            for part in parts:
                out.add(part["expression"], {name: part[name] for name in _columns(part)})

    def _write_store(self, parts: Iterator[Arrays], dataset: Any, path: Path, facts: Mapping[str, str]) -> None:
        from zoo_spatial.outputs.spatialdata_out import ready, write_spatialdata

        ready(path)  # before anything is predicted
        held = list(parts)
        joined = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
        columns = {name: joined[name] for name in _columns(joined)}
        write_spatialdata(path, joined["expression"], dataset, facts, columns)

    def write_scored(
        self,
        predicted: Arrays,
        truth: Arrays,
        *,
        dataset: Any,
        items: Indices,
        folder: Path,
        facts: Mapping[str, str],
    ) -> list[Path]:
        """Write a test group's prediction beside its truth (``GROUP.h5ad``), and maps of genes for each section."""
        from zoo_spatial.outputs.scored_files import write_group

        return write_group(
            folder,
            maps=self.maps,
            expression=predicted["expression"],
            truth=truth["expression"],
            dataset=dataset,
            items=items,
            facts=facts,
            columns={name: predicted[name] for name in _columns(predicted)},
        )

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
        """Yield genes, maps, sections and the joint space for the page of a run."""
        from zoo_spatial.outputs import report
        from zoo_spatial.outputs.report_scored import Scored

        scored = Scored.of(predicted, truth, dataset, items, groups)
        yield from report.sections(scored, maps=self.maps, look=look)


def _columns(predicted: Arrays) -> tuple[str, ...]:
    return tuple(name for name in predicted if name != "expression")
