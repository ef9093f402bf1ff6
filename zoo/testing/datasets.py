"""Whether a dataset keeps what :class:`zoo.contracts.Dataset` promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from zoo import licences
from zoo.contracts import FACTS
from zoo.provenance import Provenance
from zoo.testing.findings import Finding, attempt, skipped, warned
from zoo.testing.read_batches import Batches
from zoo.testing.values import OFFSETS, Look, difference, everyones_generators, examined, kept

if TYPE_CHECKING:
    from zoo.contracts import Dataset
    from zoo.testing.subject import Subject

UNKNOWN = -1
SHOWN = 4
"""Labels that a sentence shows."""


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a dataset as it is built, then at what it is once it was fitted to the training items of its recipe."""
    with attempt("opens", subject.target) as found:
        checks = _Checks(subject)
        found.extend(examined(checks.target, checks.first_looks()))
        # without items that belong to groups, and can be dealt out by class, there is nothing to fit it to
        if not any(finding.verdict in {"FAIL", "SKIP"} for finding in found):
            with attempt("fit", checks.target) as refused:
                len(checks.data)
            found.extend(refused or examined(checks.target, checks.looks()))
    yield from found


class _Checks(Batches):
    """What is asked of a dataset beside its batches."""

    def first_looks(self) -> list[tuple[str, Look]]:
        """Return the looks at a dataset that was fitted to nothing."""
        return [("length", self.length), ("groups", self.groups), ("labels", self.labels)]

    def looks(self) -> Iterator[tuple[str, Look]]:
        """Give the looks at a fitted dataset, those first without which the others cannot be understood."""
        names = ("provides", "batch", "images", "order", "repeat", "facts", "label", "sizes", "fit", "restore")
        for name in (*names, "provenance", "predict"):
            yield name, getattr(self, name)

    def facts(self) -> Iterator[Finding]:
        """Look whether facts are numbers that other parts may ask for."""
        for name, value in self.data.facts.items():
            if name not in FACTS:
                yield self.failed("facts", f"'{name}' is no fact; they are {', '.join(FACTS)}", "facts")
            elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
                yield self.failed("facts", f"{name} is {value!r}; return a whole number of at least 1", "facts")
        classes, stated = getattr(self.data, "classes", None), self.data.facts.get("num_classes")
        if classes is not None and stated is not None and stated != len(classes):
            what = f"num_classes is {stated}, and there are {len(classes)} classes; correct one"
            yield self.failed("facts", what, "facts")

    def labels(self) -> Iterator[Finding]:
        """Look whether labels are numbers of classes, or rows of them."""
        labels, sets = getattr(self.made, "labels", None), getattr(self.made, "label_sets", None)
        classes = list(getattr(self.made, "classes", None) or ())
        if labels is None and sets is None:
            return
        if not classes or len(set(classes)) != len(classes) or not all(isinstance(name, str) for name in classes):
            what = f"has labels, and its classes are {classes[:8]}; name each class once, as text"
            yield self.failed("labels", what, "classes")
            return
        if labels is not None and sets is not None:
            yield self.failed("labels", "has labels and label_sets; an item has one class, or a row of them", "labels")
            return
        name, given = ("labels", labels) if labels is not None else ("label_sets", sets)
        yield from self._numbers(name, np.asarray(given), len(classes))

    def _numbers(self, name: str, given: Any, classes: int) -> Iterator[Finding]:
        count, whole = len(self.made), given.dtype.kind in "iu" or bool((given == np.floor(given)).all())
        shape, low, high = ((count,), UNKNOWN, classes - 1) if name == "labels" else ((count, classes), UNKNOWN, 1)
        if given.shape != shape or not whole or given.min() < low or given.max() > high:
            span = f"{given.min()} to {given.max()}" if given.size else "nothing"
            what = f"{name} is {list(given.shape)} of {span}"
            wanted = f"return {list(shape)} of whole numbers from {low} (nobody knows) to {high}"
            yield self.failed("labels", f"{what} for {count} items and {classes} classes; {wanted}", name)
            return
        if name == "label_sets" and bool(((given == UNKNOWN).any(axis=1) != (given == UNKNOWN).all(axis=1)).any()):
            yield self.failed("labels", "a row of label_sets is -1 in part; it is known whole or not at all", name)

    def label(self) -> Iterator[Finding]:
        """Hold the labels of a batch against those of all items."""
        read = self.read.get("label")
        for name in ("labels", "label_sets"):
            told = getattr(self.data, name, None)
            if read is None or told is None:
                continue
            given, own = np.asarray(told)[self.chosen], np.asarray(read)
            if given.shape != own.shape or not np.array_equal(given.astype(own.dtype), own):
                what = f"'label' of a batch is {own.tolist()[:SHOWN]}, and {name} are {given.tolist()[:SHOWN]}"
                yield self.failed("label", f"{what} for these items; return the same")

    def sizes(self) -> Iterator[Finding]:
        """Hold what is said of the sizes of bags against a batch."""
        given = getattr(self.data, "sizes", None)
        if given is None:
            return
        told = np.asarray(given)
        if len(told) != len(self.data):
            what = f"sizes has {len(told)} numbers for {len(self.data)} items; name the instances of each"
            yield self.failed("sizes", what, "sizes")
        elif OFFSETS in self.read and told[self.chosen].tolist() != self.read[OFFSETS].diff().tolist():
            found = self.read[OFFSETS].diff().tolist()
            what = f"sizes says {told[self.chosen].tolist()}, and the bags have {found} instances; correct one"
            yield self.failed("sizes", what, "sizes")

    def fit(self) -> Iterator[Finding]:
        """Fit twice: what is fitted follows from the items handed over, and from nothing else."""
        everyone, strict = np.arange(len(self.data)), self.subject.filled.frame.protocol == "strict"
        new = self.subject.make()
        with everyones_generators(1) as used:
            new.fit(everyone)
            new.fit(np.asarray(self.subject.items("train")) if strict else everyone)
        states = [json.dumps(one.state(), sort_keys=True, default=str) for one in (self.data, new)]
        if states[0] != states[1]:
            cause = f"it draws from {', '.join(used)}" if used else "it was fitted to other items before"
            what = f"fitted to the same items twice it is another, because {cause} ({_changed(self.data, new)})"
            yield self.failed("fit", f"{what}; fit to the items handed over, and forget what was there", "fit")
        was = json.dumps(self.data.state(), default=str)
        self.data.batch(self.chosen)
        if json.dumps(self.data.state(), default=str) != was:
            yield self.failed("fit", "reading a batch changes the state; fit changes it, and nothing else")

    def restore(self) -> Iterator[Finding]:
        """Write down what was fitted, and take it back."""
        state, strange = kept(self.data.state())
        if strange:
            yield self.failed("restore", strange, "state")
            return
        new = self.subject.make()
        new.restore(state)
        apart = difference(self.read, new.batch(self.chosen)) or difference(
            {"facts": dict(self.data.facts)}, {"facts": dict(new.facts)}
        )
        if apart:
            what = f"a new dataset that takes the state back is another: {apart}"
            yield self.failed("restore", f"{what}; put into state() all that fit finds", "state")

    def provenance(self) -> Iterator[Finding]:
        """Look whether it is told where the data come from, in words that a card knows."""
        told = getattr(self.data, "provenance", None)
        if not told:
            what = "has no provenance, so that no model of it can be published; say name, kind, licence and source"
            yield warned("provenance", what, self.place("provenance"))
            return
        hints = get_type_hints(Provenance)
        unknown, kinds = sorted(set(told) - set(hints)), get_args(hints["kind"])
        lacking = [key for key in ("name", "kind", "licence") if not told.get(key)]
        if unknown:
            what = f"has the key '{unknown[0]}'; a card knows {', '.join(hints)}"
            yield self.failed("provenance", what, "provenance")
        if lacking:
            yield warned("provenance", f"does not say {', '.join(lacking)}; add it", self.place("provenance"))
        if told.get("kind", kinds[0]) not in kinds:
            what = f"kind is '{told['kind']}'; say {', '.join(kinds[:-1])} or {kinds[-1]}"
            yield self.failed("provenance", what, "provenance")
        licence = told.get("licence", licences.NONE)
        if licence != licences.NONE and not licences.known(licence):
            what = f"licence '{licence}' is on no list; say its SPDX identifier in lower case, other, or none"
            yield self.failed("provenance", what, "provenance")

    def predict(self) -> Iterator[Finding]:
        """Look whether it says what it opens to predict; whether it does takes a file."""
        takes = {**getattr(self.data, "inputs", {}), **getattr(self.data, "settings", {})}
        for name, what in takes.items():
            if not (str(name).isidentifier() and isinstance(what, str) and what):
                said = f"takes '{name}' ({what!r}); name an option as a word, and say what it is"
                yield self.failed("predict", said, "inputs")
        if not callable(getattr(self.data, "open_new", None)):
            yield self.failed("predict", "has no open_new(inputs); zoo predict needs it", "open_new")
            return
        options = ", ".join(f"--{name.replace('_', '-')}" for name in takes) or "--input"
        yield skipped(
            "predict", f"no file of yours is at hand ({options}); test open_new with one in a test of your own"
        )


def _changed(one: Dataset, other: Dataset) -> str:
    """Return what differs in the states of two datasets."""
    was, now = one.state(), other.state()
    return ", ".join(sorted(key for key in {*was, *now} if str(was.get(key)) != str(now.get(key)))[:4])
