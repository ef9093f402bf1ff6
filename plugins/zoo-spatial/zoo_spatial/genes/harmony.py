"""Harmony: differences between sections taken out of the expression of a panel's genes (an extra, GPL-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.contracts import Terms
from zoo.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

SPOTS_A_CLUSTER = 30
MOST_CLUSTERS = 100
SEED = 0
TERMS: Terms = {
    "name": "the program harmonypy",
    "licence": "gpl-3.0",
    "citation": "Korsunsky et al., Nat Methods 2019;16:1289-1296, doi:10.1038/s41592-019-0619-0",
    "source": "https://pypi.org/project/harmonypy",
    "when": "correct",
}
"""What data bring whose sections are corrected."""


def installed() -> ModuleType:
    """Return harmonypy.

    Raises
    ------
    MissingError
        It is not installed.
    """
    try:
        import harmonypy
    except ImportError as error:
        raise MissingError(
            "data.correct: harmony needs harmonypy (GPL-3, which is why it does not come by itself); "
            "pip install 'zoo-spatial[harmony]'"
        ) from error
    module: ModuleType = harmonypy
    return module


def corrected(parts: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return the expression of sections without the differences between them.

    Harmony (Korsunsky et al., Nat Methods 2019;16:1289-1296, doi:10.1038/s41592-019-0619-0) is run on the expression of
    the genes themselves and not on principal components, with the section as the batch, as the published code of HECLIP
    does (doi:10.1093/bioinformatics/btaf363). Its seed is fixed: the same sections in the same order give the same
    numbers, on any number of threads. A spot that expresses no gene of the panel has no direction that could be
    corrected and stays zero.

    Parameters
    ----------
    parts
        Log-scaled expression of each section [n, G]; two or more.

    Raises
    ------
    MissingError
        harmonypy is not installed.
    """
    module = installed()
    values = np.concatenate(parts)
    section = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    kept = values.any(axis=1)
    if len(np.unique(section[kept])) > 1:
        clusters = min(max(round(int(kept.sum()) / SPOTS_A_CLUSTER), 1), MOST_CLUSTERS)
        found = module.run_harmony(
            np.ascontiguousarray(values[kept].T),  # genes x spots; a square matrix is read so, whatever is meant
            {"section": section[kept]},
            ["section"],
            nclust=clusters,
            random_state=SEED,
            verbose=False,
        )
        values[kept] = found.Z_corr
    return np.split(values, np.cumsum([len(part) for part in parts])[:-1])
