"""Exact nearest neighbours by cosine, for banks that are larger than memory.

A first product of low precision says which keys can be among the nearest at all, with a bound on its error; only these
are scored again. The second score is exact: unit vectors lie on a grid of 2^-26, so that their products and the sums
of these fit into float64 without rounding, in whatever order they are added. What is returned therefore depends
neither on how the work is cut nor on the number of threads.

Letters of shapes: ``n`` queries, ``m`` keys, ``D`` dimensions; ``r`` queries and ``c`` keys of one tile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUDGET = 10**9
GRID = 2.0**26
SHORTEST = 1e-12
GROUP = 16
ROWS, COLUMNS, SLICE, PIECE = 512, 32768, 2048, 1024
"""Queries and keys of a tile (in half precision it stays in cache), keys scored in full and vectors read at a time."""
LEAST_ROWS, LEAST_COLUMNS = 16, 512
FEW = 2**20
"""Pairs up to which a first product does not pay."""
NOTHING = torch.iinfo(torch.int64).min
LOW = 0xFFFFFFFF
WORDS = {torch.bfloat16: torch.int16, torch.float32: torch.int32}


def nearest(
    queries: NDArray[Any],
    keys: NDArray[Any],
    k: int,
    *,
    budget_bytes: float = BUDGET,
    device: str | torch.device = "cpu",
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the cosine [n, k] and the index [n, k] of each query's nearest keys, the nearest first.

    Parameters
    ----------
    queries, keys
        Vectors [n, D] and [m, D] of any length and of any floating type; a ``numpy.memmap`` is read block by block.
    k
        How many; m where there are fewer.
    budget_bytes
        Memory that may be used beyond the vectors given and what is returned.
    device
        Where products are computed.

    Returns
    -------
    Cosines (float32) and indices. Keys of the same cosine come in the order of their indices. The cosine of a vector
    of zeros is 0.

    Raises
    ------
    DataError
        If there are no keys, or a vector has a value that is not finite.
    ValueError
        If k is less than 1, vectors differ in length, or the budget does not suffice for the smallest tile.
    """
    if k < 1:
        raise ValueError(f"k is a number of neighbours of at least 1, not {k}")
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1]:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"queries {queries.shape} and keys {keys.shape} are not vectors of the same length")
    if not len(keys):
        raise DataError("there are no keys to search among: a bank needs at least 1 spot")
    k = min(k, len(keys))
    plan = plan_of(len(queries), len(keys), queries.shape[1], k, budget=budget_bytes, kind=torch.device(device).type)
    cosine, index = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), plan.queries):
        chunk = slice(start, start + plan.queries)
        found = _search(Vectors.read(queries[chunk], start, "query", device), keys, k, plan)
        cosine[chunk], index[chunk] = (part.cpu().numpy() for part in _unpack(found))
    return cosine, index


@dataclass(frozen=True, slots=True)
class Plan:
    """How the work is cut: queries kept at a time, rows and columns of a tile, the type of the first product."""

    queries: int
    rows: int
    columns: int
    first: torch.dtype | None


