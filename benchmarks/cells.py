"""Cells of fields: crops a second against what loading the whole field for each crop gives, and ten thousand fields.

    python benchmarks/cells.py [--fields 6] [--cells 16] [--size 128]

Crops: ``CellBags.batch`` against reading a field of 1728 x 1728 x 4 (``np.load``) for every crop and cutting the same
box out, as the published notebook does, and against a training step of a ResNet-50 on the same crops; all in one run on
this machine, from the system's file cache. Ten thousand fields: listing a folder of them, naming them, looking up
which are there, planning, and the memory of that against a thousand, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import ProteinFields
from zoo_cells.segmented.bags import CellBags
from zoo_cells.segmented.crops import Crops

SIDE, CELL = 1728, 160


@dataclass(frozen=True)
class Discs:
    """Pixels of a field with as many cells as fit a grid."""

    cells: int
    side: int
    cell: int

    def __call__(self) -> np.ndarray:
        """Draw it."""
        rows, columns = np.mgrid[: self.cell, : self.cell] - self.cell / 2
        disc = (rows**2 + columns**2 < (0.45 * self.cell) ** 2).astype(np.uint8) * 200
        image = np.random.default_rng(self.cells).integers(0, 30, (4, self.side, self.side)).astype(np.uint8)
        across = self.side // self.cell
        for number in range(self.cells):
            y, x = (self.cell * place for place in divmod(number, across))
            image[:, y : y + self.cell, x : x + self.cell] += disc
        return image


class Threshold:
    """Cells are what is bright."""

    needs = ("nucleus",)

    def __call__(self, planes: Any) -> Any:
        """Return parts that hang together."""
        from scipy.ndimage import label

        return label(planes["nucleus"] > 100)[0]


def bags(count: int, read: Callable[[], Any], size: int, processes: int | None = 0) -> CellBags:
    made = [CellField(f"field{n}", (n % 19,), {"antibody": f"a{n // 2}"}, f"s{n}", read) for n in range(count)]
    crops = Crops(size=size, min_area=1)
    return CellBags(ProteinFields(lambda: made), segmenter=Threshold(), crops=crops, processes=processes)


def rates(works: list[Callable[[], int]], rounds: int, seconds: float) -> list[float]:
    """Return how many crops a second pieces of work give: the middle of rounds in which each has its turn."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, held in zip(works, found, strict=True):
            work()
            began, done = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                done += work()
            held.append(done / (time.perf_counter() - began))
    return [float(np.median(held)) for held in found]


def whole_field(data: CellBags, folder: Path) -> Callable[[], int]:
    """Return what reads the whole field, for one crop after the other."""
    table, pad = data.cell_table(np.arange(len(data))), data.crops.pad
    boxes = np.stack([table[name] for name in ("y0", "x0", "y1", "x1")], axis=1)
    rows = iter(np.random.default_rng(0).permutation(len(boxes)).tolist() * 1000)

    def one() -> int:
        row = next(rows)
        y0, x0, y1, x1 = boxes[row]
        image = np.load(folder / f"{table['field'][row]}.npy")
        image[:, max(y0 - pad, 0) : y1 + pad, max(x0 - pad, 0) : x1 + pad].astype(np.float32)
        return 1

    return one


def training(data: CellBags) -> Callable[[], int]:
    import timm
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = timm.create_model("resnet50", in_chans=4, num_classes=19)
    steps = torch.optim.Adam(model.parameters())
    images = data.batch([0])["instances"][:16].float() / 255
    target = torch.zeros(len(images), 19)

    def one() -> int:
        steps.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(images), target).backward()
        steps.step()
        return len(images)

    return one


def crops(given: argparse.Namespace, folder: Path) -> None:
    import torch

    read = Discs(given.cells, SIDE, CELL)
    data = bags(given.fields, read, given.size)
    began = time.perf_counter()
    total = sum(data.sizes)
    print(f"{total} cells of {given.fields} fields found and kept in {time.perf_counter() - began:.1f} s")
    for field in data.fields_dataset.fields:
        np.save(folder / f"{field.name}.npy", read())
    pairs = np.arange(len(data)).reshape(-1, 2)
    torch.set_num_threads(1)
    works = [lambda: sum(len(data.batch(pair)["instances"]) for pair in pairs), whole_field(data, folder)]
    ours, theirs = rates(works, 5, 0.5)
    (step,) = rates([training(data)], 1, 5)
    print(f"batches {ours:,.0f} crops/s; a field for each crop {theirs:,.1f} crops/s: {ours / theirs:,.0f} times")
    print(f"a training step of a ResNet-50 takes {step:.1f} crops/s: {ours / step:,.0f} times as many are there")


def peak() -> float:
    """Return the most memory of this process in MB; the system's own count begins with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def many(count: int) -> None:
    """Print the seconds that naming, looking up and planning take, those of a batch, and the peak of memory in MB."""
    import torch  # noqa: F401 - not part of what is measured

    began = time.perf_counter()
    data = bags(count, Discs(4, 64, 32), 8)
    for _ in data.prepare():
        pass
    assert (len(data), len(data.sizes), len(data.groups["antibody"])) == (count, count, count)
    planned = time.perf_counter() - began
    for start in range(0, count, 16):
        data.batch(np.arange(start, min(start + 16, count)))
    read = time.perf_counter() - began - planned
    print(planned, read, peak())


def kept(count: int) -> None:
    """Keep the cells of so many fields: those of one, under the names of all."""
    data = bags(count, Discs(4, 64, 32), 8)
    from zoo_cells.segmented.index import CellIndex
    from zoo_cells.segmented.making import Making
    from zoo_cells.segmented.store import CellStore

    store = CellStore(data.key)
    index = CellIndex(
        Making(data.segmenter, data.crops, tuple(data.channels), store), data.fields_dataset.fields, 0, "note"
    )
    index.make_again(0)
    content = store.path(index.names[0]).read_bytes()
    for name in index.names:
        store.path(name).parent.mkdir(exist_ok=True)
        store.path(name).write_bytes(content)


def fields() -> None:
    peaks = []
    for count in (1_000, 10_000):
        kept(count)
        for start in ("first", "again"):
            command = [sys.executable, __file__, "--many", str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            planned, read, most = map(float, done.stdout.split())
            print(f"{count:,} fields, {start}: planned in {planned:.2f} s, read in {read:.1f} s, peak {most:.0f} MB")
        peaks.append(most)
    print(f"memory of ten times the fields: {peaks[1] / peaks[0]:.2f} times")


def listing(count: int, root: Path) -> None:
    """Print how long a folder with four images a field takes to be listed with its table."""
    from zoo_cells.datasets.hpa import hpa

    (root / "train").mkdir(parents=True)
    for number in range(count):
        for colour in ("red", "green", "blue", "yellow"):
            (root / "train" / f"field{number}_{colour}.png").touch()
    rows = [f"field{number},{number % 19}|{number % 7}" for number in range(count)]
    (root / "train.csv").write_text("\n".join(["ID,Label", *rows]))
    began = time.perf_counter()
    data = hpa(root)
    assert (len(data), len(data.stamp) > 0, len(data.label_sets)) == (count, True, count)
    print(f"{count:,} fields of {4 * count:,} files listed in {time.perf_counter() - began:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fields", type=int, default=6)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--many", type=int, help="used by the script itself")
    given = parser.parse_args()
    if given.many:
        many(given.many)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_HOME"] = f"{folder}/home"
        crops(given, Path(folder))
        listing(10_000, Path(folder) / "atlas")
        fields()


if __name__ == "__main__":
    main()
