"""Pixels of other kinds turned into RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE = 255


def on_white(pixels: NDArray[np.uint8], *, premultiplied: bool = False) -> NDArray[np.uint8]:
    """Lay RGBA [..., 4] on white, which is what empty glass looks like; an opaque image keeps its values."""
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    if alpha.size == 0 or int(alpha.min()) == WHITE:
        return colour
    cover = alpha.astype(np.uint32)
    ink = colour.astype(np.uint32) * (WHITE if premultiplied else cover)
    laid: NDArray[np.uint8] = np.minimum((ink + WHITE * (WHITE - cover) + WHITE // 2) // WHITE, WHITE).astype(np.uint8)
    return laid


def from_ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn YCbCr [..., 3] of the full range (JFIF, ITU-T T.871) into RGB."""
    luma, blue, red = (pixels[..., channel].astype(np.float32) for channel in range(3))
    blue, red = blue - 128, red - 128
    found = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    rounded: NDArray[np.uint8] = np.rint(found).clip(0, WHITE).astype(np.uint8)
    return rounded
