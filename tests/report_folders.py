"""Run folders as zoo writes them, without a training: what the page of a run is made of."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo import evaluate
from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Code, Figure, Listing, Section
from zoo.report import material

RECIPE = """\
# filled from recipes/made up.yaml, recipes/base.yaml
# --set train.epochs=20
# --set data.root=/some where/$HOME
zoo: 1
name: made-up
protocol: {protocol}
data:
  use: some-data
  genes: [{genes}]
  split: {{unit: donor, scheme: holdout}}
encoder: {{use: some-net}}
task: {{use: some-task}}
train: {{epochs: 20, seeds: {seeds}, early_stop: {early_stop}}}
"""
UP = {"r2": True, "mse": False}


@dataclass
class Made:
    """What a made-up run is like; ``better`` is how far the model is above its floor in each group."""

    groups: list[str] = field(default_factory=lambda: [f"D{n}" for n in range(1, 7)])
    seeds: tuple[int, ...] = (0, 1)
    folds: int = 1
    better: float = 0.2
    spread: float = 0.02
    protocol: str = "strict"
    kind: str = "real"
    early_stop: str = "null"
    losses: list[float] = field(default_factory=lambda: [1 / (1 + n) + 1 for n in range(20)])
    val_losses: list[float] | None = None
    rate: float | None = None
    genes: list[str] = field(default_factory=list)
    unit: str = "donor"

    def write(self, folder: Path) -> Path:
        """Write the folder and return it."""
        folder.mkdir(parents=True)
        texts = {"protocol": self.protocol, "seeds": list(self.seeds), "early_stop": self.early_stop}
        (folder / "recipe.yaml").write_text(RECIPE.format(**texts, genes=", ".join(map(json.dumps, self.genes))))
        folds = self.splits()
        members = [self._member(fold, seed) for fold in folds for seed in self.seeds]
        found = evaluate.summarise(members, UP, self.protocol)
        split = {"unit": self.unit, "scheme": "holdout", "folds": len(folds)}
        about = {"recipe": "made-up", "digest": "d" * 64, "protocol": self.protocol, "split": split}
        put(folder / "metrics.json", {**about, "seeds": list(self.seeds), **found, "members": members})
        put(folder / "splits.json", folds)
        put(folder / "status.json", {"state": "finished", "updated": "2026-01-02T03:04:05+00:00"})
        origins = {"train.epochs": "--set", "data.use": "recipes/made up.yaml:7:3", "encoder.use": "default of zoo"}
        packages = {"microscopy-zoo": "0.1", "torch": "2.0"}
        put(folder / "environment.json", {"python": "3.11", "threads": 2, "packages": packages, "origins": origins})
        put(folder / "data.json", self._census(folds))
        for member in members:
            put(folder / "model" / member["member"] / "config.json", self._config(member))
        lines = [json.dumps(line) for member in members for line in self._log(member["member"])]
        (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
        return folder

    def splits(self):
        names = [self.groups[n :: self.folds] for n in range(self.folds)]
        if self.folds == 1:
            return [self._fold("holdout", ["T1", "T2"], self.groups)]
        return [self._fold(f"fold{n}", [g for g in self.groups if g not in test], test) for n, test in enumerate(names)]

    def _fold(self, name, train, test):
        return {"name": name, "unit": self.unit, "train": train, "val": [], "test": test}

    def _member(self, fold, seed):
        rng = np.random.default_rng(seed)
        scores = {"model": {}, "flat": {}}
        for group in fold["test"]:
            r2 = 0.3 + rng.normal(0, self.spread)
            scores["flat"][group] = {"r2": 0.3, "mse": 0.7}
            scores["model"][group] = {"r2": r2 + self.better, "mse": 1 - r2 - self.better}
        name = f"{fold['name']}-seed{seed}"
        counts = {group: {"spots": 12.0} for group in fold["test"]}
        return {"member": name, "seed": seed, "fold": fold, "scores": scores, "counts": counts, "alone": {"r2": 0.5}}

    def _config(self, member):
        fitted = {"shift": 0.5, "genes": self.genes}
        origin = {"name": "some-data", "kind": self.kind, "licence": "cc0-1.0"}
        return {
            "format": 2,
            "member": member["member"],
            "seed": member["seed"],
            "fold": member["fold"],
            "digest": "d" * 64,
            "fitted": fitted,
            "floors": ["flat"],
            "provenance": {"data": [origin], "weights": []},
            "task": {"scores": {"r2": "share of the variance explained", "mse": "mean squared error"}},
        }

    def _census(self, folds):
        groups = {group: 12 for fold in folds for side in ("train", "test") for group in fold[side]}
        classes = {"sick": dict.fromkeys(groups, 8), "well": dict.fromkeys(list(groups)[:3], 4)}
        return {"format": 1, "items": 12 * len(groups), "unit": self.unit, "groups": groups, "classes": classes}

    def _log(self, member):
        for epoch, loss in enumerate(self.losses):
            rate = self.rate if self.rate is not None else 1e-3 * 0.5**epoch
            line = {"member": member, "epoch": epoch, "loss": loss, "lr": {"encoder": rate}, "seconds": 1.5}
            yield {**line, **({} if self.val_losses is None else {"val_loss": self.val_losses[epoch]})}


def put(path, value):
    """Write a value as JSON, NaN as Python writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def get(path):
    return json.loads(path.read_text())


def change(path, **values):
    """Change a JSON file at its top level."""
    put(path, {**get(path), **values})


def shown(folder, member="holdout-seed0", **about):
    """Draw one section of a member into the report of a run, as a task does; return its folder."""
    drawing = style.figure(3, 2)
    drawing.subplots().plot([0, 1], [0, 1])
    table = Table(["x", "y"], [[0, 0.5], [1, None]])
    figure = Figure("curve", "A curve", "A line from 0 to 1.", drawing, table, "Read it so.")
    parts = [figure, Listing("items", "Items", table, sort="-x"), Code("text", "Text", "<b>")]
    return material.write(
        folder / "report" / member, [Section("ranking", "Ranking", parts)], {"member": member, **about}
    )
