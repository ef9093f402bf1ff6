"""How well the attention that the instances of a bag get agrees with which of them the label speaks of.

Attention is compared within a bag only: it adds up to one there, so that its height between bags says how many
instances they have. A bag in which no instance is true, or every one, holds nothing to find and has no value (NaN).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.scores.ranking import average_precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

SCORES = ("auprc", "prevalence", "pointing", "iou")


def pointing(attention: NDArray[Any], truth: Mask) -> float:
    """Return whether the most attended instance of a bag is true: 1 or 0, the share of true ones where several are.

    References
    ----------
    The pointing game of Zhang et al., IJCV 126:1084 (2018), doi:10.1007/s11263-017-1059-x, with instances for pixels.
    """
    return float(truth[attention == attention.max()].mean())


def iou(attention: NDArray[Any], truth: Mask) -> float:
    """Return intersection over union of truth and the instances that get more than an even share of a bag's attention.

    The even share is 1/n of the bag's attention (its mean), a threshold that looks at no truth. Attention that is the
    same for all selects nothing and scores 0.
    """
    attention = attention.astype(np.float64)
    selected = attention > attention.mean()
    return float((selected & truth).sum() / (selected | truth).sum())


def by_bag(attention: NDArray[Any], truth: Mask, size: NDArray[np.int64]) -> dict[str, Floats]:
    """Return :data:`SCORES` of each bag [n], NaN where there is nothing to find.

    Parameters
    ----------
    attention, truth
        Of the instances of all bags, one bag after the other [N].
    size
        Instances of each bag [n].

    Returns
    -------
    ``auprc``, the average precision of attention (:func:`~zoo.scores.ranking.average_precision`); ``prevalence``, the
    share m/n of true instances, which is what even attention reaches; :func:`pointing`; :func:`iou`. Attention drawn by
    chance reaches more than the prevalence, by (n - m)(H - 1) / (n(n - 1)) with H = 1 + 1/2 + ... + 1/n: little in a
    bag of hundreds, 0.27 where one instance of four is true.

    References
    ----------
    Chance level: Bestgen, Prague Bull. Math. Linguist. 103:131 (2015), doi:10.1515/pralin-2015-0007.
    """
    found = {name: np.full(len(size), np.nan) for name in SCORES}
    ends = np.cumsum(size)
    for bag, (start, end) in enumerate(zip(ends - size, ends, strict=True)):
        here, true = attention[start:end], truth[start:end]
        if not true.any() or true.all():
            continue
        values = float(average_precision(true, here)), float(true.mean()), pointing(here, true), iou(here, true)
        for name, value in zip(SCORES, values, strict=True):
            found[name][bag] = value
    return found


def nowhere(bags: int) -> dict[str, Floats]:
    """Return :data:`SCORES` of bags in which nothing can be found [n]: all NaN."""
    return {name: np.full(bags, np.nan) for name in SCORES}
