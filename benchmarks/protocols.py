"""What a run claims, and what its models reach on plates that nobody has seen (SIMULATED plates).

    python benchmarks/protocols.py RUN [RUN ...] [--plates 2]

Each RUN is one of `zoo train cell-drug` or `cell-drug-published`. The simulator makes further plates of the same study,
as many as asked for; every field of them is scored, and scaled by its own plate's pixels as a new plate would be. The
claim is the score in the run's metrics.json, over the seeds of the run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from zoo import package
from zoo.run import Run

SHOWN = ("balanced_accuracy", "accuracy", "f1", "auc")


def on_new_plates(folder: Path, plates: int) -> dict[str, float]:
    known = package.read(folder).filled.data["data"]["plates"]
    loaded = package.read(folder, [f"data.plates={known + plates}", "data.copies=null"])
    old = {f"P{number}" for number in range(1, known + 1)}
    plate = loaded.dataset.groups["plate"]
    items = np.array([item for item, name in enumerate(plate) if name not in old])
    return loaded.contestant.scores(loaded.dataset, items)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--plates", type=int, default=2)
    arguments = parser.parse_args()
    print("| run | score | claimed | on new plates, mean over seeds (each) |\n|---|---|---|---|")
    for folder in arguments.runs:
        claimed = json.loads((folder / "metrics.json").read_text())["scores"]
        found = [on_new_plates(model, arguments.plates) for model in Run.open(folder).models()]
        for score in SHOWN:
            each = [scores[score] for scores in found]
            listed = ", ".join(f"{value:.3f}" for value in each)
            print(
                f"| {folder.name} | {score} | {claimed[score]['mean']:.3f} | {np.mean(each):.3f} ({listed}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
