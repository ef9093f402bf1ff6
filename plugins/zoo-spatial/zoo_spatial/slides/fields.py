"""Square fields of view cut from one level of an image, whatever the level is stored in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 16 * 2**20  # bytes of fields that are resized together: in floats they take four times as much


class Level(Protocol):
    """A copy of an image at one resolution."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width first."""

    def window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return [height, width, 3] of a window that lies inside the level."""


def geometry(centres_px: NDArray[np.float32], field_px: float, scale: float) -> tuple[NDArray[np.int64], int]:
    """Return the upper left corners [n, 2] (x, y) and the side of fields in pixels of a level.

    ``scale`` is the width of a pixel of the level in pixels of the image. An odd field has its centre's own pixel in
    its middle, an even one has the centre between its middle pixels.
    """
    side = max(1, round(field_px / scale))
    return np.floor(centres_px / scale - side / 2 + (0.5 if side % 2 else 0)).astype(np.int64), side


def cut(
    level: Level,
    corners: NDArray[np.int64],
    side: int,
    size: int,
    *,
    order: NDArray[np.int64] | None = None,
    release: Callable[[], None],
) -> torch.Tensor:
    """Cut fields and resize them, uint8 [n, 3, size, size], channels last in memory.

    ``order`` says in which order fields are read; they are returned in the order of ``corners``. ``release`` is called
    every few megabytes, to give back what reading took up. Where a field reaches over the edge of the level, the edge
    is repeated.
    """
    order = np.arange(len(corners)) if order is None else order
    fields = np.empty((len(corners), size, size, 3), dtype=np.uint8)
    most = max(1, AT_ONCE // (side * side * 3))
    for first in range(0, len(order), most):
        rows = order[first : first + most]
        raw = np.empty((len(rows), side, side, 3), dtype=np.uint8)
        for place, row in zip(raw, rows, strict=True):
            _copy(level, corners[row], place)
        release()
        same = side == size
        fields[rows] = raw if same else _channels_last(resized(torch.from_numpy(raw).permute(0, 3, 1, 2), size))
    return torch.from_numpy(fields).permute(0, 3, 1, 2)


def _channels_last(images: torch.Tensor) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = images.permute(0, 2, 3, 1).numpy()
    return found


def resized(images: torch.Tensor, size: int | tuple[int, int]) -> torch.Tensor:
    """Return uint8 images [n, C, H, W] resized to a square or (height, width), bilinear with anti-aliasing."""
    sides = (size, size) if isinstance(size, int) else size
    scaled = functional.interpolate(images.float(), size=sides, mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).to(torch.uint8)


def small_whole(level: Level, height: int, width: int) -> NDArray[np.uint8]:
    """Return a whole level resized to [height, width, 3], a channel at a time to spare memory."""
    whole = np.array(level.window(0, 0, level.shape[0], level.shape[1]))  # a copy: a map is read-only
    if whole.shape[:2] == (height, width):
        return whole
    channels = torch.from_numpy(whole).permute(2, 0, 1)[:, None]
    return torch.cat([resized(one[None], (height, width))[0] for one in channels]).permute(1, 2, 0).contiguous().numpy()


def proportions(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """Return height and width of an image whose longer side is brought down to ``longest``; never enlarged."""
    shrink = max(1.0, max(shape[:2]) / longest)
    return max(1, round(shape[0] / shrink)), max(1, round(shape[1] / shrink))


def _copy(level: Level, corner: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    (x, y), side, (height, width) = corner.tolist(), len(out), level.shape[:2]
    if 0 <= x <= width - side and 0 <= y <= height - side:
        out[:] = level.window(y, x, side, side)
        return
    rows = np.clip(np.arange(y, y + side), 0, height - 1)
    columns = np.clip(np.arange(x, x + side), 0, width - 1)
    top, left = int(rows[0]), int(columns[0])
    inside = level.window(top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left)
    out[:] = inside[np.ix_(rows - top, columns - left)]
