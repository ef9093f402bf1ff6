"""Checks of datasets: a right one passes, each wrong one has its sentence and its line; and what checks share."""

import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from testing_lines import findings, line

from zoo.errors import MissingError
from zoo.testing import datasets, values

KNOWN = {"name": "plain", "kind": "simulated", "licence": "cc0-1.0", "source": "a test"}


class Plain:
    """Twelve bags of two instances of three donors; fitted is the mean of what was handed over."""

    provides = ("instances", "offsets", "label")
    classes = ("a", "b")
    provenance = KNOWN

    def __init__(self) -> None:
        self.mean = 0.0
        self.pixels = np.random.default_rng(0).integers(0, 256, (12, 2, 1, 4, 4)).astype(np.uint8)
        self.labels = np.arange(12) % 2
        self.sizes = [2] * 12

    def __len__(self) -> int:
        return 12

    @property
    def groups(self):
        return {"donor": [f"D{i % 3}" for i in range(12)]}

    @property
    def facts(self):
        return {"in_chans": 1, "num_classes": 2}

    def fit(self, items) -> None:
        self.mean = float(self.pixels[items].mean())

    def state(self):
        return {"mean": self.mean}

    def restore(self, state) -> None:
        self.mean = state["mean"]

    def batch(self, items):
        return {
            "id": [f"bag{i}" for i in items],
            "instances": torch.from_numpy(np.concatenate(self.pixels[items])),
            "offsets": torch.arange(len(items) + 1) * 2,
            "label": torch.from_numpy(self.labels[items]),
        }

    def open_new(self, inputs):
        raise NotImplementedError


class Nobody(Plain):
    @property
    def groups(self):
        return {"donor": ["D0"] * 11 + [""]}


class Short(Plain):
    @property
    def groups(self):
        return {"donor": ["D0", "D1"]}


class Silent(Plain):
    provides = ("instances", "offsets")


class Promising(Plain):
    provides = ("instances", "offsets", "label", "mask")


class Bare(Plain):
    def batch(self, items):
        return {**super().batch(items), "label": [0] * len(items)}


class Unnamed(Plain):
    def batch(self, items):
        return {**super().batch(items), "id": list(items)}


class Overlapping(Plain):
    def batch(self, items):
        return {**super().batch(items), "offsets": torch.arange(len(items) + 1) * 2 + 1}


class Large(Plain):
    def batch(self, items):
        whole = super().batch(items)
        return {**whole, "instances": whole["instances"].int()}


class Unscaled(Plain):
    def batch(self, items):
        whole = super().batch(items)
        return {**whole, "instances": whole["instances"].float()}


class Coloured(Plain):
    @property
    def facts(self):
        return {"in_chans": 3, "num_classes": 2}


class Relative(Plain):
    def batch(self, items):
        return {**super().batch(items), "label": torch.arange(len(items))}


class Flipping(Plain):
    def batch(self, items):
        whole = super().batch(items)
        return {**whole, "instances": whole["instances"] if np.random.rand() < 0.5 else 255 - whole["instances"]}  # noqa: NPY002 - the mistake


