"""Numerics of spectra, shared by transforms: bags, percentiles, low rank, Hilbert transform, baseline.

Instances are packed, [N, C, H, W] with offsets [B + 1]: bag b has rows ``offsets[b]`` to ``offsets[b + 1]``. ``P`` is a
number of pixels. What is computed for a bag depends on no other bag.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import torch

from zoo.errors import DataError

BYTES_AT_ONCE = 2**28
DOUBLE = 8


def instances_of(batch: Mapping[str, Any]) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """Return the instances [N, C, H, W] of a batch, and the first and last row of each bag that is not empty.

    Raises
    ------
    DataError
        The batch has no bags.
    """
    if "instances" not in batch or "offsets" not in batch:
        raise DataError(
            "a transform of spectra needs bags of tiles (instances and offsets); use data that provide them"
        )
    ends = batch["offsets"].tolist()
    return batch["instances"], [(start, end) for start, end in pairwise(ends) if end > start]


def chunks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Yield slices of so many rows that each takes a bounded number of bytes."""
    step = max(1, BYTES_AT_ONCE // max(1, bytes_per_row))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def low_rank(instances: torch.Tensor, bags: list[tuple[int, int]], rank: int) -> torch.Tensor:
    """Return the instances [N, C, H, W] with the pixels x bands matrix of each bag replaced by its best of a rank.

    The projection on the leading right singular vectors, taken from the bands x bands matrix in double precision: the
    cost is linear in the number of pixels, and the memory beside the result is bounded.
    """
    count, bands, height, width = instances.shape
    spectra = instances.flatten(2)
    per_row = DOUBLE * bands * (height * width + bands)
    grams = torch.zeros(len(bags), bands, bands, dtype=torch.float64, device=instances.device)
    bag = _bag_of_row(bags, count, instances.device)
    for rows in chunks(count, per_row):
        part = spectra[rows].double()
        grams.index_add_(0, bag[rows], part @ part.mT)
    leading = torch.linalg.eigh(grams)[1][:, :, -rank:]
    keep = (leading @ leading.mT).to(instances.dtype)
    result = torch.empty_like(spectra, memory_format=torch.contiguous_format)
    for rows in chunks(count, per_row):
        result[rows] = keep[bag[rows]] @ spectra[rows]
    return result.view(count, bands, height, width)


def _bag_of_row(bags: list[tuple[int, int]], count: int, device: torch.device) -> torch.Tensor:
    """Return the number of the bag that each row belongs to [N]."""
    bag = torch.zeros(count, dtype=torch.int64)
    for number, (start, end) in enumerate(bags):
        bag[start:end] = number
    return bag.to(device)


def percentiles(
    instances: torch.Tensor, bags: list[tuple[int, int]], percentile: float, *, bands_apart: bool
) -> torch.Tensor:
    """Return a percentile of the values of each bag, for each band [B, C] or for all together [B, 1].

    The nearest rank, so that it is a value of the bag and fifty is ``torch.median``.
    """
    found = []
    for start, end in bags:
        values = instances[start:end].transpose(0, 1).flatten(1)
        values = values if bands_apart else values.reshape(1, -1)
        rank = max(1, math.ceil(percentile / 100 * values.shape[1]))
        # one row at a time: a sort of all bands at once would hold the bag several times over
        found.append(torch.stack([row.kthvalue(rank).values for row in values]))
    return torch.stack(found)


def for_each_row(values: torch.Tensor, bags: list[tuple[int, int]], count: int) -> torch.Tensor:
    """Return values of bags [B, C] as a factor for their instances [N, C, 1, 1]."""
    return values[_bag_of_row(bags, count, values.device)][:, :, None, None]


def hilbert(values: torch.Tensor) -> torch.Tensor:
    """Return the Hilbert transform along the last axis [P, C], ``H[u](t) = 1/pi PV integral u(s) / (t - s) ds``.

    By FFT. The axis is lengthened to three times its length by half waves of a cosine that lead from either end to the
    mean of both, so that the ends do not meet in a step.
    """
    bands = values.shape[-1]
    first, last = values[..., :1], values[..., -1:]
    turn = torch.arange(bands, device=values.device, dtype=values.dtype) / bands
    fade = (1 - (math.pi * turn).cos()) / 2
    middle = (first + last) / 2
    before, after = middle + (first - middle) * fade, last + (middle - last) * fade
    long = torch.cat([before, values, after], dim=-1)
    spectrum = torch.fft.rfft(long)
    spectrum[..., 0] = 0
    if long.shape[-1] % 2 == 0:
        spectrum[..., -1] = 0
    turned: torch.Tensor = torch.fft.irfft(spectrum * -1j, n=long.shape[-1])
    return turned[..., bands : 2 * bands]


def baseline(values: torch.Tensor, *, span: float, asymmetry: float, rounds: int) -> torch.Tensor:
    """Return a smooth line under peaks [P, C], by asymmetric least squares.

    Minimises ``sum w (y - z)^2 + smoothness sum (second difference of z)^2``, with w = ``asymmetry`` where y lies above
    z and 1 - ``asymmetry`` below, reweighted ``rounds`` times. ``span`` is the share of the axis over which the line
    may vary by a whole wave; smoothness follows from it as ``(span C / 2 pi)^4``, at which a wave of that length is
    halved.

    References
    ----------
    Eilers, Anal. Chem. 2003;75:3631-3636, doi:10.1021/ac034173t, and Eilers and Boelens, Baseline correction with
    asymmetric least squares smoothing, Leiden University Medical Centre 2005.
    """
    target = values.mT.double().contiguous()
    smoothness = (span * len(target) / (2 * math.pi)) ** 4
    weights = torch.ones_like(target)
    line = target
    for _ in range(rounds):
        line = _smoothed(target, weights, smoothness)
        weights = torch.where(target > line, asymmetry, 1 - asymmetry).to(target)
    return line.mT.to(values.dtype)


def _smoothed(target: torch.Tensor, weights: torch.Tensor, smoothness: float) -> torch.Tensor:
    """Solve ``(diag(w) + smoothness D'D) z = w y`` for many columns [C, P] at once, D the second difference.

    Factor L D L' of a matrix with five diagonals; the loop is over bands, every step over all columns.
    """
    bands = len(target)
    difference = torch.zeros(max(bands - 2, 1), bands, dtype=torch.float64)
    for row in range(bands - 2):
        difference[row, row : row + 3] = torch.tensor([1.0, -2.0, 1.0], dtype=torch.float64)
    penalty = smoothness * difference.T @ difference
    one = [*penalty.diagonal(1).tolist(), 0.0]
    two = [*penalty.diagonal(2).tolist(), 0.0, 0.0]
    main = weights + penalty.diagonal().to(target.device)[:, None]
    line = weights * target
    pivots: list[torch.Tensor] = []
    nears: list[torch.Tensor] = []
    fars: list[torch.Tensor] = []
    for band in range(bands):
        pivot, near = main[band], one[band]
        if band > 0:
            pivot = pivot - pivots[-1] * nears[-1] ** 2
            near = near - pivots[-1] * nears[-1] * fars[-1]
            line[band] -= nears[-1] * line[band - 1]
        if band > 1:
            pivot = pivot - pivots[-2] * fars[-2] ** 2
            line[band] -= fars[-2] * line[band - 2]
        pivots.append(pivot)
        nears.append(near / pivot)
        fars.append(two[band] / pivot)
    for band in reversed(range(bands)):
        line[band] /= pivots[band]
        if band + 1 < bands:
            line[band] -= nears[band] * line[band + 1]
        if band + 2 < bands:
            line[band] -= fars[band] * line[band + 2]
    return line
