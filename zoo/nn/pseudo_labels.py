"""Labels of instances made from what a model says of them and from the labels of their bags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Choosing:
    """Which instances get a label of their own.

    Attributes
    ----------
    keep
        Share of the instances in bags with a label that are taken to show it: those with the most evidence.
    drop
        Share that are taken not to show it: those with the least. Of what lies between nothing is said.
    labels
        ``hard`` for 1, 0 and unknown; ``soft`` for the evidence of each instance over the threshold of its class, at
        most 1, and nothing unknown.
    attention
        Exponent of the attention in the evidence; 0 leaves confidence alone.
    none_class
        The class of instances that show none of the labels of their bag (``Negative``), where there is one.
    """

    keep: float = 0.6
    drop: float = 0.2
    labels: Literal["hard", "soft"] = "hard"
    attention: float = 1.0
    none_class: str | None = None

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing, or overlap."""
        if not (0 < self.keep <= 1 and 0 <= self.drop < 1 and self.keep + self.drop <= 1):
            raise ValueError(f"keep and drop are shares that add up to 1 at most, not {self.keep} and {self.drop}")
        if not self.attention >= 0:
            raise ValueError(f"attention is an exponent from 0, not {self.attention}")


def evidence(outputs: Mapping[str, NDArray[Any]], sizes: NDArray[np.int64], power: float) -> Floats:
    """Return attention x confidence of each instance and class [N, K].

    Confidence is the probability ``sigmoid(instance)``. Attention counts relative to even attention over the bag
    (``attention`` [N], or ``class_attention`` [N, K], times the size of the bag), at most 1, to a power: less than an
    even share speaks against an instance, more does not speak for it beyond its confidence.
    """
    confidence = (1 + np.tanh(outputs["instance"].astype(np.float64) / 2)) / 2  # a sigmoid that does not overflow
    given = outputs.get("class_attention", outputs["attention"][:, None])
    relative = np.clip(given * np.repeat(sizes, sizes)[:, None], 0, 1)
    return np.asarray(confidence * relative**power, np.float32)


def pseudo_labels(
    found: Floats, label_sets: NDArray[np.int8], sizes: NDArray[np.int64], choosing: Choosing, none: int | None
) -> Floats:
    """Return a label for each instance and class [N, K] in [0, 1], NaN where nothing is said.

    A class that the bag does not have is 0. Of a class that it has, thresholds are the quantiles of the evidence over
    all instances in bags with it, so that each class has its own; in every such bag the instance with the most evidence
    is taken to show it, because the label has to come from somewhere. With ``none`` the class of that number is 1 for
    an instance that shows none of its bag's labels, 0 for one that shows any, unknown between. A bag whose labels are
    not known (-1) says nothing.

    Parameters
    ----------
    found
        Evidence [N, K].
    label_sets
        [B, K] of 1, 0 and -1.
    sizes
        Instances of each bag [B].
    choosing
        How.
    none
        Number of the class of instances that show nothing.
    """
    bag = np.repeat(np.arange(len(sizes)), sizes)
    said = np.zeros(found.shape, np.float32)
    for k in range(found.shape[1]):
        inside = np.flatnonzero(label_sets[bag, k] == 1)
        if len(inside):
            said[inside, k] = _of_class(found[inside, k], bag[inside], choosing)
    if none is not None:
        others = label_sets[bag] == 1
        others[:, none] = False
        shown = np.where(others, said, 0)
        has = np.any(np.nan_to_num(shown) >= 0.5, axis=1)  # noqa: PLR2004 - a soft label that speaks for it
        open_ = np.isnan(shown).any(axis=1) & ~has
        own = label_sets[bag, none] == 1
        marked = np.where(has, 0.0, np.where(open_, np.nan, 1.0))
        said[:, none] = np.where(own, 1.0, marked)
    said[(label_sets[bag] < 0).any(axis=1)] = np.nan
    return said


def _of_class(found: Floats, bag: NDArray[np.int64], choosing: Choosing) -> Floats:
    """Return the labels of instances in bags that have the class."""
    said: Floats
    high = np.quantile(found, 1 - choosing.keep)
    if choosing.labels == "soft":
        said = np.asarray(np.clip(found / max(float(high), 1e-6), 0, 1), np.float32)
    else:
        low = np.quantile(found, choosing.drop)
        said = np.asarray(np.where(found >= high, 1.0, np.where(found < low, 0.0, np.nan)), np.float32)
    order = np.lexsort((-found, bag))
    firsts = order[np.flatnonzero(np.concatenate([[True], bag[order][1:] != bag[order][:-1]]))]
    said[firsts] = 1.0
    return said