class Wide(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.labels = np.arange(12)


class Shifted(Plain):
    def batch(self, items):
        return {**super().batch(items), "label": torch.from_numpy(1 - self.labels[items])}


class Forgetful(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.sizes = [3] * 12


class Hoarding(Plain):
    """Keeps what it was fitted to before."""

    def fit(self, items) -> None:
        self.seen = np.unique([*getattr(self, "seen", []), *items])
        self.mean = float(self.pixels[self.seen].mean())


class Drawing(Plain):
    def fit(self, items) -> None:
        self.mean = random.random()


class Thirsty(Plain):
    def batch(self, items):
        self.mean += 1
        return super().batch(items)


class Numeric(Plain):
    def state(self):
        return {"mean": np.float32(self.mean)}


class Halved(Plain):
    """Gives what it fitted, and keeps it to itself."""

    def batch(self, items):
        return {**super().batch(items), "label": torch.full((len(items),), int(self.mean))}

    provenance = {**KNOWN, "licence": "my-own"}  # noqa: RUF012 - as a stranger would write it
    labels = None

    def state(self):
        return {}

    def restore(self, state) -> None:
        pass


class Absent(Plain):
    def __len__(self) -> int:
        raise MissingError("data.root: there is no such folder; name another")


def test_a_dataset_that_keeps_its_promises_passes_and_only_predicting_is_left_to_its_author():
    found = findings("datasets", Plain, datasets)
    assert {name for name, one in found.items() if one.verdict != "PASS"} == {"predict"}
    assert found["predict"].verdict == "SKIP"
    assert "--input" in found["predict"].message
    assert len(found) == 15


@pytest.mark.parametrize(
    ("part", "check", "said", "at"),
    [
        (Nobody, "groups", "unit 'donor' has no name for 1 items (item 11 is the first)", "def groups"),
        (Short, "groups", "unit 'donor' has 2 groups for 12 items; name the group of each item", "def groups"),
        (Silent, "provides", "a batch has label, which provides does not name", "provides ="),
        (Promising, "provides", "names mask, and a batch has id, instances, label, offsets", "provides ="),
        (Bare, "batch", "'label' is a list of 6; return a tensor on the CPU", "def batch"),
        (Unnamed, "batch", "'id' is a list of 6 for 6 items; return a list of 6 texts", "def batch"),
        (Overlapping, "batch", "'offsets' is [1, 3, 5, 7, 9, 11, 13] (torch.int64) for 6 bags", "def batch"),
        (Large, "images", "'instances' is torch.int32; return uint8, uint16, or floating point in [0, 1]", "def batch"),
        (Coloured, "images", "'instances' has 1 channels, and facts say in_chans 3; correct one", "def facts"),
        (Relative, "order", "read in another order is another: 'label' is off by up to 5", "def batch"),
        (Flipping, "repeat", "the same items read twice differ, drawing from numpy.random", "def batch"),
        (Wide, "labels", "labels is [12] of 0 to 11 for 12 items and 2 classes; return [12] of whole", "self.labels ="),
        (Shifted, "label", "'label' of a batch is [1, 1, 0, 0], and labels are [0, 0, 1, 1]", "def batch"),
        (Forgetful, "sizes", "sizes says [3, 3, 3, 3, 3, 3], and the bags have [2, 2, 2, 2, 2, 2]", "self.sizes ="),
        (Hoarding, "fit", "because it was fitted to other items before (mean)", "def fit"),
        (Drawing, "fit", "because it draws from random (mean)", "def fit"),
        (Thirsty, "fit", "reading a batch changes the state", "def batch"),
        (Numeric, "restore", "state.mean is float32", "def state"),
        (Halved, "restore", "takes the state back is another: 'label' is off by up to", "def state"),
        (Halved, "provenance", "licence 'my-own' is on no list", "provenance ="),
    ],
)
def test_a_dataset_that_breaks_a_promise_is_told_which_and_where(part, check, said, at):
    found = findings("datasets", part, datasets)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert at in line(found)


def test_images_in_floating_point_that_were_not_divided_by_white_are_warned_of():
    found = findings("datasets", Unscaled, datasets)["images"]
    assert found.verdict == "WARN"
    assert "lies in [0, 255] in floating point, and images in [0, 1]; divide by what white is" in found.message


def test_data_that_are_not_here_are_no_fault_of_a_dataset():
    found = findings("datasets", Absent, datasets)
    assert [one.verdict for one in found.values()] == ["SKIP"]
    assert "cannot be looked at here: data.root: there is no such folder" in found["length"].message


FEW = hypothesis_settings(max_examples=25)
PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(PLAIN)
@FEW
def test_what_json_gives_back_is_plain(value):
    assert values.not_plain(json.loads(json.dumps(value))) == ""


@given(PLAIN, some.sampled_from([np.int64(1), float("nan"), b"x", {1: "one"}, {1, 2}, torch.ones(1)]))
@FEW
def test_what_json_does_not_have_is_found_wherever_it_lies(value, strange):
    assert values.not_plain({"a": value, "b": [value, {"c": strange}]}).startswith("b[1].c ")


def test_the_generators_that_all_code_shares_are_watched_and_left_as_they_were():
    before = random.getstate(), torch.get_rng_state()
    with values.everyones_generators(0) as used:
        random.random()
        torch.rand(1)
    assert used == ["random", "torch"]
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


@given(some.lists(some.integers(1, 4), min_size=1, max_size=5), some.randoms(use_true_random=False))
@FEW
def test_the_items_of_a_batch_of_bags_are_the_same_in_any_order(sizes, rng):
    bags = [torch.full((size, 1), float(number)) for number, size in enumerate(sizes)]
    order = rng.sample(range(len(sizes)), len(sizes))

    def packed(chosen):
        ends = np.cumsum([0, *(sizes[i] for i in chosen)])
        shared = {"section": torch.arange(3)[:, None], "section_index": torch.tensor([i % 3 for i in chosen])}
        rows = {"instances": torch.cat([bags[i] for i in chosen]), "offsets": torch.from_numpy(ends)}
        return {"id": [str(i) for i in chosen], **rows, **shared}

    once, then = values.items_of(packed(range(len(sizes)))), values.items_of(packed(order))
    assert all(values.difference(once[i], own) == "" for i, own in zip(order, then, strict=True))
    assert {"instances", "section", "id"} == set(once[0]) or sum(sizes) == len(sizes)
