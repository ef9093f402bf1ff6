"""``watershed`` held against masks drawn by hand, and how many fields of 1728 x 1728 it segments a second.

    OMP_NUM_THREADS=1 python benchmarks/segmentation.py [--processes 2] [--fields 12] [--rounds 3] [--no-speed]

Scores are on the nuclei of BBBC039 (Caicedo et al. 2019, doi:10.1002/cyto.a.23863; CC0), which are read from
``$ZOO_TEST_DATA/nuclei``: average precision TP / (TP + FP + FN) at IoU 0.5, 0.75 and 0.9, of all cells of all fields
together and as the mean over fields. Settings were chosen on every fourth field and are scored on the others. One in
eighteen of the drawn cells is debris of a few pixels, so that everything is told once more without what is less than 50
pixels, found or drawn. The floor is Otsu's threshold and connected parts.

For speed, fields of four channels are drawn (40 cells, 16 bits) and kept in memory; processes are started before the
clock runs. ``full size`` is the same segmenter without shrinking the field; the ratio is of one round, and the median
of the rounds is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo_cells.matching import Tally, average_precision, tally
from zoo_cells.segmenters import watershed
from zoo_cells.segmenters.watershed import Watershed

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
OVERLAPS = (0.5, 0.75, 0.9)
SIDE, CELLS, NUCLEUS = 1728, 40, 150
DEBRIS_PX = 50


def otsu(planes: dict[str, np.ndarray]) -> np.ndarray:
    """Return the floor: everything above Otsu's threshold, in connected parts."""
    from skimage.filters import threshold_otsu
    from skimage.measure import label

    plane = planes["nucleus"]
    return label(plane > threshold_otsu(plane))


def nuclei() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return fields and the masks drawn of them, those that touch in numbers of their own."""
    import tifffile
    from PIL import Image
    from skimage.measure import label

    paths = sorted((DATA / "nuclei" / "images").glob("*.tif"))
    masks = [np.asarray(Image.open(DATA / "nuclei" / "masks" / f"{path.stem}.png"))[..., 0] for path in paths]
    return [(tifffile.imread(path), label(mask)) for path, mask in zip(paths, masks, strict=True)]


def without_debris(labels: np.ndarray) -> np.ndarray:
    return np.where((np.bincount(labels.ravel()) < DEBRIS_PX)[labels], 0, labels)


def line(name: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Print the scores of some fields, together and as the mean over fields."""
    tallies: list[list[Tally]] = [[tally(found, true, iou) for found, true in pairs] for iou in OVERLAPS]
    cells = [
        f"{average_precision(*some):.3f} ({statistics.mean(map(average_precision, some)):.3f})" for some in tallies
    ]
    print(f"| {name} | {sum(one.hits + one.missed for one in tallies[0])} | {' | '.join(cells)} |", flush=True)


def scores() -> None:
    fields = nuclei()
    if not fields:
        print(f"no nuclei at {DATA / 'nuclei'}; set ZOO_TEST_DATA")
        return
    print("average precision, pooled (mean over fields)")
    print(f"| | cells | {' | '.join(f'IoU {iou}' for iou in OVERLAPS)} |\n|{'---|' * (2 + len(OVERLAPS))}")
    for name, segment in (("watershed", Watershed()), ("Otsu", otsu)):
        pairs = [(np.asarray(segment({"nucleus": image})), true) for image, true in fields]
        for part, chosen in (("chosen on", slice(0, None, 4)), ("others", None)):
            some = pairs[chosen] if chosen else [pair for at, pair in enumerate(pairs) if at % 4]
            line(f"{name}, {part}: {len(some)} fields", some)
            line("without debris", [(without_debris(found), without_debris(true)) for found, true in some])


def drawn(seed: int) -> dict[str, np.ndarray]:
    """Draw a field: ellipses with a wider, dimmer body each, blurred, with noise; 16 bits."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    y, x = np.indices((SIDE // 4, SIDE // 4))
    planes = {"nucleus": np.zeros(y.shape), "microtubules": np.zeros(y.shape)}
    for cy, cx in rng.uniform(0, SIDE // 4, (CELLS, 2)):
        turn, long = rng.uniform(0, np.pi), rng.uniform(1, 1.6)
        u, v = (y - cy) * np.cos(turn) + (x - cx) * np.sin(turn), (x - cx) * np.cos(turn) - (y - cy) * np.sin(turn)
        away = np.hypot(u / long, v) / (NUCLEUS / 8)
        planes["nucleus"] += (away < 1) * rng.uniform(4000, 9000)
        planes["microtubules"] = np.maximum(planes["microtubules"], np.clip(2.2 - away, 0, 1) * 9000)
    planes |= {"protein": planes["microtubules"], "er": planes["microtubules"] * 0.7}
    large = {name: ndimage.gaussian_filter(np.kron(plane, np.ones((4, 4))), 2) for name, plane in planes.items()}
    return {name: (plane + rng.gamma(4, 40, plane.shape)).astype(np.uint16) for name, plane in large.items()}


_fields: list[dict[str, np.ndarray]] = []


def draw(count: int) -> None:
    _fields.extend(drawn(seed) for seed in range(count))


def segment(number: int) -> int:
    return int(Watershed()(_fields[number % len(_fields)]).max())


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def full_size() -> None:
    """Segment one field without shrinking it."""
    before, watershed.NUCLEUS_PX = watershed.NUCLEUS_PX, SIDE
    try:
        segment(0)
    finally:
        watershed.NUCLEUS_PX = before


def speed(processes: int, fields: int, rounds: int) -> None:
    draw(2)
    rows = []
    with multiprocessing.get_context("spawn").Pool(processes, draw, (2,)) as pool:
        every = partial(pool.map, segment, range(fields), 1)
        every()  # imports and warms up
        segment(0)
        for _ in range(rounds):
            many, one, full = timed(every) / fields, timed(partial(segment, 1)), timed(full_size)
            rows.append((1 / many, 1 / one, one / many, full / one))
    many, one, gain, shrinking = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"\n{SIDE} x {SIDE}, {segment(0)} cells found of {CELLS} drawn, many overlapping")
    print("| processes | fields/s | one process | gain | times as fast as at full size |\n|---|---|---|---|---|")
    print(f"| {processes} | {many:.1f} | {one:.1f} | {gain:.2f} | {shrinking:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--fields", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-speed", action="store_true")
    arguments = parser.parse_args()
    scores()
    if not arguments.no_speed:
        speed(arguments.processes, arguments.fields, arguments.rounds)


if __name__ == "__main__":
    main()
