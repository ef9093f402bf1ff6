"""How far a patch lies from anything that a model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_spatial.retrieval import nearest_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Arrays

MOST = 10_000
PERCENTILE = 95
LEAST_REACH = 1e-6


def remember(images: NDArray[np.float32], sections: Sequence[str]) -> Arrays:
    """Return what :func:`of` needs of the training patches.

    Parameters
    ----------
    images
        Their image embeddings [m, D].
    sections
        The section of each.

    Returns
    -------
    ``seen``, at most 10,000 of the embeddings, evenly taken; and ``reach`` [1], the 95th percentile of the distance
    (1 - cosine) between a patch and the nearest patch of any other section: as far as one section lies from the others
    as a matter of course. With one section it is the distance to the nearest other patch.
    """
    step = -(-len(images) // MOST)
    seen, of_section = np.ascontiguousarray(images[::step]), np.asarray(sections)[::step]
    names = np.unique(of_section)
    if len(names) > 1:
        gaps = [nearest_distance(seen[of_section == name], seen[of_section != name]) for name in names]
        distances = np.concatenate(gaps)
    else:
        distances = nearest_distance(seen[::2], seen[1::2]) if len(seen) > 1 else np.ones(1, dtype=np.float32)
    reach = max(float(np.percentile(distances, PERCENTILE)), LEAST_REACH)
    return {"seen": seen, "reach": np.array([reach], dtype=np.float32)}


def of(images: NDArray[np.float32], bank: Arrays) -> NDArray[np.float32]:
    """Return the novelty of patches [n] from their image embeddings [n, D]; a bank without ``seen`` has them as keys.

    The distance to the nearest training patch, in units of ``reach``. Up to 1 a patch is no farther from what the model
    has seen than training sections are from each other; a prediction far above 1 is a guess.
    """
    seen = bank["seen"] if "seen" in bank else bank["key"]
    novelty: NDArray[np.float32] = nearest_distance(images, seen) / bank["reach"][0]
    return novelty
