"""What each choice of ``recipes/hiscmcl-her2st.yaml`` is worth: train C2 and C3, score C4, one change at a time.

    python benchmarks/ablation_her2st.py DIR [--seeds 2]          DIR holds ST-cnts, ST-imgs and ST-spotfiles

C5 is left alone, so that what is chosen here can be confirmed there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import zoo

INNER = ["data.sections=[C2, C3, C4]", "data.split.test=[C4]"]
SCORES = ("pcc", "pcc_heg50", "mse")
WIDTHS = (5, 5, 5, 9, 11, 9)
BASE = "{use: timm, model: test_resnet.r160_in1k}"
CHANGES = {
    "the recipe": [],
    "identity targets": ["loss.targets=identity"],
    "no L2 norm, temperature 1, identity targets": ["loss={temperature: 1.0, normalise: false, targets: identity}"],
    "colour as it is": ["data.views.colour=as-is"],
    "sections not centred": ["data.centre=false"],
    "mean of the 100 nearest": ["task.retrieve={weight: mean, k: 100}"],
    "spot level alone": ["encoder.base.levels=[spot]"],
    "without the global level": ["encoder.base.levels=[spot, neighbourhood]"],
    "without the eight views": [f"encoder={{use: multilevel, base: {BASE}}}"],
    "no flips and turns": ["transforms.train=[]"],
    "resnet10t": ["encoder.base.base.model=resnet10t"],
    "scanpy's hvg instead of variance": ["data.genes.select=hvg"],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    common = [f"data.root={arguments.root}", *INNER, f"train.seeds={list(range(arguments.seeds))}"]
    print(f"{'change':46}pcc    heg50  mse    floor pcc  floor heg50  floor mse")
    for name, change in CHANGES.items():
        with tempfile.TemporaryDirectory() as folder:
            _, metrics = zoo.train("hiscmcl-her2st", [*common, *change], out=Path(folder) / "run")
        floor = metrics["floors"]["colour-ridge"]
        numbers = [table[score]["mean"] for table in (metrics["scores"], floor) for score in SCORES]
        print(
            f"{name:46}"
            + "  ".join(f"{number:.3f}".ljust(width) for number, width in zip(numbers, WIDTHS, strict=True))
        )


if __name__ == "__main__":
    main()
