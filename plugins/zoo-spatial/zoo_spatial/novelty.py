"""How far a patch lies from anything that a model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays

MOST = 5_000
PERCENTILE = 95
LEAST_REACH = 1e-6
LEAST_SPREAD = 1e-6
CHUNK = 512


def remember(features: NDArray[np.float32], sections: Sequence[str]) -> Arrays:
    """Return what :func:`of` needs of the training patches.

    Parameters
    ----------
    features
        Their features before the projection into the joint space [m, F].
    sections
        The section of each.

    Returns
    -------
    ``seen``, at most 5,000 of the features, evenly taken, each standardised with ``seen_mean`` and ``seen_spread`` [F],
    in half precision; and ``reach`` [1], the 95th percentile of the distance between a patch and the nearest patch of
    any other section: as far as one section lies from the others as a matter of course. With one section it is the
    distance between every second patch and the nearest of those between.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + LEAST_SPREAD
    step = -(-len(features) // MOST)
    seen = ((features[::step] - mean) / spread).astype(np.float16)
    of_section = np.asarray(sections)[::step]
    names = np.unique(of_section)
    if len(names) > 1:
        distances = np.concatenate([_nearest(seen[of_section == n], seen[of_section != n]) for n in names])
    else:
        distances = _nearest(seen[::2], seen[1::2]) if len(seen) > 1 else np.ones(1, dtype=np.float32)
    reach = np.array([max(float(np.percentile(distances, PERCENTILE)), LEAST_REACH)], dtype=np.float32)
    return {"seen": seen, "seen_mean": mean, "seen_spread": spread, "reach": reach}


def of(features: NDArray[np.float32], bank: Arrays) -> NDArray[np.float32]:
    """Return the novelty of patches [n] from their features [n, F].

    The distance to the nearest training patch, in units of ``reach``. Up to 1 a patch is no farther from what the model
    has seen than training sections are from each other; a prediction far above 1 is a guess. Features are those before
    the projection, because the joint space has no room for what is unlike all it was trained on: there, noise lies as
    near as tissue (docs/results.md). Nearest neighbours of features of a network tell inputs of another kind apart (Sun
    et al., ICML 2022, arXiv:2204.06507); ours are standardised instead of made unit vectors, because length tells too.
    """
    standard = (features - bank["seen_mean"]) / bank["seen_spread"]
    novelty: NDArray[np.float32] = _nearest(standard, bank["seen"]) / bank["reach"][0]
    return novelty


def _nearest(queries: NDArray[np.floating], keys: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the Euclidean distance of each query to the nearest key [n]."""
    known = keys.astype(np.float32)
    squares = np.einsum("ij,ij->i", known, known)
    found = np.empty(len(queries), dtype=np.float32)
    for start in range(0, len(queries), CHUNK):
        some = queries[start : start + CHUNK].astype(np.float32)
        nearest = np.argmin(squares - 2 * some @ known.T, axis=1)
        # the distance itself is taken anew: of the products above little is left where two are alike
        found[start : start + CHUNK] = np.linalg.norm(some - known[nearest], axis=1)
    return found
