"""Expression of the nearest known spots, weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 4096
TINY = 1e-12


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
    """

    key: Literal["spot", "image"] = "spot"
    k: int = 50
    weight: Literal["mean", "inverse-square", "softmax"] = "inverse-square"
    distance: Literal["l1", "l2"] = "l2"
    temperature: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what finds no neighbours."""
        if self.k < 1:
            raise ValueError(f"k is a number of neighbours of at least 1, not {self.k}")
        if not self.temperature > 0:
            raise ValueError(f"temperature is greater than 0, not {self.temperature}")


def retrieve(
    queries: NDArray[np.float32], keys: NDArray[np.float32], values: NDArray[np.float32], how: Retrieve
) -> NDArray[np.float32]:
    """Return the weighted mean of the values of each query's nearest keys by cosine.

    Parameters
    ----------
    queries
        Embeddings [n, D].
    keys, values
        Embeddings [m, D] and expression [m, G] of known spots.
    how
        Neighbours and weights.

    Returns
    -------
    Expression [n, G]. Memory is bounded: queries are taken in chunks.
    """
    known = torch.from_numpy(keys)
    unit = functional.normalize(known, dim=1)
    expression = torch.from_numpy(values)
    found = [
        _retrieve_chunk(torch.from_numpy(queries[start : start + CHUNK]), known, unit, expression, how)
        for start in range(0, len(queries), CHUNK)
    ]
    return torch.cat(found).numpy()


def _retrieve_chunk(
    queries: torch.Tensor, keys: torch.Tensor, unit: torch.Tensor, values: torch.Tensor, how: Retrieve
) -> torch.Tensor:
    cosine, index = (functional.normalize(queries, dim=1) @ unit.T).topk(min(how.k, len(keys)), dim=1)
    if how.weight == "mean":
        weights = torch.ones_like(cosine)
    elif how.weight == "softmax":
        weights = ((cosine - cosine[:, :1]) / how.temperature).exp()
    else:
        order = 1 if how.distance == "l1" else 2
        pairs = zip(queries, index, strict=True)
        gaps = torch.stack([torch.linalg.vector_norm(keys[i] - query, ord=order, dim=1) for query, i in pairs])
        weights = 1 / (gaps**2 + TINY)  # a spot that is met exactly takes all the weight instead of dividing by zero
    weights = weights / weights.sum(dim=1, keepdim=True)
    return torch.stack([w @ values[i] for w, i in zip(weights, index, strict=True)])
