"""``svd-denoise``: what the spectra of a field have in common, without the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.errors import DataError
from zoo_cars.spectra import instances_of, low_rank


class SvdDenoise:
    """Replace the spectra of each bag by their best approximation of low rank: ``instances`` [N, C, H, W].

    The pixels x bands matrix of a bag is projected on its leading singular vectors, without taking the mean away.
    Substances mix linearly in stimulated Raman intensities, so that a few components hold the signal while the noise
    lies in all; in CARS they do not, and a few more are needed. A substance in very few pixels may go with the noise.

    Parameters
    ----------
    rank
        Components that are kept.

    Raises
    ------
    ValueError
        The rank is below 1.
    DataError
        The rank is above the number of bands, or the batch has no bags.

    References
    ----------
    Eckart and Young, Psychometrika 1936;1:211-218, doi:10.1007/BF02288367; for coherent Raman images Masia et al.,
    Anal. Chem. 2013;85:10820-10828, doi:10.1021/ac402303g. Ours keeps a fixed number of components.
    """

    def __init__(self, *, rank: int = 10) -> None:
        if rank < 1:
            raise ValueError(f"rank is a number of components of at least 1, not {rank}")
        self.rank = rank

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with denoised instances; nothing is drawn."""
        del generator
        instances, bags = instances_of(batch)
        if self.rank > instances.shape[1]:
            raise DataError(
                f"svd-denoise keeps {self.rank} components and the stack has {instances.shape[1]} bands; set rank lower"
            )
        return {**batch, "instances": low_rank(instances, bags, self.rank)}
