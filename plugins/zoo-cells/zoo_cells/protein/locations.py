"""The places of a cell that the Human Protein Atlas tells apart, and what its four stains show."""

from __future__ import annotations

LOCATIONS = (
    "Nucleoplasm",
    "Nuclear membrane",
    "Nucleoli",
    "Nucleoli fibrillar center",
    "Nuclear speckles",
    "Nuclear bodies",
    "Endoplasmic reticulum",
    "Golgi apparatus",
    "Intermediate filaments",
    "Actin filaments",
    "Microtubules",
    "Mitotic spindle",
    "Centrosome",
    "Plasma membrane",
    "Mitochondria",
    "Aggresome",
    "Cytosol",
    "Vesicles and punctate cytosolic patterns",
    "Negative",
)
"""The 19 classes of the single-cell challenge of 2021 (Le et al. 2022, doi:10.1038/s41592-022-01606-z), by number."""

NEGATIVE = LOCATIONS.index("Negative")

STAINS = {"red": "microtubules", "green": "protein", "blue": "nucleus", "yellow": "er"}
"""Colour in the name of a file -> what that channel shows, in the order of the channels of a field."""

CHANNELS = tuple(STAINS.values())
