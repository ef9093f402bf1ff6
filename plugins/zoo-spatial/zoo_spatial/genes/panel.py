"""Which genes are predicted; chosen on the spots that are shown and on no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zoo.errors import DataError
from zoo_spatial.genes.gene_names import GeneNames
from zoo_spatial.genes.gene_statistics import Shown, dispersion, statistics
from zoo_spatial.genes.scales import Scale, scaled

__all__ = ["GenePanel", "Scale", "choose", "scaled"]


@dataclass(frozen=True, slots=True)
class GenePanel:
    """How genes are chosen among those that all shown sections have.

    Attributes
    ----------
    select
        ``hvg`` takes the most variable genes for their mean (as scanpy, flavour ``seurat``), ``variance`` those of
        largest variance, ``highest`` those of highest mean; each on log-scaled counts. ``list`` takes ``names`` as they
        stand. HECLIP (doi:10.1093/bioinformatics/btaf363) calls its panels HVG (``hvg``) and HEG (``highest``).
    top
        How many; of each section with ``over``.
    names
        Symbols or Ensembl ids of a ``list``.
    over
        Where not given, the genes are chosen on the spots of all shown sections together. ``union`` chooses on each
        section alone and takes the genes of any, as HECLIP does; ``intersection`` those that every section chose.
    """

    select: Literal["hvg", "variance", "highest", "list"] = "hvg"
    top: int = 785
    names: list[str] | None = None
    over: Literal["union", "intersection"] | None = None

    def __post_init__(self) -> None:
        """Refuse a panel that cannot be chosen."""
        if self.top < 1:
            raise ValueError(f"top is a number of genes of at least 1, not {self.top}")
        if (self.select == "list") != (self.names is not None):
            raise ValueError("'names' goes with select: list, and only with it")
        if self.select == "list" and self.over:
            raise ValueError(f"'over: {self.over}' goes with a selection by figures, not with select: list")


def choose(panel: GenePanel, candidates: GeneNames, shown: Sequence[Shown]) -> list[int]:
    """Return the places of a panel's genes among the candidates: in their order, or in the order of a ``list``.

    Parameters
    ----------
    panel
        How to choose.
    candidates
        Names of the genes that all shown sections have.
    shown
        The spots that may be looked at, by section.

    Raises
    ------
    DataError
        No gene is left.
    """
    if panel.names is not None:
        return _listed(panel.names, candidates)
    if panel.over is None:
        return _best(panel, shown)
    chosen = [set(_best(panel, [section])) for section in shown]
    if panel.over == "union":
        return sorted(set.union(*chosen))
    shared = set.intersection(*chosen)
    if not shared:
        names = ", ".join(section.name for section in shown)
        raise DataError(
            f"no gene is among the top {panel.top} of each of sections {names}; raise data.genes.top, or say "
            "data.genes.over: union"
        )
    return sorted(shared)


def _listed(names: Sequence[str], candidates: GeneNames) -> list[int]:
    wanted = GeneNames.made("data.genes.names", dict.fromkeys(names))
    place: dict[str | None, int] = {found: number for number, found in enumerate(candidates.ids) if found}
    place.update({name: number for number, name in enumerate(candidates.names)})
    chosen = list(dict.fromkeys(place[name] for name in wanted.names if name in place))
    if not chosen:
        raise DataError(f"none of the {len(names)} genes of data.genes.names is in the data; check their spelling")
    return chosen


def _best(panel: GenePanel, shown: Sequence[Shown]) -> list[int]:
    figures = statistics(shown, linear=panel.select == "hvg")
    candidates = np.flatnonzero(figures.varies)
    if not len(candidates):
        only = f" of section {shown[0].name}" if panel.over else ""
        raise DataError(
            f"the gene panel is empty after selection: none of {len(figures.varies)} genes varies over the "
            f"{figures.spots} training spots{only}; check the counts, or name genes with data.genes.select: list"
        )
    mean, variance = figures.mean[candidates], figures.variance[candidates]
    ranks = {"variance": variance, "highest": mean}
    rank = ranks[panel.select] if panel.select in ranks else dispersion(mean, variance)
    best = np.sort(candidates[np.argsort(-rank, kind="stable")[: panel.top]])
    return [int(gene) for gene in best]
