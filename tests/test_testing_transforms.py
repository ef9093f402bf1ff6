"""Checks of transforms, samplers and segmenters: a right part passes, each wrong one has its sentence and its line."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from testing_lines import findings, line

from zoo.errors import DataError
from zoo.testing import samplers, segmenters, transforms


class Brighten:
    """Adds light to each image."""

    def __call__(self, batch, generator):
        more = torch.rand(len(batch["image"]), 1, 1, 1, generator=generator)
        return {**batch, "image": batch["image"] + more}


class InPlace:
    def __call__(self, batch, generator):
        batch["image"].add_(torch.rand(1, generator=generator))
        return batch


class Doubling:
    def __call__(self, batch, generator):
        return {**batch, "image": batch["image"].double()}


class Dropping:
    def __call__(self, batch, generator):
        return {"id": batch["id"], "image": batch["image"]}


class Dividing:
    def __call__(self, batch, generator):
        return {**batch, "image": batch["image"] / (batch["image"] * 0)}


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, batch, generator):
        self.calls += 1
        return {**batch, "image": batch["image"] * self.calls}


class Everyones:
    def __call__(self, batch, generator):
        return {**batch, "image": batch["image"] + torch.rand(1)}


class Whole:
    """Cannot do with one item."""

    def __call__(self, batch, generator):
        image = batch["image"]
        return {
            **batch,
            "image": image / image.std(dim=0, correction=1).clamp(min=1e-3) if len(image) > 1 else image[:0],
        }


class Centre:
    """Takes the mean away that it was fitted to."""

    def __init__(self) -> None:
        self.mean = 0.0

    def fit(self, dataset, items) -> None:
        self.mean = float(dataset.batch(items)["image"].float().mean()) / 255

    def state(self):
        return {"mean": self.mean}

    def restore(self, state) -> None:
        self.mean = state["mean"]

    def __call__(self, batch, generator):
        return {**batch, "image": batch["image"] - self.mean}


class Adding(Centre):
    def fit(self, dataset, items) -> None:
        self.mean += float(dataset.batch(items)["image"].float().mean()) / 255


class Keeping(Centre):
    def restore(self, state) -> None:
        self.mean = 0.0


class Refusing:
    def __call__(self, batch, generator):
        raise DataError("the data have no spectra; take others")


@pytest.mark.parametrize("part", [Brighten, Centre])
def test_a_transform_that_keeps_its_promises_passes(part):
    found = findings("transforms", part, transforms)
    assert {name for name, one in found.items() if one.verdict != "PASS"} <= {"cuda"}
    assert ("restore" in found) is (part is Centre)


@pytest.mark.parametrize(
    ("part", "check", "said", "at"),
    [
        (InPlace, "unchanged", "changes the batch that it was given in place: 'image' is off by up to", "def __call__"),
        (Doubling, "batch", "makes 'image' torch.float64 of torch.float32; a model is built for", "def __call__"),
        (Dropping, "batch", "leaves out label; return {**batch, ...}, the others as they were", "def __call__"),
        (Dividing, "finite", "of 'image' that are no finite numbers; bound what it divides by", "def __call__"),
        (Counting, "generator", "the same generator gives two results: 'image' is off", "def __call__"),
        (Everyones, "draws", "draws from torch, which a resumed run cannot go on with", "def __call__"),
        (Whole, "single", "makes 0 rows of 'image' of 1; return 1", "def __call__"),
        (Adding, "fit", "fitted to the same items twice it is another", "def fit"),
        (Keeping, "restore", "one that takes the state back gives another result: 'image' is off", "def restore"),
    ],
)
def test_a_transform_that_breaks_a_promise_is_told_which_and_where(part, check, said, at):
    found = findings("transforms", part, transforms)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert at in line(found)


def test_a_transform_that_refuses_our_data_by_a_sentence_is_asked_for_a_recipe():
    found = findings("transforms", Refusing, transforms)
    assert list(found) == ["runs"]
    assert found["runs"].verdict == "SKIP"
    assert "(the data have no spectra; take others); ship a recipe that names it" in found["runs"].message


class Shuffled:
    """All items, in an order drawn."""

    def __call__(self, items, dataset, *, batch, rng):
        return rng.permutation(items)


class Places:
    def __call__(self, items, dataset, *, batch, rng):
        return rng.permutation(10 * len(items))


class Coin:
    def __call__(self, items, dataset, *, batch, rng):
        return items[rng.random(len(items)) < 0.5]


class Turning:
    def __init__(self) -> None:
        self.turn = 0

    def __call__(self, items, dataset, *, batch, rng):
        self.turn += 1
        return np.roll(items, self.turn)


class Global:
    def __call__(self, items, dataset, *, batch, rng):
        return np.random.permutation(items)  # noqa: NPY002 - the mistake


class Shuffling:
    def __call__(self, items, dataset, *, batch, rng):
        rng.shuffle(items)
        return items


class Full:
    """Whole batches only."""

    def __call__(self, items, dataset, *, batch, rng):
        return items[: len(items) // batch * batch]


def test_a_sampler_that_keeps_its_promises_passes():
    assert {one.verdict for one in findings("samplers", Shuffled, samplers).values()} == {"PASS"}


@pytest.mark.parametrize(
    ("part", "check", "said"),
    [
        (Places, "items", "which is none of the 16 training items; return items of those handed over"),
        (Coin, "count", "items in 5 epochs; every epoch needs as many"),
        (Turning, "repeat", "draws other items from the same generator; keep no state between epochs"),
        (Global, "draws", "draws from numpy.random, which a resumed run cannot go on with; draw from rng alone"),
        (
            Shuffling,
            "unchanged",
            "changes the items that it was given in place (rng.shuffle does); use rng.permutation",
        ),
        (Full, "batch", "returns nothing for a batch of 24 and 16 items"),
    ],
)
def test_a_sampler_that_breaks_a_promise_is_told_which_and_where(part, check, said):
    found = findings("samplers", part, samplers)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert "def __call__" in line(found)


class Threshold:
    """Bright pixels that touch."""

    needs = ("nucleus",)

    def bright(self, planes):
        plane = planes["nucleus"]
        white = {"uint8": 255, "uint16": 65535}.get(str(plane.dtype), 1)
        return plane / white > 0.3

    def __call__(self, planes):
        from scipy import ndimage

        return ndimage.label(self.bright(planes))[0].astype(np.int32)


class Needless(Threshold):
    needs = "nucleus"


class Wider(Threshold):
    def __call__(self, planes):
        return super().__call__(planes).astype(np.int64)


class Holes(Threshold):
    def __call__(self, planes):
        return super().__call__(planes) * np.int32(2)


class Chance(Threshold):
    def __call__(self, planes):
        return super().__call__(planes) * np.int32(random.random() < 0.5)


class Washing(Threshold):
    def __call__(self, planes):
        planes["nucleus"][:2] = 0
        return super().__call__(planes)


class Byte(Threshold):
    def bright(self, planes):
        return planes["nucleus"] & 64 > 0


class Bold(Threshold):
    """Divides by what may be nothing."""

    def bright(self, planes):
        if not planes["nucleus"].any():
            raise ZeroDivisionError
        return super().bright(planes)


class Greedy(Threshold):
    def bright(self, planes):
        plane = planes["nucleus"].astype(float)
        return plane > plane.mean() + plane.std()


class Closed(Threshold):
    def __init__(self) -> None:
        self.found = lambda mask: mask


def segmented(part):
    return {found.check: found for found in segmenters.examine(SimpleNamespace(make=part, target=part))}


def test_a_segmenter_that_keeps_its_promises_passes():
    assert {one.verdict for one in segmented(Threshold).values()} == {"PASS"}


@pytest.mark.parametrize(
    ("part", "check", "said", "at"),
    [
        (Needless, "needs", "needs is 'nucleus'; name the planes without which it cannot work", "needs ="),
        (
            Wider,
            "cells",
            "returns int64 [96, 128] for a field of 96 x 128 pixels; return an int32 array",
            "def __call__",
        ),
        (Holes, "cells", "labels 12 cells by numbers from 2 to 24; number them 1 to 12 without holes", "def __call__"),
        (Chance, "repeat", "the same field gives other cells the second time; seed what is drawn", "def __call__"),
        (Washing, "unchanged", "changes the planes that it was given: 'nucleus' is off", "def __call__"),
        (Byte, "kinds", "of float32 planes: raises TypeError: ufunc 'bitwise_and'", 'planes["nucleus"] & 64'),
        (Bold, "empty", "in a field of zeros: raises ZeroDivisionError", "raise ZeroDivisionError"),
        (Closed, "pickle", "cannot be sent to the processes that segment", "def __init__"),
    ],
)
def test_a_segmenter_that_breaks_a_promise_is_told_which_and_where(part, check, said, at):
    found = segmented(part)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert at in line(found)


def test_cells_in_noise_are_warned_of_because_how_much_is_many_is_for_a_segmenter_to_weigh():
    found = segmented(Greedy)["empty"]
    assert found.verdict == "WARN"
    assert "cells in a field of noise without any, where 3 would be few" in found.message
