"""Images of fields that tests make up or read, and what becomes of them in a transform."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import strategies as some

from zoo.batches import to_device

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
NOTHING_DRAWN = torch.Generator()


@some.composite
def images(draw):
    """Draw an image [B, C, H, W] in [0, 1]: noise of few or many levels, from nothing to the brightest."""
    shape = draw(some.tuples(some.integers(1, 3), some.integers(1, 4), some.integers(1, 40), some.integers(1, 40)))
    levels = draw(some.sampled_from([1, 2, 5, 256, 65536, 2**24]))
    low, high = sorted(draw(some.tuples(some.floats(0, 1, width=32), some.floats(0, 1, width=32))))
    noise = np.random.default_rng(draw(some.integers(0, 2**32 - 1))).integers(0, levels, shape) / max(1, levels - 1)
    return np.clip(low + (high - low) * noise, 0, 1).astype(np.float32)


IMAGES = images()


def applied(transform, image, **entries):
    """Return the images that come out of a transform, given as [B, C, H, W] of 8 or 16 bits or in [0, 1]."""
    image = torch.as_tensor(image)
    batch = {"id": [str(number) for number in range(len(image))], "image": image, **entries}
    return transform(to_device(batch, torch.device("cpu")), NOTHING_DRAWN)["image"]


def made(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def read(folder, pattern):
    """Return real images [n, C, H, W], or skip with the reason."""
    import tifffile

    files = sorted((DATA / folder).glob(pattern))
    if not files:
        pytest.skip(f"no {folder} data at {DATA}; set ZOO_TEST_DATA")
    images = np.stack([tifffile.imread(file) for file in files])
    return images if images.ndim == 4 else images[None]
