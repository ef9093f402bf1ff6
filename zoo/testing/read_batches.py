"""What is asked of the batches of a dataset, which is the first half of :mod:`zoo.testing.datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.testing.findings import Finding, failed, place_of, warned
from zoo.testing.values import INDEX, OFFSETS, difference, everyones_generators, items_of

if TYPE_CHECKING:
    from zoo.contracts import Indices
    from zoo.testing.subject import Subject

SOME = 6
"""Items of the batches that are looked at."""
IMAGE_DIMENSIONS = 4
UNSCALED = 32
"""No image in [0, 1], nor one that was standardised, has values like this; one of 8 bits has."""
CHANNELS_OF = ("image", "instances")


class Batches:
    """A dataset, fitted to the training items of the subject's recipe, and some of its items."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        # what a function returns is of a class, and it is the class that does what is found
        self.target = type(self.made)

    @cached_property
    def made(self) -> Any:
        """The dataset as it is built, fitted to nothing."""
        return self.subject.make()

    @cached_property
    def data(self) -> Any:
        """The fitted dataset."""
        return self.subject.dataset

    @cached_property
    def chosen(self) -> Indices:
        """A few items out of all, those of training first."""
        train = np.asarray(self.subject.items("train"))
        rest = np.setdiff1d(np.arange(len(self.data)), train)
        return np.concatenate([train[: SOME - 2], rest[:2]]).astype(np.int64)

    @cached_property
    def read(self) -> Mapping[str, Any]:
        """The batch of these items."""
        found: Mapping[str, Any] = self.data.batch(self.chosen)
        return found

    def length(self) -> Iterator[Finding]:
        """Look for items."""
        if len(self.made) < 1:
            yield self.failed("length", "has no items; __len__ returns how many there are", "__len__")

    def groups(self) -> Iterator[Finding]:
        """Look for a group of each item, by every unit."""
        units = self.made.groups
        if not units:
            yield self.failed(
                "groups", "knows no unit of groups to split by; return {unit: [group of each item]}", "groups"
            )
        for unit, names in units.items():
            strange = [name for name in names if not isinstance(name, str)]
            if len(names) != len(self.made):
                what = f"unit '{unit}' has {len(names)} groups for {len(self.made)} items; name the group of each item"
                yield self.failed("groups", what, "groups")
            elif strange:
                what = f"unit '{unit}' has the group {strange[0]!r} ({type(strange[0]).__name__}); groups are text"
                yield self.failed("groups", what, "groups")
            elif not all(names):
                where = [place for place, name in enumerate(names) if not name]
                what = f"unit '{unit}' has no name for {len(where)} items (item {where[0]} is the first)"
                yield self.failed("groups", f"{what}; items of nobody would be one group, so name each", "groups")

    def provides(self) -> Iterator[Finding]:
        """Look whether a batch has what was said it would."""
        named = set(self.data.provides)
        given = {name for name in self.read if name != "id" and name.removesuffix(INDEX) not in set(self.read) - {name}}
        lacking, unnamed = sorted(named - set(self.read)), sorted(given - named)
        if lacking:
            what = f"names {', '.join(lacking)}, and a batch has {', '.join(sorted(self.read))}"
            yield self.failed("provides", f"{what}; name what a batch has", "provides")
        if unnamed:
            what = f"a batch has {', '.join(unnamed)}, which provides does not name; name them, or leave them out"
            yield self.failed("provides", what, "provides")

    def batch(self) -> Iterator[Finding]:
        """Look whether a batch is what other parts take for granted."""
        ids, wanted = self.read.get("id"), len(self.chosen)
        if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids) or len(ids) != wanted:
            what = f"'id' is {_shown(ids)} for {wanted} items; return a list of {wanted} texts, a name for each item"
            yield self.failed("batch", what)
            return
        for name, value in self.read.items():
            if name != "id" and not (isinstance(value, torch.Tensor) and value.device.type == "cpu"):
                yield self.failed("batch", f"'{name}' is {_shown(value)}; return a tensor on the CPU")
                return
        yield from self._rows()

    def _rows(self) -> Iterator[Finding]:
        """Look at first dimensions: those of items, of the instances of bags, and of what items share."""
        count, bags = len(self.chosen), OFFSETS in self.read
        instances = -1
        if bags:
            offsets = self.read[OFFSETS]
            instances = int(offsets[-1]) if offsets.numel() else -1
            whole = offsets.ndim == 1 and len(offsets) == count + 1 and not offsets.is_floating_point()
            if not whole or int(offsets[0]) != 0 or bool((offsets.diff() < 0).any()):
                what = f"'offsets' is {offsets.tolist()[:8]} ({offsets.dtype}) for {count} bags"
                yield self.failed("batch", f"{what}; return [B + 1] whole numbers that rise from 0 to the last row")
                return
        for name, value in self.read.items():
            if name in {"id", OFFSETS}:
                continue
            rows = len(value) if value.ndim else 0
            if f"{name}{INDEX}" in self.read:
                index = self.read[f"{name}{INDEX}"]
                if len(index) != count or int(index.min()) < 0 or int(index.max()) >= rows:
                    what = f"'{name}{INDEX}' is {index.tolist()[:8]} and '{name}' has {rows} rows"
                    yield self.failed("batch", f"{what}; return [B], the row of each item")
            elif rows not in {count, instances}:
                wanted = f"{count} rows, one an item" + (f", or {instances}, one an instance" if bags else "")
                yield self.failed("batch", f"'{name}' is {list(value.shape)} for {count} items; return {wanted}")

    def images(self) -> Iterator[Finding]:
        """Look for images of 8 or 16 bits, or floating point in [0, 1], with the channels that facts say."""
        for name, value in self.read.items():
            if not isinstance(value, torch.Tensor) or value.ndim != IMAGE_DIMENSIONS or not value.numel():
                continue
            if value.is_floating_point():
                yield from self._levels(name, value)
            elif value.dtype not in {torch.uint8, torch.uint16}:
                what = f"'{name}' is {value.dtype}; return uint8, uint16, or floating point in [0, 1]"
                yield self.failed("images", what)
            channels = self.data.facts.get("in_chans")
            if name in CHANNELS_OF and channels not in {None, value.shape[1]}:
                what = f"'{name}' has {value.shape[1]} channels, and facts say in_chans {channels}; correct one"
                yield self.failed("images", what, "facts")

    def _levels(self, name: str, value: torch.Tensor) -> Iterator[Finding]:
        low, high = float(value.min()), float(value.max())
        if not bool(torch.isfinite(value).all()):
            what = f"'{name}' has values that are no finite numbers; mend the images, or refuse them by a DataError"
            yield self.failed("images", what)
        elif high > UNSCALED:
            what = f"'{name}' lies in [{low:.3g}, {high:.3g}] in floating point, and images in [0, 1]"
            yield warned("images", f"{what}; divide by what white is, or give integers", self.place("batch"))

    def order(self) -> Iterator[Finding]:
        """Read items in another order, and one alone: what an item is does not depend on the others."""
        for what, items in (("in another order", self.chosen[::-1].copy()), ("alone", self.chosen[-1:])):
            places = [self.chosen.tolist().index(item) for item in items.tolist()]
            once, then = items_of(self.read), items_of(self.data.batch(items))
            for place, own in zip(places, then, strict=True):
                apart = difference(once[place], own)
                if apart:
                    said = f"item {self.chosen[place]} read {what} is another: {apart}"
                    yield self.failed("order", f"{said}; a row follows from its item alone")
                    return

    def repeat(self) -> Iterator[Finding]:
        """Read twice: nothing is drawn at random."""
        batches = []
        for seed in (0, 1):
            with everyones_generators(seed) as used:
                batches.append(self.data.batch(self.chosen))
        apart = difference(*batches)
        if apart:
            how = f", drawing from {', '.join(used)}" if used else ""
            what = f"the same items read twice differ{how}: {apart}"
            yield self.failed("repeat", f"{what}; whatever is random belongs into a transform")

    def place(self, name: str) -> str:
        """Return the line that defines or sets a name of the dataset."""
        return place_of(self.target, name) or place_of(self.subject.target)

    def failed(self, check: str, message: str, name: str = "batch") -> Finding:
        """Return a broken promise, with the line that has to do with it."""
        return failed(check, message, self.place(name))


def _shown(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {list(value.shape)} on {value.device}"
    return f"a list of {len(value)}" if isinstance(value, list) else f"a {type(value).__name__}"
