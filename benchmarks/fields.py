"""Images a second of preparing and changing fluorescence fields, in batches and image by image.

    python benchmarks/fields.py [--channels 2 3 5 6] [--fields 128] [--batch 16] [--rounds 5] [--hold]

The pipeline is the published one for treatments from fields: percentiles of 16 bits to 8, CLAHE, Gaussian 3 x 3; then
mirroring, turning by any angle, affine (shift 0.15, zoom 0.75 to 1.25, shear 15), jitter of each channel, blur 3 x 3,
elastic (60, 6), erasing 0.3. Ours prepares every field once, into a file that is memory-mapped (written in the cold
epoch, which is counted), and changes batches. The other is OpenCV and albumentations image by image, in as many
processes as we have threads, which compute and hand nothing over. It stands here three times: preparing every image in
every epoch as the published script does; with its prepared images kept in memory; and these with turning and affine
in one step. Ours and theirs run in turn; ratios are of one round, and the median of the rounds is printed, of wall time
and of processor time. Thirty epochs are the cold one and 29 warm ones.

With ``--hold`` the memory allocator holds on to what is freed, in all processes, instead of giving it back to the
system, which zeroes it page by page before it is used again.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import numpy as np

SIDE = 224
EPOCHS = 30
LOW, HIGH = 0.5, 99.8


def hold_memory() -> None:
    """Tell glibc to map no block by itself and to give nothing back (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 2**30)
    libc.mallopt(-1, 2**31 - 1)


def simulate(path: Path, fields: int, channels: int) -> None:
    """Write fields of blurred spots on a dim, noisy ground, 16 bits [fields, channels, 224, 224]."""
    import cv2

    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(fields, channels, SIDE, SIDE))
    for plane in out.reshape(-1, SIDE, SIDE):
        spots = (rng.random((SIDE, SIDE), dtype=np.float32) > 0.998).astype(np.float32)
        cells = cv2.GaussianBlur(spots, (0, 0), 5) * 40_000
        plane[:] = np.clip(300 + cells + rng.gamma(4, 30, (SIDE, SIDE)), 0, 65535).astype(np.uint16)
    out.flush()


class Kept:
    """Prepared fields in a memory map, as a dataset keeps them."""

    def __init__(self, path: Path) -> None:
        self.pixels = np.load(path, mmap_mode="r")

    def batch(self, items: np.ndarray) -> dict[str, Any]:
        """Return images as they are kept, 16 bits."""
        import torch

        return {"id": items.tolist(), "image": torch.from_numpy(self.pixels[items])}


class Batches:
    """Ours: a file that is prepared once, and transforms of whole batches."""

    def __init__(self, source: Path, folder: Path, batch: int) -> None:
        from zoo.transforms.affine import Affine
        from zoo.transforms.blur import Blur
        from zoo.transforms.channel_jitter import ChannelJitter
        from zoo.transforms.clahe import Clahe
        from zoo.transforms.denoise import Denoise
        from zoo.transforms.erase import Erase
        from zoo.transforms.percentile_scale import PercentileScale

        self.source, self.kept, self.batch = source, folder / "kept.npy", batch
        self.count = len(np.load(source, mmap_mode="r"))
        self.prepare = [PercentileScale(low=LOW, high=HIGH, per="image"), Clahe(), Denoise()]
        self.change = [
            Affine(degrees=180, translate=0.15, scale=(0.75, 1.25), shear=15, flip=True, elastic_alpha=60),
            ChannelJitter(brightness=0.3, contrast=0.3),
            Blur(sigma=(0.1, 1.0), size=3, p=1),
            Erase(p=0.3),
        ]

    def cold(self) -> None:
        """Prepare and keep every field, then change all of them once."""
        import torch

        from zoo.batches import in_order, load, to_device, transformed

        source = Kept(self.source)
        out = np.lib.format.open_memmap(self.kept, mode="w+", dtype=np.uint16, shape=source.pixels.shape)
        orders = in_order(range(self.count), self.batch)
        for items, batch in zip(orders, load(source, orders), strict=True):
            images = transformed(to_device(batch, torch.device("cpu")), self.prepare, 0)["image"]
            out[items] = images.mul_(65535).add_(0.5).to(torch.int32).numpy()
        out.flush()
        self.warm()

    def warm(self) -> None:
        """Change all fields once."""
        import torch

        from zoo.batches import in_order, load, to_device, transformed

        orders = in_order(np.random.default_rng(0).permutation(self.count), self.batch)
        for number, batch in enumerate(load(Kept(self.kept), orders)):
            transformed(to_device(batch, torch.device("cpu")), self.change, number)


