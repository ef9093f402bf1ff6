"""Expression of the nearest known spots, weighted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch.nn import functional

from zoo.errors import DataError, UsageError
from zoo_spatial.search import BUDGET, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

TINY = 1e-12
LARGEST_CHUNK = 4096
DENSE = 32
"""How many times as many spots as neighbours a product of matrices may have to be faster than summing neighbours."""


@dataclass(frozen=True, slots=True)
class Retrieve:
    """How neighbours are found and weighted.

    Attributes
    ----------
    key
        Which embedding of the known spots is searched: their ``spot`` or their ``image``.
    k
        How many neighbours; all where there are fewer.
    weight
        ``mean``; ``inverse-square`` of the distance; or ``softmax`` of cosine / temperature.
    distance
        Of ``inverse-square``, between embeddings as they are: ``l1`` (published for her2st) or ``l2``.
    temperature
        Of ``softmax``.
    budget_mb
        Memory in MB that retrieval may use beyond the bank and what it returns; 1000 where not given.
    device
        Where the search runs, ``cpu`` or ``cuda``; on CUDA where there is one if not given. What is found is the same.
    """

    key: Literal["spot", "image"] = "spot"
    k: int = 50
    weight: Literal["mean", "inverse-square", "softmax"] = "inverse-square"
    distance: Literal["l1", "l2"] = "l2"
    temperature: float = 0.1
    budget_mb: float | None = None
    device: Literal["cpu", "cuda"] | None = None

    def __post_init__(self) -> None:
        """Refuse what finds no neighbours."""
        if self.k < 1:
            raise ValueError(f"k is a number of neighbours of at least 1, not {self.k}")
        if not self.temperature > 0:
            raise ValueError(f"temperature is greater than 0, not {self.temperature}")
        _bytes_of(self.budget_mb)


def retrieve(
    queries: NDArray[np.float32], keys: NDArray[Any], values: NDArray[Any], how: Retrieve
) -> NDArray[np.float32]:
    """Return the weighted mean of the values of each query's nearest keys by cosine.

    Parameters
    ----------
    queries
        Embeddings [n, D].
    keys, values
        Embeddings [m, D] and expression [m, G] of known spots, in float32 or float16; each may be a ``numpy.memmap``,
        of which only the rows of neighbours are read at a time.
    how
        Neighbours and weights.

    Returns
    -------
    Expression [n, G], summed in float32. Memory is bounded by ``how.budget_mb``.

    Raises
    ------
    DataError
        If there are no keys, not as many values as keys, or an embedding is not finite.
    UsageError
        If CUDA is asked for and not there.
    ValueError
        If the budget does not suffice to search at all.
    """
    if len(keys) != len(values):
        raise DataError(
            f"a bank has {len(keys)} keys but expression of {len(values)} spots: both are of the same spots"
        )
    budget, k, device = _bytes_of(how.budget_mb), min(how.k, len(keys)), _device(how.device)
    found = np.empty((len(queries), values.shape[1]), np.float32)
    # neighbours and weights of a chunk take a quarter of the budget, the search of them the rest
    step = max(1, int(budget // 4 // (24 * max(k, 1))))
    for start in range(0, len(queries), step):
        chunk = queries[start : start + step]
        cosine, index = nearest(chunk, keys, how.k, budget_bytes=budget * 3 / 4, device=device)
        weights = _weights(chunk, keys, cosine, index, how)
        _weighted_mean(values, index, weights, found[start : start + step], budget // 2)
    return found


def _device(wanted: str | None) -> str:
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UsageError("task.retrieve.device is cuda, and no CUDA device is there; leave it out, or say cpu")
    return wanted or ("cuda" if there else "cpu")


def _bytes_of(budget_mb: float | None) -> float:
    if budget_mb is None:
        return BUDGET
    if not 0 < budget_mb < math.inf:
        raise ValueError(f"budget_mb is a number of megabytes greater than 0, not {budget_mb}: 1000 is usual")
    return budget_mb * 1e6


def _weights(
    queries: NDArray[np.float32], keys: NDArray[Any], cosine: NDArray[Any], index: NDArray[Any], how: Retrieve
) -> torch.Tensor:
    """Return the share of each neighbour [n, k]."""
    if how.weight == "mean":
        weights = torch.ones(cosine.shape)
    elif how.weight == "softmax":
        near = torch.from_numpy(cosine)
        weights = ((near - near[:, :1]) / how.temperature).exp()
    else:
        gaps = _gaps(queries, keys, index, order=1 if how.distance == "l1" else 2)
        weights = 1 / (gaps**2 + TINY)  # a spot that is met exactly takes all the weight instead of dividing by zero
    return weights.div_(weights.sum(dim=1, keepdim=True))


def _gaps(queries: NDArray[np.float32], keys: NDArray[Any], index: NDArray[Any], order: int) -> torch.Tensor:
    """Return the distance of each neighbour, between embeddings as they are [n, k]."""
    gaps = torch.empty(index.shape)
    width = LARGEST_CHUNK  # few enough vectors to stay in cache
    for row, query in enumerate(queries):
        asked = torch.from_numpy(np.array(query, dtype=np.float32))
        for start in range(0, index.shape[1], width):
            near = torch.from_numpy(keys[index[row, start : start + width]].astype(np.float32, copy=False))
            gaps[row, start : start + width] = torch.linalg.vector_norm(near.sub_(asked), ord=order, dim=1)
    return gaps


def _weighted_mean(
    values: NDArray[Any], index: NDArray[Any], weights: torch.Tensor, out: NDArray[np.float32], budget: float
) -> None:
    """Add up weighted rows of values into ``out`` [n, G], reading each row once a chunk and forwards."""
    k, wide = index.shape[1], values.shape[1]
    # a row is held as it is stored, as float32, and once more where fancy indexing reads a file
    fit = max(1, int(budget // (16 * max(wide, 1))))
    across = min(k, fit)
    step = min(max(1, fit // across), LARGEST_CHUNK)
    out[:] = 0
    for start in range(0, len(index), step):
        rows = slice(start, start + step)
        for left in range(0, k, across):
            part = slice(left, left + across)
            out[rows] += _sum_of(values, index[rows, part], weights[rows, part].contiguous()).numpy()


def _sum_of(values: NDArray[Any], index: NDArray[Any], weights: torch.Tensor) -> torch.Tensor:
    rows, place = np.unique(index, return_inverse=True)
    known = torch.from_numpy(np.asarray(values[rows], dtype=np.float32))
    at = torch.from_numpy(place.reshape(index.shape))
    if len(rows) <= DENSE * index.shape[1]:
        return torch.zeros(len(index), len(rows)).scatter_add_(1, at, weights) @ known
    return functional.embedding_bag(at, known, per_sample_weights=weights, mode="sum")
