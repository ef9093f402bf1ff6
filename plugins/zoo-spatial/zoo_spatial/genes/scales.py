"""Counts of a section, dense or sparse, and the scales that expression is delivered on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

PER_SPOT = 10_000.0
PER_MILLION = 1_000_000.0

Scale = Literal["log1p", "cpm", "log10", "panel-log10"]
"""``log1p``: natural log of 1 + counts per 10,000 of the spot; ``cpm``: the same per million (as the paper of mclSTExp,
arXiv:2407.08216, says); ``log10``: per 10,000 to base 10; ``panel-log10``: counts per 10,000 of the panel's own genes,
base 10 (as the published code of mclSTExp and HisCMCL does)."""


def scaled(counts: NDArray[np.float32], scale: Scale, totals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return log-scaled counts [n, G]; a spot without counts becomes zeros."""
    per_spot = (PER_MILLION if scale == "cpm" else PER_SPOT) / np.where(totals > 0, totals, 1)
    values = np.log1p(counts * per_spot[:, None])
    if scale in ("log10", "panel-log10"):
        values /= np.log(10)
    return values.astype(np.float32)


def counts_in(section: Section) -> Any:
    """Return the counts of a section [n, genes], dense or sparse.

    Raises
    ------
    DataError
        It has none.
    """
    if section.counts is None:
        raise DataError(f"section {section.name} has no counts; only predictions can be made for it")
    return section.counts


def dense(counts: Any) -> NDArray[np.float32]:
    """Return a matrix, sparse or not, as a dense array of the same shape."""
    return np.asarray(counts.toarray() if hasattr(counts, "toarray") else counts, dtype=np.float32)


def columns_of(section: Section, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the counts of some genes [n, G] by their columns; zeros for a column of -1."""
    counts = counts_in(section)
    found = np.zeros((counts.shape[0], len(columns)), np.float32)
    there = columns >= 0
    found[:, there] = dense(counts[:, columns[there]])
    return found


def totals_of(section: Section) -> NDArray[np.float32]:
    """Return all transcripts of each spot [n]."""
    counts = counts_in(section)
    if hasattr(counts, "toarray"):
        totals = np.asarray(counts @ np.ones(counts.shape[1]))
    else:
        totals = counts.sum(axis=1, dtype=np.float64)
    return totals.astype(np.float32)
