"""A stranger's plugin for the tests: a linear regression over eight groups, small enough to train in a blink.

``fit`` remembers which items it was shown, so that tests can ask what a protocol lets a dataset see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from zoo.contracts import Encoder
from zoo.nn.gather import gather

PIXELS = 4


class TinyLinear(nn.Module):
    """Linear features of the flattened image: [B, C, H, W] -> [B, F].

    References
    ----------
    doi:10.0000/tiny
    """

    reads = ("image",)

    def __init__(
        self,
        *,
        in_chans: int,
        width: Annotated[int, Field(ge=1)] = 8,
        dropout: float = 0.0,
        inner: Encoder | None = None,
    ) -> None:
        super().__init__()
        self.out_features = width
        self.inner = inner
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(in_chans * PIXELS, width), nn.Tanh(), nn.Dropout(dropout))

    def forward(self, batch):
        return self.net(batch["image"])


class TinyScalar(nn.Module):
    """One number an item, and an embedding."""

    def __init__(self, *, in_features: int) -> None:
        super().__init__()
        self.out = nn.Linear(in_features, 1)

    def forward(self, features, batch):
        other = features * 0.5 + batch["target"][:, None]
        return {"value": self.out(features)[:, 0], "embedding": features, "other": other}


class TinySquare(nn.Module):
    """Mean squared error; not a number from the given value on."""

    def __init__(self, *, break_at: float = 1e9) -> None:
        super().__init__()
        self.break_at = break_at

    def forward(self, outputs, batch):
        loss = ((outputs["value"] - batch["target"]) ** 2).mean()
        return loss * float("nan") if bool((batch["target"] > self.break_at).any()) else loss


class TinyContrast(nn.Module):
    """A contrastive loss over the global batch."""

    def forward(self, outputs, batch):
        one, other = gather(outputs["embedding"]), gather(outputs["other"])
        target = torch.arange(len(one))
        return nn.functional.cross_entropy(one @ other.T, target)


class TinyGroups:
    """Items of eight groups ``g0`` .. ``g7`` with a linear truth."""

    provides = ("image", "target")
    inputs = {"input": "images as a .npy file"}  # noqa: RUF012 - as a stranger would write it
    provenance = {  # noqa: RUF012 - as above
        "name": "tiny-groups",
        "kind": "simulated",
        "licence": "cc0-1.0",
        "source": "a random generator",
        "modality": "noise",
    }

    def __init__(self, *, items: int = 64, seed: int = 0, log: str | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.integers(0, 256, size=(items, 3, 2, 2)).astype(np.uint8)
        weights = rng.normal(size=12)
        self.y = (self.x.reshape(items, -1) / 255 @ weights).astype(np.float32)
        self.log = log
        self.shift = 0.0
        self.notes: list[str] = []

    def __len__(self) -> int:
        return len(self.x)

    @property
    def groups(self) -> dict[str, list[str]]:
        return {"plate": [f"g{i % 8}" for i in range(len(self))]}

    @property
    def facts(self) -> dict[str, int]:
        return {"in_chans": 3}

    def fit(self, items) -> None:
        self.shift = float(self.y[items].mean())
        if self.log:
            with Path(self.log).open("w") as file:
                json.dump(sorted({self.groups["plate"][i] for i in items}), file)

    def state(self) -> dict[str, Any]:
        return {"shift": self.shift}

    def restore(self, state) -> None:
        self.shift = state["shift"]

    def batch(self, items):
        return {
            "id": [f"item{i}" for i in items],
            "image": torch.from_numpy(self.x[items]),
            "target": torch.from_numpy(self.y[items] - np.float32(self.shift)),
        }

    def open_new(self, inputs):
        new = TinyGroups(items=len(np.load(inputs["input"])))
        new.x = np.load(inputs["input"])
        new.restore(self.state())
        return new


class TinyRegress:
    """Predict one number an item; the floor is the mean."""

    scores: Mapping[str, bool] = {"r2": True, "mse": False}
    needs_bank = False
    hub = {  # noqa: RUF012 - as above
        "writes": "npy",
        "task_type": "image-regression",
        "tags": ["regression"],
        "scores": {"r2": "share of the variance explained", "mse": "mean squared error"},
        "metrics": {"mse": "mse"},
    }

    def bank(self, outputs, dataset, items):
        return {}

    def predict(self, outputs, bank):
        return {"value": outputs["value"]}

    def truth(self, dataset, items):
        return {"value": dataset.y[items] - np.float32(dataset.shift)}

    def score(self, predicted, truth):
        error = float(((predicted["value"] - truth["value"]) ** 2).mean())
        return {"r2": 1 - error / float(truth["value"].var()), "mse": error}, {"items": float(len(truth["value"]))}

    def fit_floors(self, dataset, items):
        return {"mean": {"mean": self.truth(dataset, items)["value"].mean(keepdims=True)}}

    def predict_floor(self, name, state, dataset, items):
        return {"value": np.repeat(state["mean"], len(items))}

    def write(self, predicted, dataset, path, facts) -> None:
        np.save(path, predicted["value"])


class TinyAttention(nn.Module):
    """A gate on features, which asks for a learning rate of its own."""

    part = "attention"

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gate = nn.Linear(features, features)

    def forward(self, features):
        return features * torch.sigmoid(self.gate(features))


class TinyGated(TinyLinear):
    """Linear features with a gate."""

    def __init__(self, *, in_chans: int, width: int = 8) -> None:
        super().__init__(in_chans=in_chans, width=width)
        self.attention = TinyAttention(width)

    def forward(self, batch):
        return self.attention(super().forward(batch))


class TinyTwice:
    """Every item twice an epoch, in a drawn order; with ``growing`` more of them every time."""

    def __init__(self, *, growing: bool = False) -> None:
        self.growing, self.calls = growing, 0

    def __call__(self, items, dataset, *, batch, rng):
        self.calls += 1
        return rng.permutation(np.tile(items, 2 + self.calls if self.growing else 2))


class TinyBags:
    """Bags of instances [3, 2, 2] of which each shows one label of its bag by a bright channel, or nothing."""

    provides = ("instances", "offsets", "label")
    inputs = {"input": "instances of one bag as a .npy file"}  # noqa: RUF012 - as a stranger would write it
    provenance = {**TinyGroups.provenance, "name": "tiny-bags"}  # noqa: RUF012 - as above
    classes = ["a", "b", "c", "none"]  # noqa: RUF012 - as above
    notes = ()

    def __init__(self, *, bags: int = 48, seed: int = 0, unknown: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.sizes = rng.integers(2, 6, size=bags).tolist()
        self.label_sets = np.zeros((bags, 4), np.int8)
        self.cells, self.pixels = [], []
        for bag, size in enumerate(self.sizes):
            own = rng.choice(3, size=1 + int(rng.random() < 0.3), replace=False)
            shown = np.where(rng.random(size) < 0.4, 3, rng.choice(own, size=size))
            shown[0] = own[0]
            image = rng.integers(0, 90, size=(size, 3, 2, 2))
            image[np.arange(size)[shown < 3], shown[shown < 3]] += 120
            self.label_sets[bag, np.unique(shown[shown < 3])] = 1
            self.cells.append(np.eye(4, dtype=np.int8)[shown])
            self.pixels.append(image.astype(np.uint8))
        self.label_sets[:unknown] = -1

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def groups(self) -> dict[str, list[str]]:
        return {"plate": [f"g{i % 8}" for i in range(len(self))]}

    @property
    def facts(self) -> dict[str, int]:
        return {"in_chans": 3, "num_classes": 4}

    def fit(self, items) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {"classes": self.classes}

    def restore(self, state) -> None:
        pass

    def batch(self, items):
        return {
            "id": [f"bag{i}" for i in items],
            "instances": torch.from_numpy(np.concatenate([self.pixels[i] for i in items])),
            "offsets": torch.tensor(np.cumsum([0, *(self.sizes[i] for i in items)])),
            "label": torch.from_numpy(self.label_sets[items].astype(np.float32)),
        }

    def open_new(self, inputs):
        new = TinyBags(bags=1)
        new.pixels = [np.load(inputs["input"])]
        new.sizes = [len(new.pixels[0])]
        new.label_sets[:] = -1
        return new


class TinySpots:
    """Tell the labels of bags and of their instances; can be calibrated, and notes with which bags that was done."""

    scores: Mapping[str, bool] = {"bags": True, "spots": True, "wrong": False}
    needs_bank = False

    def __init__(self, *, log: str | None = None) -> None:
        self.log = log

    def bank(self, outputs, dataset, items):
        return {}

    def calibrate(self, outputs, dataset, items, *, temperature=True, thresholds=True):
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(json.dumps(sorted({dataset.groups["plate"][i] for i in items})) + "\n")
        probability, has = 1 / (1 + np.exp(-outputs["bag"])), dataset.label_sets[items] == 1
        tried = np.linspace(0.05, 0.95, 19)
        right = ((probability[None] >= tried[:, None, None]) == has).mean(axis=1)
        return {"threshold": tried[right.argmax(axis=0)].astype(np.float32)}

    def predict(self, outputs, bank):
        threshold = bank.get("threshold", np.full(outputs["bag"].shape[1], 0.5, np.float32))
        probability = 1 / (1 + np.exp(-outputs["bag"]))
        return {
            "has": (probability >= threshold).astype(np.float32),
            "spot": 1 / (1 + np.exp(-outputs["instance"])),
        }

    def truth(self, dataset, items):
        return {
            "has": dataset.label_sets[items].astype(np.float32),
            "spot": np.concatenate([dataset.cells[i] for i in items]).astype(np.float32),
        }

    def score(self, predicted, truth):
        bags = float((predicted["has"] == truth["has"]).mean())
        shown, found = truth["spot"][:, :3], predicted["spot"][:, :3].argmax(1)
        spots = float((found == shown.argmax(1))[shown.any(axis=1)].mean())
        return {"bags": bags, "spots": spots, "wrong": 1 - bags}, {"bags": float(len(truth["has"]))}

    def fit_floors(self, dataset, items):
        return {"majority": {"has": (dataset.label_sets[items] == 1).mean(axis=0).astype(np.float32)}}

    def predict_floor(self, name, state, dataset, items):
        cells = sum(dataset.sizes[i] for i in items)
        return {"has": np.tile(state["has"] >= 0.5, (len(items), 1)), "spot": np.tile(state["has"], (cells, 1))}

    def write(self, predicted, dataset, path, facts) -> None:
        np.save(path, predicted["spot"])