class Images:
    """The other: OpenCV and albumentations, image by image."""

    def __init__(self, source: Path) -> None:
        import albumentations as alb
        import cv2

        cv2.setNumThreads(1)
        self.fields = np.load(source, mmap_mode="r")
        self.even = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
        self.kept: dict[int, np.ndarray] = {}
        self.rng = np.random.default_rng(0)
        geometry = {"scale": (0.75, 1.25), "translate_percent": (-0.15, 0.15), "p": 1}
        flips = [alb.HorizontalFlip(p=0.5), alb.VerticalFlip(p=0.5)]
        apart = [alb.Rotate(limit=180, p=1, border_mode=0), alb.Affine(shear={"x": (-15, 15), "y": 0}, **geometry)]
        merged = [alb.Affine(rotate=(-180, 180), shear={"x": (-15, 15), "y": 0}, **geometry)]
        last = [
            alb.GaussianBlur(blur_limit=3, sigma_limit=(0.1, 1.0), p=1),
            alb.ElasticTransform(alpha=30, sigma=6, p=1),  # in pixels here: torchvision's 60
            alb.Erasing(scale=(0.02, 0.15), p=0.3),
        ]
        self.change = {False: alb.Compose([*flips, *apart]), True: alb.Compose([*flips, *merged])}
        self.last = alb.Compose(last)

    def prepared(self, item: int) -> np.ndarray:
        """Return a field as the published script prepares it, 8 bits [H, W, C]."""
        import cv2

        planes = []
        for plane in self.fields[item]:
            # a histogram is four times as fast as np.percentile
            up_to = np.bincount(plane.ravel(), minlength=65536).cumsum()
            low, high = np.searchsorted(up_to, [LOW / 100 * up_to[-1], HIGH / 100 * up_to[-1]])
            scale = 255 / max(high - low, 1)
            scaled = cv2.convertScaleAbs(cv2.subtract(plane, int(low)), alpha=scale)
            planes.append(cv2.GaussianBlur(self.even.apply(scaled), (3, 3), 0))
        return np.stack(planes, axis=2)

    def jittered(self, image: np.ndarray) -> np.ndarray:
        """Change brightness and contrast of each channel, by one table of 256 values."""
        import cv2

        channels = image.shape[2]
        brightness, contrast = 1 + self.rng.uniform(-0.3, 0.3, (2, channels))
        means = np.array([cv2.mean(image[..., i])[0] for i in range(channels)])
        table = np.arange(256)[:, None] * (brightness * contrast) + means * brightness * (1 - contrast)
        return cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[:, None].reshape(1, 256, channels))

    def changed(self, image: np.ndarray, merged: bool) -> np.ndarray:
        """Return what a model reads, float32 [C, H, W] in [0, 1]."""
        image = self.last(image=self.jittered(self.change[merged](image=image)["image"]))["image"]
        return np.multiply(image.transpose(2, 0, 1), np.float32(1 / 255), dtype=np.float32, order="C")

    def epoch(self, items: range, kept: bool, merged: bool) -> None:
        """Go through these images once."""
        for item in items:
            if kept and item not in self.kept:
                self.kept[item] = self.prepared(item)
            self.changed(self.kept[item] if kept else self.prepared(item), merged)


_worker: Images


def _open(source: Path, hold: bool) -> None:
    if hold:
        hold_memory()
    global _worker  # noqa: PLW0603 - a process of its own
    _worker = Images(source)


