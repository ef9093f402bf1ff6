"""Mean, variance and dispersion of genes, read a block of columns at a time so that sparse counts stay sparse.

Every figure of a gene is computed from its own column and in the order of the spots. It is therefore the same to the
last bit for dense and for sparse counts, whatever the width of a block and on any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_spatial.genes.scales import counts_in, dense, scaled, totals_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

BLOCK_NUMBERS = 16_000_000
NARROWEST = 4  # numpy adds a single column up in another order than several
BINS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Spots of one section that may be looked at.

    Attributes
    ----------
    name
        Of the section.
    counts
        Of these spots [n, genes], dense or sparse by columns.
    totals
        All transcripts of each spot [n].
    columns
        Where each candidate stands among the genes [G].
    """

    name: str
    counts: Any
    totals: NDArray[np.float32]
    columns: NDArray[np.int64]

    @classmethod
    def of(cls, section: Section, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Shown:
        """Take the rows of a section."""
        counts = counts_in(section)[rows]
        by_column = counts.tocsc() if hasattr(counts, "tocsc") else counts
        return cls(section.name, by_column, totals_of(section)[rows], columns)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return log-scaled counts of candidates ``start`` to ``stop`` [n, stop - start]."""
        return scaled(dense(self.counts[:, self.columns[start:stop]]), "log1p", self.totals)


@dataclass(frozen=True, slots=True)
class GeneStatistics:
    """Of each gene [G]: whether it varies over the spots, its mean and its variance."""

    varies: NDArray[np.bool_]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    spots: int

    def __len__(self) -> int:
        return len(self.mean)


def statistics(shown: Sequence[Shown], *, linear: bool) -> GeneStatistics:
    """Return the figures of all candidates over all shown spots.

    Parameters
    ----------
    shown
        Spots of one or more sections, with the same candidates.
    linear
        Of counts per 10,000, with the unbiased variance, as scanpy computes dispersions; else of their natural log.
    """
    parts = [_figures(block, linear=linear) for block in _blocks(shown)]
    varies, mean, variance = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    return GeneStatistics(varies, mean, variance, sum(len(part.totals) for part in shown))


def _blocks(shown: Sequence[Shown]) -> Iterator[NDArray[np.float32]]:
    """Yield the spots of all sections, a block of genes at a time [n, b]."""
    spots, genes = sum(len(part.totals) for part in shown), len(shown[0].columns)
    width = max(NARROWEST, BLOCK_NUMBERS // max(1, spots))
    edges = np.linspace(0, genes, 1 + max(1, -(-genes // width))).astype(int).tolist()
    for start, stop in pairwise(edges):
        yield np.concatenate([part.block(start, stop) for part in shown])


def _figures(values: NDArray[np.float32], *, linear: bool) -> tuple[NDArray[Any], ...]:
    varies = values.max(axis=0) > values.min(axis=0)
    if linear:
        counts = np.ascontiguousarray(np.expm1(values))  # rows side by side: added up spot after spot, as scanpy does
        mean = counts.mean(axis=0, dtype=np.float64)
        variance = (counts * counts).mean(axis=0, dtype=np.float64) - mean**2
        return varies, mean, variance * (len(values) / max(1, len(values) - 1))
    values = np.asfortranarray(values)
    return varies, values.mean(axis=0).astype(np.float64), values.var(axis=0).astype(np.float64)


def dispersion(mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how dispersed each gene is among genes of like mean [G]; -inf where that has no value.

    The log of variance by mean, standardised within 20 bins of equal width of the log of the mean; a gene alone in its
    bin is divided by its own dispersion instead. This is the flavour ``seurat`` of scanpy, after Satija et al., Nat
    Biotechnol 2015;33:495-502, doi:10.1038/nbt.3192.

    Parameters
    ----------
    mean, variance
        Of counts per 10,000 [G].
    """
    import pandas as pd

    mean = np.where(mean == 0, 1e-12, mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = variance / mean
        spread = pd.Series(np.log(np.where(ratio == 0, np.nan, ratio)))
        groups = spread.groupby(pd.cut(pd.Series(np.log1p(mean)), bins=BINS), observed=True)
        centre, width = groups.transform("mean"), groups.transform("std")
        alone = width.isna()
        normalised = (spread - centre.mask(alone, 0)) / width.mask(alone, centre)
    found: NDArray[np.float64] = np.nan_to_num(normalised.to_numpy(dtype=np.float64), nan=-np.inf)
    return found
