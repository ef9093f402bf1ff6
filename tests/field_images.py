"""Images of fields that tests make up or read, and what becomes of them in a transform."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from zoo.batches import to_device

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
NOTHING_DRAWN = torch.Generator()
IMAGES = arrays(
    np.float32,
    some.tuples(some.integers(1, 3), some.integers(1, 4), some.integers(1, 40), some.integers(1, 40)),
    elements=some.floats(0, 1, width=32),
    fill=some.nothing(),
)


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
