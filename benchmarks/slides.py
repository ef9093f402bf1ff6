"""Memory and time of cutting patches from a large slide, tiled and in strips.

    python benchmarks/slides.py [--side 20000] [--patches 4000] [--compression jpeg]

The slide is made in a temporary folder, row of tiles by row of tiles. It is then opened in a process of its own, which
cuts patches of 224 px around spots in the order of Visium's rows, in batches of 64 and all at once (the patches alone
are 574 MB then), and reports its peak resident memory as a whole and less what the imports took. Decoding the same
tiles once with nothing but tifffile is the measure of time, in the same process.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PATCH = 224
TILE = 256
BATCH = 64


def texture(rows: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Make rows of something as smooth as tissue, pink and purple."""
    coarse = rng.integers(90, 240, (rows // 16 + 1, side // 16 + 1, 3), dtype=np.uint8)
    fine = rng.integers(0, 16, (rows, side, 1), dtype=np.uint8)
    return coarse.repeat(16, axis=0).repeat(16, axis=1)[:rows, :side] + fine


def make(path: Path, side: int, compression: str, tiled: bool) -> None:
    import tifffile

    rng = np.random.default_rng(0)
    high = -(-side // TILE)

    def tiles() -> Iterator[np.ndarray]:
        for _ in range(high):
            band = np.pad(texture(TILE, side, rng), ((0, 0), (0, high * TILE - side), (0, 0)))
            yield from (band[:, x : x + TILE] for x in range(0, high * TILE, TILE))

    def strips() -> Iterator[np.ndarray]:
        for top in range(0, side, TILE):
            yield texture(min(TILE, side - top), side, rng)

    layout = {"tile": (TILE, TILE)} if tiled else {"rowsperstrip": TILE}
    data = tiles() if tiled else (encoded(strip, compression) for strip in strips())  # of bytes, tifffile takes strips
    tifffile.imwrite(
        path,
        data,
        shape=(side, side, 3),
        dtype=np.uint8,
        photometric="rgb",
        bigtiff=True,
        compression=compression,
        compressionargs={"level": 95} if compression == "jpeg" else None,
        **layout,
    )


def encoded(strip: np.ndarray, compression: str) -> bytes:
    import imagecodecs

    if compression == "jpeg":
        return imagecodecs.jpeg8_encode(strip, colorspace="RGB", outcolorspace="YCBCR", level=95, subsampling=(1, 1))
    return {"zlib": imagecodecs.zlib_encode, "zstd": imagecodecs.zstd_encode}[compression](strip.tobytes())


def spots(count: int, side: int) -> np.ndarray:
    """Place spots as Visium does, in rows that are shifted by half a pitch."""
    columns = int(np.sqrt(count)) + 1
    row, column = np.divmod(np.arange(count), columns)
    pitch = side / (columns + 1)
    return np.stack([(column + 0.75 + 0.5 * (row % 2)) * pitch, (row + 0.75) * pitch], axis=1).astype(np.float32)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(path: Path, centres: np.ndarray, tiled: bool) -> float:
    """Decode once, with tifffile and nothing else, the tiles (or all strips) that the patches touch."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        wide = -(-page.imagewidth // TILE)
        numbers = set(range(len(page.dataoffsets)))
        if tiled:
            corners = np.floor(centres - PATCH / 2).astype(int) // TILE
            ends = (np.floor(centres - PATCH / 2).astype(int) + PATCH - 1) // TILE
            numbers = {
                row * wide + column
                for (x, y), (u, v) in zip(corners.clip(0), ends.clip(0, wide - 1), strict=True)
                for row in range(y, v + 1)
                for column in range(x, u + 1)
            }
        began = time.perf_counter()
        for number in sorted(numbers):
            tif.filehandle.seek(page.dataoffsets[number])
            data = tif.filehandle.read(page.databytecounts[number])
            page.decode(data, number, **({"jpegtables": page.jpegtables} if page.compression == 7 else {}))
        return time.perf_counter() - began


def measure(path: Path, count: int, once: bool, tiled: bool) -> None:
    import imagecodecs  # noqa: F401 - imported before memory is counted
    import tifffile  # noqa: F401
    import torch  # noqa: F401

    from zoo_spatial.slides.slide import open_slide
    from zoo_spatial.slides.tiff_slide import TiledSlide  # noqa: F401

    imports = peak()
    began = time.perf_counter()
    slide = open_slide(path)
    opened = time.perf_counter() - began
    centres = spots(count, slide.shape[0])
    began = time.perf_counter()
    for first in range(0, count, count if once else BATCH):
        slide.fields(centres[first : first + (count if once else BATCH)], PATCH, PATCH)
    taken, most = time.perf_counter() - began, peak()
    print(opened, taken, bare(path, centres, tiled), most, most - imports)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--patches", type=int, default=4000)
    parser.add_argument("--compression", default="jpeg", choices=["jpeg", "zlib", "zstd"])
    parser.add_argument("--measure", type=Path, help="used by the script itself")
    parser.add_argument("--once", action="store_true", help="used by the script itself")
    parser.add_argument("--tiled", action="store_true", help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.patches, arguments.once, arguments.tiled)
        return
    with tempfile.TemporaryDirectory() as folder:
        for tiled in (True, False):
            path = Path(folder) / f"{'tiled' if tiled else 'strips'}.tif"
            make(path, arguments.side, arguments.compression, tiled)
            print(f"{path.name}: {arguments.side} x {arguments.side} px, {path.stat().st_size / 2**20:.0f} MB")
            for name, extra in (("batches of 64", []), ("all at once", ["--once"])):
                command = [
                    sys.executable,
                    __file__,
                    "--measure",
                    str(path),
                    "--patches",
                    str(arguments.patches),
                    *extra,
                ]
                done = subprocess.run(
                    [*command, *(["--tiled"] if tiled else [])],
                    env={**os.environ, "ZOO_HOME": folder},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                opened, taken, alone, most, more = map(float, done.stdout.split())
                print(
                    f"  {name}: open {opened:.2f} s, {arguments.patches} patches {taken:.2f} s = "
                    f"{taken / alone:.2f} x bare decoding, peak {most:.0f} MB, {more:.0f} MB more than the imports"
                )


if __name__ == "__main__":
    main()
