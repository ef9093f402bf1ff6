"""What a page is told of an evaluation of predicted expression, put in order once for all its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo_spatial.genes import gene_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays
    from zoo_spatial.section import Section
    from zoo_spatial.spots import SpotDataset

    Floats = NDArray[np.floating[Any]]
    Items = NDArray[np.int64]

FEW_GROUPS = 6
"""Test groups up to which each has its own line and its own column."""


@dataclass(frozen=True)
class Scored:
    """Predicted and measured expression [n, G] of test spots, and whose they are.

    ``novelty`` [n] is None of a model that does not tell it; ``groups`` [n] names the test group of each spot.
    """

    predicted: Floats
    truth: Floats
    dataset: SpotDataset
    items: Items
    groups: NDArray[Any]
    novelty: Floats | None = None

    @classmethod
    def of(cls, predicted: Arrays, truth: Arrays, dataset: SpotDataset, items: Items, groups: Sequence[str]) -> Scored:
        """Return what a task is handed, in order."""
        said, known = predicted["expression"], truth["expression"]
        return cls(said, known, dataset, np.asarray(items), np.asarray(groups, dtype=object), predicted.get("novelty"))

    @cached_property
    def names(self) -> list[str]:
        """The genes of the panel."""
        return list(self.dataset.genes)

    @cached_property
    def sections(self) -> dict[str, Items]:
        """Section -> its rows, in the order in which they come."""
        return _rows_of(np.asarray(self.dataset.groups["section"], dtype=object)[self.items])

    @cached_property
    def by_group(self) -> dict[str, Floats]:
        """Test group -> Pearson's correlation of each gene over its spots [G]."""
        return {group: self._pearson(rows) for group, rows in _rows_of(self.groups).items()}

    @cached_property
    def by_section(self) -> dict[str, Floats]:
        """Section -> Pearson's correlation of each gene over its spots [G]."""
        alike = list(_rows_of(self.groups).values()), list(self.sections.values())
        if len(alike[0]) == len(alike[1]) and all(map(np.array_equal, *alike)):
            return dict(zip(self.sections, self.by_group.values(), strict=True))
        return {section: self._pearson(rows) for section, rows in self.sections.items()}

    @cached_property
    def pcc(self) -> Floats:
        """Pearson's correlation of each gene, mean over the test groups that have one [G]."""
        found = np.stack(list(self.by_group.values()))
        known = np.isfinite(found)
        mean = np.where(known, found, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return np.where(known.any(axis=0), mean, np.nan)

    @cached_property
    def ranked(self) -> list[int]:
        """Columns of the genes that have a correlation, the best first."""
        return [int(gene) for gene in np.argsort(-self.pcc, kind="stable") if np.isfinite(self.pcc[gene])]

    @property
    def simulated(self) -> str:
        """A sentence that the tissue is no tissue, empty where it is."""
        kind = self.dataset.provenance.get("kind", "real")
        return {"simulated": "The tissue is SIMULATED.", "semi-synthetic": "The tissue is partly SIMULATED."}.get(
            kind, ""
        )

    def section(self, name: str) -> Section:
        """Return a section by its name."""
        return next(section for section in self.dataset.sections if section.name == name)

    def _pearson(self, rows: Items) -> Floats:
        return gene_scores.pearson(self.predicted[rows], self.truth[rows])


def said(name: object, longest: int = style.LONGEST) -> str:
    """Return a name as it may stand in a sentence."""
    return style.short(name, longest).replace(r"\$", "$")


def mean_of(values: Floats) -> float:
    """Return the mean of the numbers among values, NaN where there is none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _rows_of(names: NDArray[Any]) -> dict[str, Items]:
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names.tolist()):
        found.setdefault(str(name), []).append(row)
    return {name: np.array(rows, dtype=np.int64) for name, rows in found.items()}
