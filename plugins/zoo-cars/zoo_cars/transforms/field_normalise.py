"""``field-normalise``: every field on one scale, whatever its laser power and its gain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from zoo.errors import DataError
from zoo_cars.spectra import for_each_row, instances_of, percentiles

WHOLE = 100.0


class FieldNormalise:
    """Divide each bag by what is typical of it: ``instances`` [N, C, H, W].

    Takes differences of power, gain and focus between fields away, and looks at a field's own pixels and at nothing
    else. ``spectrum`` also takes away whatever the whole field has in common in a band, a substance that is everywhere
    included; ``level`` keeps it.

    Parameters
    ----------
    by
        ``spectrum`` divides each band by its own percentile over the pixels of the bag, ``level`` all bands by one
        number, the percentile over all values of the bag.
    percentile
        50 is the median; less is the background, more the strong structures.

    Raises
    ------
    ValueError
        The percentile lies outside 0 to 100.
    DataError
        The percentile of a bag is not above 0, as that of standardised instances is, or the batch has no bags.
    """

    def __init__(self, *, by: Literal["spectrum", "level"] = "spectrum", percentile: float = 50.0) -> None:
        if not 0 < percentile <= WHOLE:
            raise ValueError(f"percentile lies above 0 and at most at 100, not at {percentile}")
        self.by = by
        self.percentile = percentile

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with normalised instances; nothing is drawn."""
        del generator
        instances, bags = instances_of(batch)
        if not bags:
            return batch
        typical = percentiles(instances, bags, self.percentile, bands_apart=self.by == "spectrum")
        if not bool((typical > 0).all()):
            bag, band = (typical > 0).logical_not().nonzero()[0].tolist()
            raise DataError(
                f"field-normalise divides by percentile {self.percentile:g} of each field, which is "
                f"{float(typical[bag, band]):.3g} in band {band} of field {bag} of the batch; it has to be above 0, so "
                "deliver intensities that are not standardised, or take a higher percentile"
            )
        return {**batch, "instances": instances / for_each_row(typical, bags, len(instances))}
