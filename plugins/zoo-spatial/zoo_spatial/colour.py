"""Sections brought to one mean and spread of colour, with statistics of their own pixels alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

GLIMPSE = 16
MEAN = 150.0
SPREAD = 42.0


def levelling(patches: torch.Tensor) -> NDArray[np.uint8]:
    """Return what each value of each channel becomes [3, 256], so that patches have the common mean and spread.

    The transfer of Reinhard et al. (IEEE CGA 2001, doi:10.1109/38.946629) with fixed targets, per RGB channel instead
    of in l-alpha-beta, because only differences between sections have to go, not the look of the stain.

    Parameters
    ----------
    patches
        uint8 [n, 3, H, W] of one section.
    """
    values = patches.permute(1, 0, 2, 3).reshape(3, -1).float()
    mean, spread = values.mean(dim=1, keepdim=True), values.std(dim=1, keepdim=True).clamp_min(1.0)
    table = (torch.arange(256.0) - mean) / spread * SPREAD + MEAN
    levelled: NDArray[np.uint8] = table.round().clamp(0, 255).to(torch.uint8).numpy()
    return levelled


def recoloured(images: torch.Tensor, table: NDArray[np.uint8]) -> torch.Tensor:
    """Return uint8 images [n, 3, H, W] with every value looked up in the table of its channel [3, 256]."""
    pixels = images.permute(0, 2, 3, 1).numpy()
    changed = np.empty(pixels.shape, dtype=np.uint8)
    for channel in range(3):
        np.take(table[channel], pixels[..., channel], out=changed[..., channel])
    return torch.from_numpy(changed).permute(0, 3, 1, 2)
