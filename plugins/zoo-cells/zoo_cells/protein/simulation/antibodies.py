"""Which locations each simulated protein has, as an antibody shows it: few common ones, many rare."""

from __future__ import annotations

import numpy as np

from zoo_cells.protein.locations import LOCATIONS, NEGATIVE

COMMON = {
    "Nucleoplasm": 24.0,
    "Cytosol": 20.0,
    "Vesicles and punctate cytosolic patterns": 9.0,
    "Mitochondria": 8.0,
    "Plasma membrane": 7.0,
    "Golgi apparatus": 6.0,
    "Nucleoli": 6.0,
    "Endoplasmic reticulum": 5.0,
    "Nuclear speckles": 4.0,
    "Nuclear bodies": 3.0,
}
"""How often a location is taken, relative to those that are not named here."""
TWO, THREE = 0.45, 0.2
"""Share of proteins that have a second location, and share of these that have a third."""


def deal(antibodies: int, *, rare: int, seed: int) -> list[tuple[int, ...]]:
    """Return the numbers of the locations of each protein, in their order.

    Every location is the first one of at least ``rare`` proteins where there are enough of them; a second and third one
    is mostly a common one. ``Negative`` stands alone.
    """
    rng = np.random.default_rng((seed, 0))
    weight = np.array([COMMON.get(name, 1.0) for name in LOCATIONS])
    least = min(rare, antibodies // len(LOCATIONS))
    first = np.repeat(np.arange(len(LOCATIONS)), least)
    more = rng.choice(len(LOCATIONS), antibodies - len(first), p=weight / weight.sum())
    weight[NEGATIVE] = 0
    drawn = []
    for one in rng.permutation(np.concatenate([first, more])):
        second, third = rng.random(2) < (TWO, THREE)
        further = 0 if one == NEGATIVE else int(second) + int(second and third)
        others = np.where(np.arange(len(weight)) == one, 0, weight)
        chosen = rng.choice(len(weight), further, replace=False, p=others / others.sum())
        drawn.append(tuple(sorted([int(one), *chosen.tolist()])))
    return drawn
