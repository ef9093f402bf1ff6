"""TIFF files of many kinds for the tests of slides, written by tifffile."""

from __future__ import annotations

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter


def smooth(height, width, seed=0):
    """Make something as smooth as tissue, in which a shift of a pixel is seen."""
    rough = np.random.default_rng(seed).uniform(0, 255, (height, width, 3))
    soft = gaussian_filter(rough, (4, 4, 0))
    return ((soft - soft.min()) / np.ptp(soft) * 255).astype(np.uint8)


def write(path, image, **options):
    settings = {"photometric": "rgb", "tile": (64, 64), "metadata": None, **options}
    tifffile.imwrite(path, image, **settings)
    return path


def shrunk(image, times):
    """Reduce an image by means of its pixels, as scanners do."""
    step = 2**times
    height, width = image.shape[0] // step * step, image.shape[1] // step * step
    parts = image[:height, :width].reshape(height // step, step, width // step, step, 3)
    return parts.mean(axis=(1, 3)).round().astype(np.uint8)


def write_ome(path, image, reduced, um=0.5):
    """Write an OME-TIFF whose reduced copies are SubIFDs."""
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as tif:
        facts = {"axes": "YXS", "PhysicalSizeX": um, "PhysicalSizeY": um, "PhysicalSizeXUnit": "µm"}
        options = {"photometric": "rgb", "tile": (64, 64), "compression": "zlib"}
        tif.write(image, subifds=len(reduced), metadata=facts, **options)
        for one in reduced:
            tif.write(one, subfiletype=1, **options)
    return path


def write_svs(path, image, reduced, said="AppMag = 20|MPP = 0.4990"):
    """Write pages in Aperio's order: the slide, a thumbnail in strips, reduced copies, a label and a macro image."""
    head = f"Aperio Image Library v11.2.1\r\n{image.shape[1]}x{image.shape[0]} (64x64) JPEG/RGB Q=70|{said}"
    options = {"photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(path) as tif:
        tif.write(image, tile=(64, 64), description=head, compression="zlib", **options)
        tif.write(shrunk(image, 3), description="Aperio Image Library v11.2.1\r\nthumbnail", **options)
        for one in reduced:
            tif.write(one, tile=(64, 64), description=head, compression="zlib", **options)
        tif.write(np.full((60, 70, 3), 9, np.uint8), subfiletype=1, description="Aperio\r\nlabel 70x60", **options)
        tif.write(np.full((40, 120, 3), 8, np.uint8), subfiletype=9, description="Aperio\r\nmacro 120x40", **options)
    return path
