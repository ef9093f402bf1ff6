"""Whether the novelty of a patch tells tissue of another kind, glass and noise from sections like those in training.

    python benchmarks/novelty.py MODEL [NAME=IMAGE@UM ...] [--grid 200um]

MODEL is a run or a package that predicts expression; each IMAGE is a slide with the size of its pixels in micrometres.
For the model's own test groups, for points over each slide, and for made-up glass and noise, it prints the median
novelty, the share above 1, and how well novelty tells them from the test groups (AUC). The last column is the same for
the distance (1 - cosine) to the nearest training patch in the joint space of images and spots.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

import zoo
from zoo import infer
from zoo.experiment import test_items
from zoo.splits import Split
from zoo_spatial.novelty import of
from zoo_spatial.search import nearest

SIDE = 1200


def made_up(folder: Path) -> dict[str, Path]:
    """Write a slide of glass and one of noise."""
    rng = np.random.default_rng(0)
    glass = 235 + rng.integers(0, 5, (SIDE, SIDE, 3))
    noise = rng.integers(0, 256, (SIDE, SIDE, 3))
    found = {"glass": folder / "glass.png", "noise": folder / "noise.png"}
    for path, image in zip(found.values(), (glass, noise), strict=True):
        Image.fromarray(image.astype(np.uint8)).save(path)
    place = np.arange(200, SIDE - 200, 100)
    rows = [f"{x}\t{y}" for x in place for y in place]
    (folder / "spots.tsv").write_text("pixel_x\tpixel_y\n" + "\n".join(rows) + "\n")
    return found


def distances(contestant: Any, dataset: Any, items: np.ndarray, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the novelty of items, and their distance in the joint space."""
    outputs = infer.outputs(contestant.model, dataset, items, batch=64)
    return of(outputs["features"], contestant.bank), 1 - nearest(outputs["image"], joint, 1)[0][:, 0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("slides", nargs="*", metavar="NAME=IMAGE@UM")
    parser.add_argument("--grid", default="200um")
    given = parser.parse_args()
    model = zoo.load(given.model)
    loaded = model.loaded
    fold, data, contestant = loaded.config.fold, loaded.dataset, loaded.contestant
    known = np.flatnonzero(np.isin(data.groups[fold.unit], fold.train))
    joint = infer.outputs(contestant.model, data, known, batch=64)["image"]
    split = Split(fold.name, fold.unit, fold.train, fold.val, fold.test)
    tested = np.concatenate(list(test_items(data, split).values()))
    found = {"test groups": distances(contestant, data, tested, joint)}
    with tempfile.TemporaryDirectory() as folder:
        sets = {}
        for slide in given.slides:
            name, _, rest = slide.partition("=")
            image, _, size = rest.rpartition("@")
            sets[name] = {"image": image, "grid": given.grid, "um_per_px": size}
        for name, path in made_up(Path(folder)).items():
            size = str(data.um_per_px or 1)
            sets[name] = {"image": path, "spots": Path(folder) / "spots.tsv", "um_per_px": size}
        for name, options in sets.items():
            new = model.predict(**options).dataset
            found[name] = distances(contestant, new, np.arange(len(new)), joint)
    print(f"{'':16}{'patches':>8}{'median':>9}{'above 1':>9}{'AUC':>7}{'AUC in the joint space':>25}")
    base = found["test groups"]
    for name, (novelty, apart) in found.items():
        labels = np.r_[np.zeros(len(base[0])), np.ones(len(novelty))]
        aucs = [roc_auc_score(labels, np.r_[base[i], values]) for i, values in enumerate((novelty, apart))]
        share = (novelty > 1).mean()
        print(f"{name:16}{len(novelty):8}{np.median(novelty):9.2f}{share:9.2f}{aucs[0]:7.2f}{aucs[1]:25.2f}")


if __name__ == "__main__":
    main()
