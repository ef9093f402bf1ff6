"""Means, variances and covariances of genes over spots, and the errors between two matrices, in one pass.

Blocks of rows are summed in float32 about the mean of the block before, so that nothing large cancels, and merged in
float64. Let the means of blocks be m_b: what rounding costs grows with the sum of (m_b - m_{b-1})^2, which is at most
four times that of (m_b - m)^2, a part of the variance itself; so no order of spots makes it lose digits.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FEW = 2**21
"""Values up to which float64 copies are small, and faster than compiling."""

ROWS = 128
STRIPS, LEAST_GENES = 4, 1024
"""Genes are shared out among threads always in the same strips, so that the number of threads changes nothing."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Means, population variances and covariance of each gene [G], and the mean errors over all values."""

    mean_predicted: Floats
    mean_truth: Floats
    variance_predicted: Floats
    variance_truth: Floats
    covariance: Floats
    mse: float
    mae: float


def moments(predicted: NDArray[Any], truth: NDArray[Any]) -> Moments:
    """Return what two matrices [n, G] have in common and apart.

    Parameters
    ----------
    predicted, truth
        Of any floating type; a ``numpy.memmap`` is read in a few strips of genes. Large ones are taken as float32.

    References
    ----------
    Merging of blocks: Chan, Golub & LeVeque, Am. Stat. 37:242 (1983), doi:10.1080/00031305.1983.10483115.
    """
    return _at_once(predicted, truth) if truth.size <= FEW else _by_blocks(predicted, truth)


def _at_once(predicted: NDArray[Any], truth: NDArray[Any]) -> Moments:
    x, y = predicted.astype(np.float64), truth.astype(np.float64)
    error = x - y
    mse, mae = float((error * error).mean()), float(np.abs(error).mean())
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x -= mean_x
    y -= mean_y
    return Moments(mean_x, mean_y, (x * x).mean(axis=0), (y * y).mean(axis=0), (x * y).mean(axis=0), mse, mae)


def _by_blocks(predicted: NDArray[Any], truth: NDArray[Any]) -> Moments:
    spots, genes = truth.shape
    width = max(LEAST_GENES, -(-genes // STRIPS))
    strips = [slice(left, min(left + width, genes)) for left in range(0, genes, width)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        states, errors = zip(*threads.map(partial(_strip, predicted, truth), strips), strict=True)
    mean_x, mean_y, xx, yy, xy = np.concatenate(states, axis=1)
    mse, mae = np.sum(errors, axis=0) / truth.size
    return Moments(mean_x, mean_y, xx / spots, yy / spots, xy / spots, float(mse), float(mae))


def _strip(predicted: NDArray[Any], truth: NDArray[Any], strip: slice) -> tuple[Floats, Floats]:
    """Return what :func:`fold` gathers of some genes from all blocks of spots."""
    width, add = strip.stop - strip.start, compiled()
    as_they_are = all(m.dtype == np.float32 and m.flags.c_contiguous for m in (predicted, truth))
    room, state, errors = np.empty((5, width), np.float32), np.zeros((5, width)), np.zeros(2)
    shift = np.stack([_block(m[:ROWS, strip]).mean(axis=0) for m in (predicted, truth)])
    for start in range(0, len(truth), ROWS):
        rows = slice(start, start + ROWS)
        if as_they_are:
            x, y, left = _block(predicted[rows]), _block(truth[rows]), strip.start
        else:
            x, y, left = _block(predicted[rows, strip]), _block(truth[rows, strip]), 0
        add(x, y, left, start, shift, room, state, errors)
    return state, errors


def _block(matrix: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(matrix, dtype=np.float32)


@cache
def compiled() -> Callable[..., None]:
    """Return :func:`fold`, compiled for this processor."""
    import numba

    # sums may be taken in any order, so that they fit into vectors; what is not a number stays so
    make = numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
    found: Callable[..., None] = make(fold)
    return found


def fold(  # noqa: PLR0917 - what is compiled takes no keywords
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    left: int,
    before: int,
    shift: NDArray[np.float32],
    room: NDArray[np.float32],
    state: Floats,
    errors: Floats,
) -> None:
    """Add a block of rows of a strip of w genes to its state.

    Parameters
    ----------
    x, y
        Rows [r, G] of both matrices.
    left
        The first gene of the strip.
    before
        How many rows have been added.
    shift
        The means of the block before [2, w]; replaced by those of this one.
    room
        For the sums of this block [5, w].
    state
        Means of x and y, and sums of the products xx, yy, xy about them [5, w].
    errors
        Sums of squared and of absolute differences [2].
    """
    rows, width = x.shape[0], shift.shape[1]
    right = left + width
    room[:] = 0
    sx, sy, sxx, syy, sxy = room[0], room[1], room[2], room[3], room[4]
    cx, cy = shift[0], shift[1]
    # four rows at once, because loads and stores of the sums are what takes time
    for i in range(0, rows - 3, 4):
        x0, x1, x2, x3 = x[i, left:right], x[i + 1, left:right], x[i + 2, left:right], x[i + 3, left:right]
        y0, y1, y2, y3 = y[i, left:right], y[i + 1, left:right], y[i + 2, left:right], y[i + 3, left:right]
        square, absolute = np.float32(0), np.float32(0)
        for j in range(width):
            a, b = cx[j], cy[j]
            u0, u1, u2, u3 = x0[j] - a, x1[j] - a, x2[j] - a, x3[j] - a
            v0, v1, v2, v3 = y0[j] - b, y1[j] - b, y2[j] - b, y3[j] - b
            sx[j] += (u0 + u1) + (u2 + u3)
            sy[j] += (v0 + v1) + (v2 + v3)
            sxx[j] += (u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3)
            syy[j] += (v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3)
            sxy[j] += (u0 * v0 + u1 * v1) + (u2 * v2 + u3 * v3)
            d0, d1, d2, d3 = x0[j] - y0[j], x1[j] - y1[j], x2[j] - y2[j], x3[j] - y3[j]
            square += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
            absolute += (abs(d0) + abs(d1)) + (abs(d2) + abs(d3))
        errors[0] += square
        errors[1] += absolute
    for i in range(rows - rows % 4, rows):
        for j in range(width):
            u, v, d = x[i, left + j] - cx[j], y[i, left + j] - cy[j], x[i, left + j] - y[i, left + j]
            sx[j] += u
            sy[j] += v
            sxx[j] += u * u
            syy[j] += v * v
            sxy[j] += u * v
            errors[0] += d * d
            errors[1] += abs(d)
    share, both = rows / (before + rows), before * rows / (before + rows)
    for j in range(width):
        mx, my = np.float64(sx[j]) / rows, np.float64(sy[j]) / rows
        dx, dy = cx[j] + mx - state[0, j], cy[j] + my - state[1, j]
        state[0, j] += dx * share
        state[1, j] += dy * share
        state[2, j] += max(sxx[j] - mx * mx * rows, 0.0) + dx * dx * both
        state[3, j] += max(syy[j] - my * my * rows, 0.0) + dy * dy * both
        state[4, j] += sxy[j] - mx * my * rows + dx * dy * both
        cx[j] += np.float32(mx)
        cy[j] += np.float32(my)
