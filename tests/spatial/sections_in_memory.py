"""Small sections in memory, for tests that need no files."""

import numpy as np

from zoo_spatial.section import Section
from zoo_spatial.slides.pyramid import from_array


def section(name="S1", *, side=6, pitch=40, genes=8, seed=0, um_per_px=0.5, donor=None, counts=True, image=None):
    """Return a section of side x side spots, ``pitch`` pixels apart, over an image of noise."""
    rng = np.random.default_rng(seed)
    width = (side + 1) * pitch
    if image is None:
        image = rng.integers(0, 256, size=(width, width, 3), dtype=np.uint8)
    place = np.array([(x, y) for x in range(side) for y in range(side)], dtype=np.float32)
    return Section(
        name=name,
        donor=donor or name,
        image=from_array(image),
        position_px=(place + 1) * pitch,
        grid=place,
        ids=[f"{x:.0f}x{y:.0f}" for x, y in place],
        counts=rng.poisson(3, size=(len(place), genes)).astype(np.float32) if counts else None,
        genes=[f"GENE{i}" for i in range(genes)],
        um_per_px=um_per_px,
    )
