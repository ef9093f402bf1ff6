"""A small her2st folder of real files: JPEG images, gzipped count tables, spot files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch
from PIL import Image


class Her2stFolder:
    """Writes sections of 5 x 5 spots; every file can be spoilt by a test."""

    def __init__(self, root) -> None:
        self.root = root
        for name in ("ST-cnts", "ST-spotfiles", "ST-imgs"):
            (root / name).mkdir(parents=True)

    def image(self, name):
        return self.root / "ST-imgs" / name[0] / name / "scan.jpg"

    def counts(self, name):
        return self.root / "ST-cnts" / f"{name}.tsv.gz"

    def spots(self, name):
        return self.root / "ST-spotfiles" / f"{name}_selection.tsv"

    def add(self, name, *, side=5, seed=0, genes=30, mode="RGB", drop=()):
        rng = np.random.default_rng(seed)
        grid = [(x + 10, y + 10) for x in range(side) for y in range(side)]
        self.image(name).parent.mkdir(parents=True)
        shape = (320, 330) if mode == "L" else (320, 330, {"RGB": 3, "CMYK": 4}[mode])
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8), mode).save(self.image(name), quality=95)
        lines = ["\t" + "\t".join(f"GENE{i}" for i in range(genes))]
        lines += [f"{x}x{y}\t" + "\t".join(map(str, rng.poisson(3, genes))) for x, y in grid if (x, y) not in drop]
        with gzip.open(self.counts(name), "wt") as file:
            file.write("\n".join(lines) + "\n")
        rows = ["x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected"]
        rows += [f"{x}\t{y}\t{x}.1\t{y}.1\t{(x - 9) * 50}.5\t{(y - 9) * 50}.25\t1" for x, y in grid]
        self.spots(name).write_text("\n".join(rows) + "\n")
        return self


@pytest.fixture
def folder(tmp_path):
    return Her2stFolder(tmp_path / "her2st")


@pytest.fixture
def sections(folder):
    """Three sections of two donors."""
    for seed, name in enumerate(("A1", "A2", "B1")):
        folder.add(name, seed=seed)
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