def plan_of(n: int, m: int, width: int, k: int, *, budget: float, kind: str = "cpu") -> Plan:
    """Return the largest tiles that a budget allows."""
    rows, columns = ROWS, COLUMNS
    while (rows > LEAST_ROWS or columns > LEAST_COLUMNS) and _bytes(rows, rows, columns, width, k) > budget:
        rows, columns = max(rows // 2, LEAST_ROWS), max(columns // 2, LEAST_COLUMNS)
    least = _bytes(rows, rows, columns, width, k)
    if least > budget:
        raise ValueError(
            f"a memory budget of {budget / 1e6:.3g} MB is too small to find the nearest {k} of {m} vectors of {width}"
            f" dimensions: give at least {np.ceil(least / 1e4) / 100:.2f} MB"
        )
    queries = rows + int((budget - least) // (_bytes(1, rows, columns, width, k) - _bytes(0, rows, columns, width, k)))
    # whoever is not among the highest of 2 k groups cannot be told from the others by groups
    first = n * m > FEW and min(columns, m) // GROUP >= 2 * k
    return Plan(queries, rows, columns, _faster(kind) if first else None)


def _bytes(queries: int, rows: int, columns: int, width: int, k: int) -> int:
    kept = queries * (6 * width + 40 * k)
    block = 2 * columns * 6 * width + 5 * PIECE * 4 * width  # twice, because libraries rearrange what they multiply
    tile = rows * columns * 5 + rows * _most(k) * 24 * GROUP
    full = (rows + SLICE) * width * 8 + 2 * rows * (SLICE + k) * 24
    return kept + block + tile + full


def _most(k: int) -> int:
    """Return how many candidates of a tile are scored one by one; a query with more is scored in full."""
    return 4 * k + 512


@cache
def _faster(kind: str) -> torch.dtype:
    """Return the type of which this machine multiplies matrices faster; the outcome is the same."""
    if kind != "cpu":
        return torch.float32
    took: dict[torch.dtype, float] = {}
    for dtype in (torch.float32, torch.bfloat16) * 3:
        one, other = torch.ones(256, 256, dtype=dtype), torch.ones(256, 4096, dtype=dtype)
        began = time.perf_counter()
        torch.mm(one, other)
        took[dtype] = min(took.get(dtype, np.inf), time.perf_counter() - began)
    return min(took, key=lambda dtype: took[dtype])


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors on the grid [c, D], and the same in half precision with rows of zeros to fill up the last group.

    No row of ``half`` lies farther than ``error`` from its unit vector; ``start`` is the number of the first.
    """

    unit: torch.Tensor
    half: torch.Tensor
    error: float
    start: int

    @classmethod
    def read(cls, vectors: NDArray[Any], start: int, what: str, device: str | torch.device) -> Vectors:
        """Make unit vectors of any, a piece at a time."""
        count, width = vectors.shape
        unit = torch.zeros(count, width, device=device)
        half = torch.zeros(-(-count // GROUP) * GROUP, width, device=device, dtype=torch.bfloat16)
        error = torch.zeros((), device=device)
        for first in range(0, count, PIECE):
            piece = torch.from_numpy(np.array(vectors[first : first + PIECE], dtype=np.float32)).to(device)
            length = torch.linalg.vector_norm(piece, dim=1, dtype=torch.float64)
            if not bool(length.isfinite().all()):
                bad = start + first + int(length.isfinite().logical_not().nonzero()[0, 0])
                raise DataError(
                    f"{what} {bad} has a value that is not finite, so that nothing is near it: leave it out"
                )
            piece.div_(length.clamp(min=SHORTEST).float()[:, None]).mul_(GRID).round_().div_(GRID)
            unit[first : first + PIECE] = piece
            half[first : first + len(piece)] = piece
            rounded = piece.sub_(half[first : first + len(piece)])
            error = torch.maximum(error, torch.linalg.vector_norm(rounded, dim=1).max())
        return cls(unit, half, float(error), start)


def _search(queries: Vectors, keys: NDArray[Any], k: int, plan: Plan) -> torch.Tensor:
    """Return the nearest keys of all queries, packed [n, k]."""
    best = torch.full((len(queries.unit), k), NOTHING, device=queries.unit.device)
    for start in range(0, len(keys), plan.columns):
        block = Vectors.read(keys[start : start + plan.columns], start, "key", best.device)
        for first in range(0, len(best), plan.rows):
            rows = slice(first, first + plan.rows)
            in_full = None
            if plan.first is not None:
                best[rows], in_full = _look(queries, block, rows, best[rows], plan.first)
            _score_in_full(queries.unit[rows], block, best[rows], in_full)
    return best


def _look(
    queries: Vectors, keys: Vectors, rows: slice, best: torch.Tensor, first: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge the keys of a tile that can be among the nearest; tell for which queries that was not possible [r].

    The k highest values always lie in the k groups of highest maximum, so the k-th highest maximum is one that the k-th
    highest value reaches. Numbers greater than 0 are ordered as the integers of the same bits, which are faster to
    compare; a group without any is never looked at, and a query whose bound is not above 0 is scored in full.
    """
    half = first is torch.bfloat16
    error, rounding = _bounds(queries, keys, half=half)
    one, other = (queries.half[rows][: len(best)], keys.half) if half else (queries.unit[rows], _padded(keys))
    score = torch.mm(one, other.T).view(WORDS[first]).view(len(best), GROUP, -1)
    top = score.amax(dim=1)
    least = torch.where(best[:, -1] == NOTHING, -torch.inf, _unpack(best[:, -1])[0])
    if keys.start == 0:
        reached = top.view(first).float().topk(best.shape[1], dim=1).values[:, -1]
        least = torch.maximum(least, reached - rounding * reached.abs() - error)
    cut = (least - error - rounding * (least - error).abs()).to(first)
    cut_bits = torch.where(cut > 0, cut.view(WORDS[first]), torch.iinfo(WORDS[first]).max)
    hit = top >= cut_bits[:, None]
    in_full = (cut <= 0) | (hit.sum(dim=1) > _most(best.shape[1]))
    row, group = (hit & ~in_full[:, None]).nonzero(as_tuple=True)
    which, place = (score[row, :, group] >= cut_bits[row, None]).nonzero(as_tuple=True)
    row, column = row[which], place * top.shape[1] + group[which]
    in_full |= torch.bincount(row, minlength=len(best)) > _most(best.shape[1])
    kept = ~in_full[row]
    row, column = row[kept], column[kept]
    packed = _pack(_score_pairs(queries.unit[rows], keys.unit, row, column), column + keys.start)
    return _merge(best, row, packed), in_full


def _bounds(queries: Vectors, keys: Vectors, *, half: bool) -> tuple[float, float]:
    """Return how far a first score may lie from the exact one before, and relatively by, its own rounding.

    |q'k' - qk| <= |q' - q| |k'| + |q| |k' - k|; adding D products of unit vectors in float32 errs by less than
    D 2^-22. Products of float32 may be of less precision where torch is told so: bfloat16, or TF32 (2^-10 each).
    """
    error = (queries.error + keys.error) * (1 + 2**-7) + (queries.unit.shape[1] + 8) * 2**-22
    return (error, 1.01 * 2**-8) if half else (error + 2**-9, 2**-23)


def _padded(keys: Vectors) -> torch.Tensor:
    lacking = len(keys.half) - len(keys.unit)
    return torch.cat([keys.unit, keys.unit.new_zeros(lacking, keys.unit.shape[1])]) if lacking else keys.unit


def _score_pairs(queries: torch.Tensor, keys: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
    score = torch.empty(len(row), dtype=torch.float64, device=row.device)
    for start in range(0, len(row), PIECE):
        part = slice(start, start + PIECE)
        score[part] = (queries[row[part]].double() * keys[column[part]].double()).sum(dim=1)
    return score


def _merge(best: torch.Tensor, row: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    count = torch.bincount(row, minlength=len(best))
    before = count.cumsum(0) - count
    table = best.new_full((len(best), int(count.max())), NOTHING)
    table[row, torch.arange(len(row), device=row.device) - before[row]] = packed
    return torch.cat([best, table], dim=1).topk(best.shape[1], dim=1).values


def _score_in_full(queries: torch.Tensor, keys: Vectors, best: torch.Tensor, which: torch.Tensor | None) -> None:
    """Merge all keys of a tile into the nearest of all or of some queries."""
    if which is not None and not bool(which.any()):
        return
    chosen = slice(None) if which is None else which.nonzero()[:, 0]
    wanted, found = queries[chosen].double(), best[chosen]
    for first in range(0, len(keys.unit), SLICE):
        score = wanted @ keys.unit[first : first + SLICE].double().T
        index = torch.arange(first, first + score.shape[1], device=score.device) + keys.start
        found = torch.cat([found, _pack(score, index)], dim=1).topk(best.shape[1], dim=1).values
    best[chosen] = found


def _pack(score: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return integers of the order of cosines as float32, then of falling indices: no two are the same."""
    bits = (score.float() + 0.0).view(torch.int32).long()  # -0 becomes 0
    return (torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits) << 32) | (LOW - index)


def _unpack(packed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    bits = packed >> 32
    cosine = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).int().view(torch.float32)
    return cosine, LOW - (packed & LOW)