def _epoch(items: range, kept: bool, merged: bool) -> float:
    began = time.process_time()
    _worker.epoch(items, kept, merged)
    return time.process_time() - began


class Workers:
    """Processes that share the images of an epoch out among themselves."""

    def __init__(self, source: Path, count: int, fields: int, hold: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.pools = [context.Pool(1, _open, (source, hold)) for _ in range(count)]
        self.shares = [range(first, fields, count) for first in range(count)]

    def timed(self, *, kept: bool, merged: bool) -> np.ndarray:
        """Go through all images once; return seconds of wall time and of processor time."""
        began = time.perf_counter()
        jobs = [
            pool.apply_async(_epoch, (share, kept, merged)) for pool, share in zip(self.pools, self.shares, strict=True)
        ]
        used = sum(job.get() for job in jobs)
        return np.array([time.perf_counter() - began, used])

    def close(self) -> None:
        """End the processes."""
        for pool in self.pools:
            pool.terminate()


def timed(work: Callable[[], None]) -> np.ndarray:
    """Return seconds of wall time and of processor time."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - began, time.process_time() - used])


def one_round(ours: Batches, theirs: Workers) -> dict[str, np.ndarray]:
    return {
        "cold": timed(ours.cold),
        "published": theirs.timed(kept=False, merged=False),
        "warm": timed(ours.warm),
        "kept": theirs.timed(kept=True, merged=False),
        "again": timed(ours.warm),
        "merged": theirs.timed(kept=True, merged=True),
    }


RATIOS: dict[str, Callable[[dict[str, float]], float]] = {
    "cold": lambda r: r["published"] / r["cold"],
    "warm": lambda r: r["published"] / r["warm"],
    "30 epochs": lambda r: EPOCHS * r["published"] / _epochs(r["cold"], r["warm"]),
    "warm, kept": lambda r: r["kept"] / r["warm"],
    "30 epochs, kept": lambda r: _epochs(r["published"], r["kept"]) / _epochs(r["cold"], r["warm"]),
    "warm, kept, merged": lambda r: r["merged"] / r["again"],
}


def _epochs(first: float, others: float) -> float:
    return first + (EPOCHS - 1) * others


def report(channels: int, fields: int, rounds: list[dict[str, np.ndarray]]) -> None:
    for number, clock in enumerate(("wall", "processor")):
        rows = [{name: float(value[number]) for name, value in one.items()} for one in rounds]
        rate = {name: fields / statistics.median(row[name] for row in rows) for name in rows[0]}
        line = [f"{rate[name]:.0f}" for name in ("cold", "warm", "published", "kept", "merged")]
        line += [f"{statistics.median(map(ratio, rows)):.2f}" for ratio in RATIOS.values()]
        print(f"| {channels} | {clock} | {' | '.join(line)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, nargs="+", default=[2, 3, 5, 6])
    parser.add_argument("--fields", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--hold", action="store_true")
    arguments = parser.parse_args()
    if arguments.hold:
        hold_memory()
    import torch

    torch.set_num_threads(arguments.cores)
    print(f"{arguments.fields} fields of {SIDE} x {SIDE}, batches of {arguments.batch}, {arguments.cores} cores")
    print("| | | images/s | | | | | times as fast as | | | | | |")
    names = "cold | warm | theirs | theirs, kept | theirs, kept, merged"
    print(f"| channels | clock | {names} | {' | '.join(RATIOS)} |")
    print(f"|{'---|' * 13}")
    for channels in arguments.channels:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "fields.npy"
            simulate(source, arguments.fields, channels)
            ours = Batches(source, Path(folder), arguments.batch)
            theirs = Workers(source, arguments.cores, arguments.fields, arguments.hold)
            one_round(ours, theirs)  # warms up
            report(channels, arguments.fields, [one_round(ours, theirs) for _ in range(arguments.rounds)])
            theirs.close()


if __name__ == "__main__":
    main()
