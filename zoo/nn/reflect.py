"""Images continued beyond their border by reflection."""

from __future__ import annotations

import torch


def reflected(places: torch.Tensor, size: int) -> torch.Tensor:
    """Return which of ``size`` pixels stands at places before the first or beyond the last: whole numbers [N].

    The image is mirrored at its outermost pixels, which are not repeated (``BORDER_REFLECT_101`` of OpenCV, ``reflect``
    of numpy), over and over, so that any place has its pixel, however small the image.
    """
    period = max(2 * (size - 1), 1)
    return (size - 1) - (places.remainder(period) - (size - 1)).abs()
