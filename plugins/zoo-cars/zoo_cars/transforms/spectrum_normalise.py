"""``spectrum-normalise``: the shape of each pixel's spectrum, without its strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from zoo_cars.spectra import instances_of

LEAST = 1e-12


class SpectrumNormalise:
    """Bring the spectrum of every pixel to one scale: ``instances`` [N, C, H, W].

    A spectrum without any signal (all zero, or constant for ``snv``) becomes zero. How much of a substance there is
    goes lost, and what is left of pixels without signal is noise at full strength.

    Parameters
    ----------
    by
        ``l2`` divides by the root of the sum of squares over bands, ``max`` by the largest absolute value, ``snv``
        (standard normal variate) takes the mean over bands away and divides by the standard deviation over them.

    Raises
    ------
    DataError
        The batch has no bags.

    References
    ----------
    Barnes, Dhanoa and Lister, Appl. Spectrosc. 1989;43:772-777, doi:10.1366/0003702894202201 (``snv``).
    """

    def __init__(self, *, by: Literal["l2", "max", "snv"] = "l2") -> None:
        self.by = by

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with normalised instances; nothing is drawn."""
        del generator
        instances, _ = instances_of(batch)
        if self.by == "snv":
            instances = instances - instances.mean(dim=1, keepdim=True)
            scale = instances.square().sum(dim=1, keepdim=True).div(max(1, instances.shape[1] - 1)).sqrt()
        elif self.by == "max":
            scale = instances.abs().amax(dim=1, keepdim=True)
        else:
            scale = torch.linalg.vector_norm(instances, dim=1, keepdim=True)
        return {**batch, "instances": torch.where(scale > LEAST, instances / scale.clamp_min(LEAST), 0.0)}
