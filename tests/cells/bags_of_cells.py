"""Fields of round cells whose protein lies in the nucleus, outside of it, or nowhere, as bags of crops."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import torch

CLASSES = ["Nucleoplasm", "Cytosol", "Negative"]
SIDE, STEP = 24, 26


class Fields:
    """The fields that the bags were cut from, and before them one without cells, which is no bag."""

    def __init__(self, names, images):
        self.images = [np.zeros_like(images[0]), *images]
        self.groups = {"field": ["empty", *names]}
        self.fields = [SimpleNamespace(name=name, truth=str) for name in self.groups["field"]]

    def batch(self, items):
        return {"image": torch.from_numpy(np.stack([self.images[item] for item in items]))}


class Bags:
    """Bags as a dataset gives them; the pixels follow from the true labels of each cell and a seed."""

    provides = ("instances", "offsets", "label")
    classes = CLASSES
    channels: ClassVar = ["microtubules", "protein", "nucleus", "er"]
    notes = ()
    stamp = "made up"
    inputs: ClassVar = {"input": "a folder"}
    provenance: ClassVar = {"name": "made-up cells", "kind": "simulated", "licence": "cc0-1.0"}

    def __init__(
        self, *, fields: int = 12, deviate: float = 0.3, truth: bool = True, names: str = "field {}", seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.truth, self.names = truth, [names.format(n) for n in range(fields)]
        self.sizes = rng.integers(2, 6, size=fields).tolist()
        self.label_sets = np.eye(3, dtype=np.int8)[np.arange(fields) % 3]
        self.label_sets[::6, 1] = 1
        self.cells, self.crops, images = [], [], []
        for label, size in zip(self.label_sets, self.sizes, strict=True):
            own = np.where(rng.random((size, 1)) < deviate, np.eye(3, dtype=np.int8)[2], label)
            self.cells.append(own.astype(np.int8))
            self.crops.append(np.stack([drawn(one, rng) for one in own]))
            image = np.zeros((4, STEP, STEP * 6), np.uint8)
            for number, crop in enumerate(self.crops[-1]):
                image[:, 1 : SIDE + 1, number * STEP : number * STEP + SIDE] = crop
            images.append(image)
        self.fields_dataset = Fields(self.names, images)
        if not truth:
            self.forget()

    def forget(self):
        self.truth = False
        for field in self.fields_dataset.fields:
            field.truth = None

    def __len__(self):
        return len(self.names)

    @property
    def groups(self):
        return {"field": self.names, "antibody": [f"a{n // 2}" for n in range(len(self))]}

    @property
    def facts(self):
        return {"in_chans": 4, "num_classes": 3}

    def fit(self, items):
        pass

    def state(self):
        return {"classes": list(self.classes), "channels": self.channels}

    def restore(self, state):
        pass

    def batch(self, items):
        return {
            "instances": torch.from_numpy(np.concatenate([self.crops[item] for item in items])),
            "offsets": torch.tensor(np.cumsum([0, *(self.sizes[item] for item in items)])),
            "label": torch.from_numpy(self.label_sets[items].astype(np.float32)),
            "id": [self.names[item] for item in items],
        }

    def open_new(self, inputs):
        new = Bags(fields=3, seed=7, names="new/{}")
        new.label_sets[:] = -1
        new.forget()
        return new

    def cell_truth(self, items):
        if not self.truth:
            return None
        found = [self.cells[item].copy() for item in items]
        for one in found[1::4]:
            one[-1] = -1  # matches no true cell
        missed = np.zeros((len(found), 3), np.int64)
        missed[::3, 0] = 1
        return {"cell": np.concatenate(found), "missed": missed}

    def mask(self, item):
        found = np.zeros((STEP, STEP * 6), np.int32)
        for number in range(self.sizes[item]):
            found[1 : SIDE + 1, number * STEP : number * STEP + SIDE] = number + 1
        return found

    def cell_table(self, items):
        sizes = [self.sizes[item] for item in items]
        number = np.concatenate([np.arange(size) for size in sizes])
        item = np.repeat(items, sizes)
        x0 = number * STEP
        return {
            "item": item,
            "field": np.array([self.names[one] for one in item], dtype=object),
            "cell": number + 1,
            "y0": np.ones_like(x0),
            "x0": x0,
            "y1": np.full_like(x0, SIDE + 1),
            "x1": x0 + SIDE,
            "centroid_y": np.full(len(x0), 12.5),
            "centroid_x": x0 + 11.5,
            "area": np.full(len(x0), SIDE * SIDE),
        }


def drawn(label, rng):
    """Draw one cell [4, S, S] with the protein where its labels say."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    nucleus, cell = (np.hypot(y, x) < radius for radius in (5, 10))
    planes = np.stack(
        [cell * 0.5, label[0] * nucleus * 0.7 + label[1] * (cell & ~nucleus) * 0.5, nucleus * 0.8, cell * 0.4]
    )
    return np.clip((planes + rng.normal(0.05, 0.02, planes.shape)) * 255, 0, 255).astype(np.uint8)
