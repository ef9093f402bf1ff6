"""The images of a batch that belong to its items, for transforms that change them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

IMAGE_DIMENSIONS = 4


def map_images(batch: Mapping[str, Any], change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """Return the batch with every per-item image [B, C, H, W] changed, or of bags every instance [N, C, H, W].

    The fields of view of one item change alike (a patch and its neighbourhood turn together). Entries that several
    items share (those with an ``_index`` beside them) stay as they are.
    """
    rows = _rows(batch)
    return {
        name: change(value) if _is_image(name, value, batch) and len(value) == rows else value
        for name, value in batch.items()
    }


def _rows(batch: Mapping[str, Any]) -> int:
    """Return the number of images that change on their own: items, or where items are bags, instances."""
    if "offsets" in batch:
        return int(batch["offsets"][-1])
    if "id" in batch:
        return len(batch["id"])
    # a batch that was made up for a proof has no names
    return next((len(value) for name, value in batch.items() if _is_image(name, value, batch)), 0)


def _is_image(name: str, value: Any, batch: Mapping[str, Any]) -> bool:
    is_floating = isinstance(value, torch.Tensor) and value.is_floating_point()
    return is_floating and value.ndim == IMAGE_DIMENSIONS and f"{name}_index" not in batch


def draw(batch: Mapping[str, Any], generator: torch.Generator, columns: int) -> torch.Tensor:
    """Return uniform numbers [B or N, columns] on the CPU, so that a batch changes alike on every device."""
    return torch.rand(_rows(batch), columns, generator=generator)


def change_some(
    images: torch.Tensor, chosen: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return the images [B, C, H, W] of which those chosen [B] are changed; no more than these are touched."""
    rows = chosen.nonzero()[:, 0].to(images.device, non_blocking=True)
    return images.index_copy(0, rows, change(images.index_select(0, rows))) if len(rows) else images
