"""Opening a plate of 384 wells, 9 fields and 5 channels: time and memory of the index, then of reading some fields.

    python benchmarks/plate.py [--fields 64] [--size 128]

Writes 17,280 small TIFF files and a table as JUMP's load_data.csv is (paths of another machine) into a temporary
folder, and opens them in a process of its own: once with the system's file cache as the writing left it, and again.
The memory is the peak of the whole process; what the interpreter takes with its imports is given beside it.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS, COLUMNS, SITES = 16, 24, 9
CHANNELS = {"DNA": 5, "ER": 4, "RNA": 3, "AGP": 2, "Mito": 1}
ELSEWHERE = (
    "/home/ubuntu/bucket/projects/2020_11_04_CPJUMP1/images/BR00117006__2020-11-08T18_18_00-Measurement1/Images/"
)


def write(root: Path, size: int) -> None:
    import tifffile

    images = root / "BR00117006__2020-11-08T18_18_00-Measurement1" / "Images"
    images.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 4096, (size, size)).astype(np.uint16)
    tifffile.imwrite(root / "one.tiff", pixels)
    content = (root / "one.tiff").read_bytes()
    (root / "one.tiff").unlink()
    with (root / "load_data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        names = [f"{kind}_Orig{channel}" for channel in CHANNELS for kind in ("FileName", "PathName")]
        table.writerow([*names, "Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_pert_iname"])
        for row in range(ROWS):
            for column in range(COLUMNS):
                for site in range(1, SITES + 1):
                    cells = []
                    for number in CHANNELS.values():
                        name = f"r{row + 1:02d}c{column + 1:02d}f{site:02d}p01-ch{number}sk1fk1fl1.tiff"
                        (images / name).write_bytes(content)
                        cells += [name, ELSEWHERE]
                    well = f"{chr(ord('A') + row)}{column + 1:02d}"
                    table.writerow([*cells, "BR00117006", well, site, f"compound{(row * COLUMNS + column) % 300}"])


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def start(root: Path, fields: int) -> None:
    bare = peak()
    began = time.perf_counter()
    from zoo_cells.datasets.plate import plate

    imported, held = time.perf_counter() - began, peak()
    began = time.perf_counter()
    dataset = plate(root)
    count, groups, labels = len(dataset), dataset.groups, dataset.labels
    opened, memory = time.perf_counter() - began, peak()
    assert count == len(labels) == len(groups["well"]) == ROWS * COLUMNS * SITES
    import torch  # noqa: F401 - not part of what is read below

    began = time.perf_counter()
    for first in range(0, fields, 32):
        dataset.batch(np.arange(first, min(first + 32, fields)))
    cold = time.perf_counter() - began
    began = time.perf_counter()
    for first in range(0, fields, 32):
        dataset.batch(np.arange(first, min(first + 32, fields)))
    print(imported, opened, bare, held, memory, cold / fields, (time.perf_counter() - began) / fields)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fields", type=int, default=64)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--start", type=Path, help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.start:
        start(arguments.start, arguments.fields)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "screen"
        write(root, arguments.size)
        for name in ("first", "second"):
            environment = {**os.environ, "ZOO_HOME": f"{folder}/{name}"}
            command = [sys.executable, __file__, "--start", str(root), "--fields", str(arguments.fields)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            imported, opened, bare, held, memory, cold, warm = map(float, done.stdout.split())
            print(
                f"{name} start: imports {imported:.2f} s, open {opened:.2f} s; peak {memory:.0f} MB "
                f"(interpreter and numpy {bare:.0f}, with the reader {held:.0f}); "
                f"a field {1e3 * cold:.1f} ms decoded and kept, {1e3 * warm:.2f} ms again"
            )


if __name__ == "__main__":
    main()
