"""Which genes are predicted, and on which scale; chosen on the spots it is shown and on no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

PER_SPOT = 10_000.0


@dataclass(frozen=True, slots=True)
class GenePanel:
    """How genes are chosen.

    ``hvg`` takes the most variable genes for their mean (scanpy, flavour ``seurat``), ``variance`` those of largest
    variance, ``highest`` those of highest mean; each on log-scaled counts. ``list`` takes ``names`` as they stand.
    """

    select: Literal["hvg", "variance", "highest", "list"] = "hvg"
    top: int = 785
    names: list[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a panel that cannot be chosen."""
        if self.top < 1:
            raise ValueError(f"top is a number of genes of at least 1, not {self.top}")
        if (self.select == "list") != (self.names is not None):
            raise ValueError("'names' goes with select: list, and only with it")


Scale = Literal["log1p", "log10", "panel-log10"]
"""``log1p``: natural log of 1 + counts per 10,000 of the spot; ``log10``: the same to base 10; ``panel-log10``: counts
per 10,000 of the panel's own genes, base 10 (as the published code of mclSTExp and HisCMCL)."""


def scaled(counts: NDArray[np.float32], scale: Scale, totals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return log-scaled counts [n, G]; a spot without counts becomes zeros."""
    per_spot = PER_SPOT / np.where(totals > 0, totals, 1)
    values = np.log1p(counts * per_spot[:, None])
    if scale != "log1p":
        values /= np.log(10)
    return values.astype(np.float32)


def shared_genes(sections: Sequence[Section]) -> list[str]:
    """Return the genes that all sections have, in the order of the first.

    Raises
    ------
    DataError
        There are none.
    """
    common = set(sections[0].genes).intersection(*(section.genes for section in sections))
    if not common:
        names = ", ".join(section.name for section in sections)
        raise DataError(f"sections {names} share no gene; are their names of one kind (symbols or Ensembl)?")
    return [gene for gene in sections[0].genes if gene in common]


def counts_of(section: Section, genes: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
    """Return the counts of genes in a section [n, G], zeros where it lacks one, and the genes it lacks."""
    if section.counts is None:
        raise DataError(f"section {section.name} has no counts; only predictions can be made for it")
    place = {gene: column for column, gene in enumerate(section.genes)}
    lacking = [gene for gene in genes if gene not in place]
    columns = [place.get(gene, 0) for gene in genes]
    counts = section.counts[:, columns].astype(np.float32)
    counts[:, [gene not in place for gene in genes]] = 0
    return counts, lacking


def totals_of(section: Section) -> NDArray[np.float32]:
    """Return all transcripts of each spot [n]."""
    if section.counts is None:
        raise DataError(f"section {section.name} has no counts; only predictions can be made for it")
    totals: NDArray[np.float32] = section.counts.sum(axis=1, dtype=np.float32)
    return totals


def select(panel: GenePanel, genes: list[str], values: NDArray[np.float32]) -> list[str]:
    """Choose the genes of a panel.

    Parameters
    ----------
    panel
        How to choose.
    genes
        Candidates, the columns of ``values``.
    values
        Log-scaled expression of the spots that may be looked at [n, G].

    Raises
    ------
    DataError
        No gene is left.
    """
    if panel.select == "list":
        chosen = [gene for gene in panel.names or [] if gene in set(genes)]
        if not chosen:
            named = len(panel.names or [])
            raise DataError(f"none of the {named} genes of data.genes.names is in the data; check their spelling")
        return chosen
    varies = values.std(axis=0) > 0
    if not varies.any():
        raise DataError(
            f"the gene panel is empty after selection: none of {len(genes)} genes varies over the {len(values)} "
            "training spots; check the counts, or name genes with data.genes.select: list"
        )
    candidates = np.flatnonzero(varies)
    top = min(panel.top, len(candidates))
    if panel.select == "hvg":
        rank = _dispersion(values[:, candidates], top)
    else:
        rank = values[:, candidates].var(axis=0) if panel.select == "variance" else values[:, candidates].mean(axis=0)
    best = np.sort(candidates[np.argsort(-rank, kind="stable")[:top]])
    return [genes[column] for column in best]


def _dispersion(values: NDArray[np.float32], top: int) -> NDArray[np.float64]:
    """Return scanpy's normalised dispersion of each gene [G], lowest where it has none."""
    import warnings

    import anndata
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scanpy warns of bins with a single gene, which small panels always have
        table = scanpy.pp.highly_variable_genes(
            anndata.AnnData(values), n_top_genes=top, flavor="seurat", inplace=False
        )
    rank: NDArray[np.float64] = np.nan_to_num(table["dispersions_norm"].to_numpy(dtype=np.float64), nan=-np.inf)
    return rank
