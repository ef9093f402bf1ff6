"""Average precision of rows that come in bags, some of which were never found, for any number of weightings of bags.

Letters of shapes: ``m`` rows (cells), which lie packed bag after bag; ``n`` bags (images), of which ``size`` [n] says
how many rows each has; ``P`` positive rows; ``...`` weightings (none where no weights are given). A bag is weighted as
a whole, because its rows are not independent. Rows of equal score are taken together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.scores.weights import ratio, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Sizes = NDArray[np.int64]

FEW = 1_000
"""Positive rows up to which each is compared with all rows and counted by bag; sorting is quicker above."""
AT_ONCE = 4_000_000
"""Numbers that are held at once of pairs of rows, and of weighted rows."""


def average_precision(
    positive: Mask,
    score: NDArray[Any],
    size: Sizes,
    weight: NDArray[Any] | None = None,
    *,
    missed: NDArray[Any] | None = None,
    interpolated: bool = False,
) -> Floats:
    """Return the area under the precision-recall curve [...].

    Parameters
    ----------
    positive
        Which rows are positive [m].
    score
        Higher is more positive [m].
    size
        Rows of each bag [n], which add up to m.
    weight
        How often each bag counts [..., n].
    missed
        Positive things in each bag that no row stands for [n]: they lower recall, so that 1 is out of reach.
    interpolated
        Take for each recall the highest precision at that or a higher recall, as challenges of detection do.

    Returns
    -------
    NaN where there is nothing positive, missed or not.

    References
    ----------
    Interpolation: Everingham et al., IJCV 88:303 (2010), doi:10.1007/s11263-009-0275-4, over all points of the curve.
    Without it and without missed things it is :func:`zoo.scores.ranking.average_precision`.
    """
    counted = weights_of(weight, len(size))
    lacking = np.zeros(counted.shape[:-1]) if missed is None else counted @ np.asarray(missed, dtype=np.float64)
    if not positive.any():
        return ratio(np.zeros(counted.shape[:-1]), lacking)
    walk = _by_pairs if positive.sum() <= FEW else _by_order
    return walk(_Rows(positive, score, size, interpolated), counted, lacking)


class _Rows(NamedTuple):
    positive: Mask
    score: NDArray[Any]
    size: Sizes
    interpolated: bool


def _by_pairs(rows: _Rows, counted: Floats, lacking: Floats) -> Floats:
    """Count for each positive row what stands as high, bag by bag: the weights are one product of matrices then."""
    positive, score, size, interpolated = rows
    own = np.flatnonzero(positive)
    own = own[np.argsort(-score[own], kind="stable")]
    bag = np.repeat(np.arange(len(size)), size)
    gains, precisions = counted[..., bag[own]], np.empty((*counted.shape[:-1], len(own)))
    step = max(1, AT_ONCE // len(score))
    for start in range(0, len(own), step):
        high = score[:, None] >= score[own[start : start + step]]
        every = counted @ by_bag(high, size)
        hits = counted @ by_bag(high & positive[:, None], size)
        precisions[..., start : start + step] = np.divide(hits, every, out=np.zeros_like(hits), where=every > 0)
    return _area(gains, precisions, lacking, interpolated)


def by_bag(rows: NDArray[Any], size: Sizes) -> Floats:
    """Return the sum of the rows [m, ...] of each bag [n, ...]; a bag without rows has 0."""
    kind = np.int64 if rows.dtype.kind in "bui" else np.float64
    sums = np.zeros((len(rows) + 1, *rows.shape[1:]), dtype=kind)
    np.cumsum(rows, axis=0, out=sums[1:], dtype=kind)
    ends = np.cumsum(size)
    found: Floats = (sums[ends] - sums[ends - size]).astype(np.float64)
    return found


def _by_order(rows: _Rows, counted: Floats, lacking: Floats) -> Floats:
    """Walk down all rows by their score, a few weightings at a time."""
    positive, score, size, interpolated = rows
    order = np.argsort(-score, kind="stable")
    ranked, marked = score[order], positive[order]
    ends = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
    bag = np.repeat(np.arange(len(size)), size)[order]
    flat, absent = counted.reshape(-1, len(size)), lacking.reshape(-1)
    step, found = max(1, AT_ONCE // len(score)), [np.empty(0)]
    for start in range(0, len(flat), step):
        here = flat[start : start + step][:, bag]
        hits = np.cumsum(here * marked, axis=-1)[:, ends]
        every = np.cumsum(here, axis=-1)[:, ends]
        precision = np.divide(hits, every, out=np.zeros_like(hits), where=every > 0)
        gains = np.diff(hits, axis=-1, prepend=0)
        found.append(_area(gains, precision, absent[start : start + step], interpolated))
    return np.concatenate(found).reshape(counted.shape[:-1])


def _area(gains: Floats, precision: Floats, lacking: Floats, interpolated: bool) -> Floats:
    """Return the area [...] from the hits that each step adds and its precision [..., steps], highest score first."""
    if interpolated:
        # a step of no weight is no more precise than the one before it, so that it changes no maximum that counts
        precision = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    return ratio((gains * precision).sum(axis=-1), gains.sum(axis=-1) + lacking)
